"""Names and characters: splitting, folding, brackets, dots, sounds and shapes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin.constants import PINYIN_DICT

from hub.linkage import hanzi, name_levels, names
from hub.linkage.data.build_readings import readings

plain = st.sampled_from([char for char, shape in hanzi.table().items() if shape.fold == char and ord(char) < 65536])


@pytest.mark.parametrize(
    ("text", "surname", "given_name"),
    [
        ("张伟", "张", "伟"),
        ("張偉", "张", "伟"),
        ("欧阳文秀", "欧阳", "文秀"),
        ("歐陽文秀", "欧阳", "文秀"),
        ("司马光", "司马", "光"),
        ("李　明", "李", "明"),
        ("李\u00a0明 ", "李", "明"),
        ("张王美丽", "张王", "美丽"),
        ("古丽米娜", "", "古丽米娜"),
    ],
)
def test_names_are_split_and_folded(text: str, surname: str, given_name: str) -> None:
    found = names.parse(text)[0]
    assert (found.surname, found.given) == (surname, given_name)


@pytest.mark.parametrize("dot", "·•‧∙⋅・･．.˙-﹒᛫")
def test_every_kind_of_middle_dot_gives_one_name(dot: str) -> None:
    assert names.parse(f"买买提{dot}艾力")[0].text == names.parse("买买提·艾力")[0].text == "买买提艾力"


@pytest.mark.parametrize(
    "text", ["李燕（曾用名：王晓燕）", "李燕(王晓燕)", "李燕【原名王晓燕】", "李燕（王晓燕", "李燕 (原名: 王晓燕)"]
)
def test_a_name_in_brackets_is_a_former_name(text: str) -> None:
    assert [name.text for name in names.parse(text)] == ["李燕", "王晓燕"]


@pytest.mark.parametrize("text", ["", "无", "無", "不详", "null", "同上", "---", "123", "（）"])
def test_what_names_nobody_gives_no_name(text: str) -> None:
    assert names.parse(text) == ()


def test_a_surname_sounds_as_a_surname() -> None:
    assert names.parse("单晓")[0].plain_sound == "shan xiao"
    assert names.parse("曾晓")[0].plain_sound == "zeng xiao"
    assert names.parse("尉迟晓")[0].plain_sound == "yu chi xiao"


def test_latin_letters_sound_like_the_name_they_spell() -> None:
    spelt, written = names.parse("ZHANG Wei")[0], names.parse("张伟")[0]
    assert spelt.plain_sound.replace(" ", "") == written.plain_sound.replace(" ", "")


def test_a_husband_s_surname_in_front_is_taken_off() -> None:
    wife, husband, stranger = names.parse("喻贾玲")[0], names.parse("喻强")[0], names.parse("王强")[0]
    own = names.without_husband(wife, husband)
    assert own is not None
    assert own.text == "贾玲"
    assert names.without_husband(wife, stranger) is None
    assert names.without_husband(names.parse("喻玲")[0], husband) is None


@settings(max_examples=300)
@given(st.text(max_size=12))
def test_any_text_is_read_without_error_and_reading_again_changes_nothing(text: str) -> None:
    for name in names.parse(text):
        again = names.parse(name.written)
        assert again
        assert again[0].text == name.text
        assert len(name.sound) >= 1


@given(st.sampled_from(sorted(hanzi.table())), st.sampled_from(sorted(hanzi.table())))
def test_likeness_of_characters_is_symmetric_and_bounded(a: str, b: str) -> None:
    assert hanzi.similarity(a, b) == hanzi.similarity(b, a)
    assert 0 <= hanzi.similarity(a, b) <= 1
    assert hanzi.similarity(a, a) == 1


@pytest.mark.parametrize("pair", ["己已", "海诲", "侯候", "佳住", "明朋", "峰锋", "张張", "波坡", "洁浩"])
def test_look_alikes_are_alike(pair: str) -> None:
    assert hanzi.similarity(*pair) >= hanzi.ALIKE


@pytest.mark.parametrize("pair", ["王燕", "伟丽", "军芳", "国秀", "建慧"])
def test_unlike_characters_are_not(pair: str) -> None:
    assert hanzi.similarity(*pair) < hanzi.ALIKE


@given(st.text(alphabet="張劉陳楊黃趙吳歐陽國華偉麗王李明", max_size=6))
def test_folding_twice_is_folding_once_and_keeps_the_length(text: str) -> None:
    once = hanzi.fold(text)
    assert hanzi.fold(once) == once
    assert len(once) == len(text)


def test_every_fold_is_its_own_fold() -> None:
    assert [c for c, shape in hanzi.table().items() if hanzi.fold(shape.fold) != shape.fold] == []


@pytest.mark.parametrize(("a", "b"), [("zhang1", "zang1"), ("lin2", "ling2"), ("nan2", "lan2"), ("chen2", "cheng2")])
def test_dialects_blur_sounds(a: str, b: str) -> None:
    assert hanzi.near_sound(a) == hanzi.near_sound(b)
    assert hanzi.sound_code(a) != hanzi.sound_code(b)


def test_readings_are_those_of_pypinyin() -> None:
    assert [char for char in map(chr, PINYIN_DICT) if hanzi.sounds(char) != readings(char)] == []


@given(st.lists(st.tuples(plain, plain), min_size=1, max_size=200))
def test_likeness_in_batches_is_that_of_pairs(pairs: list[tuple[str, str]]) -> None:
    left, right = (np.array([ord(char) for char in side], dtype=np.uint64) for side in zip(*pairs, strict=True))
    alike = [hanzi.similarity(a, b) >= hanzi.ALIKE - 1e-9 for a, b in pairs]
    assert name_levels.alike(left, right).tolist() == alike


def test_sound_codes_tell_all_readings_apart() -> None:
    readings = {sound for char in "".join(hanzi.table()) for sound in hanzi.sounds(char)[:1]}
    readable = {sound for sound in readings if hanzi.sound_code(sound)}
    assert len(readable) > 1000
    assert len({hanzi.sound_code(sound) for sound in readable}) == len(readable)


def test_of_a_name_that_fills_pages_the_beginning_is_read() -> None:
    """Long names are compared letter by letter with each other: two of a megabyte would take hours."""
    (name,) = names.parse("阿" * 100_000)
    assert name.text == "阿" * 200
    assert len(names.parse("王小明" + "(李四)(李五)" * 50_000)) < 100
