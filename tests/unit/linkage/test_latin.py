"""Names in Latin letters: which word is which, what sounds alike, and what two such names say about each other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.linkage import comparisons, features, latin, model, names, score
from hub.linkage.features import Features
from tests.unit.linkage.people import patient, record

SHIPPED = model.load()
words = st.text("abcdehklmnorstuvwy", min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("text", "family", "given_name"),
    [
        ("Green, Mitchell", "green", "mitchell"),
        ("Mitchell Green", "green", "mitchell"),
        ("O'Neil, Mary Ann", "oneil", "maryann"),
        ("Müller, Søren", "muller", "soren"),
        ("ＳＭＩＴＨ，Ｊｏｈｎ", "smith", "john"),
        ("Smith,", "smith", ""),
        (", John", "", "john"),
        ("John", "", "john"),
        ("Zhāng, Wěi", "zhang", "wei"),
    ],
)
def test_a_comma_tells_the_family_name_and_without_one_the_last_word_is_it(
    text: str, family: str, given_name: str
) -> None:
    (found,) = names.parse(text)
    assert (found.surname, found.given, found.latin) == (family, given_name, True)


@pytest.mark.parametrize("text", [",", "-,-", "123", "null", " null ", "?", ". ,"])
def test_what_has_no_letters_names_nobody(text: str) -> None:
    assert names.parse(text) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mitchell", "mitchel"), ("green", "greene"), ("philip", "filip"), ("mccarthy", "macarthy"),
        ("wright", "wraight"), ("kathryn", "cathryn"), ("jon", "john"),
    ],
)  # fmt: skip
def test_spellings_of_one_sound_have_one_code(one: str, other: str) -> None:
    assert latin.sound(one) == latin.sound(other)


@given(st.text("abcdefghijklmnopqrstuvwxyz", max_size=20))
def test_every_word_has_a_code_of_letters(word: str) -> None:
    assert bool(latin.sound(word)) == bool(word)
    assert latin.sound(word).isalpha() or not word


def levels(one: str, other: str) -> tuple[str, str]:
    (found,) = score.score_pairs(SHIPPED, [(record(one), record(other))])
    named = dict(zip(comparisons.COMPARISONS, found.levels, strict=True))
    by_field = {c.field: c.levels[level] for c, level in named.items()}
    return by_field["surname"], by_field["given"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Green, Mitchell", "GREEN, MITCHELL", ("same", "same")),
        ("Green, Mitchell", "Mitchell Green", ("same", "same")),
        ("Green, Mitchell", "Mitchell, Green", ("missing", "swapped")),
        ("Green, Mitchell", "Mitchel, Green", ("missing", "swapped")),
        ("Green, Mitchell", "Greem, Mitchell", ("slip", "same")),
        ("Green, Mitchell", "Greene, Mitchlel", ("slip", "shape")),
        ("Green, Philip", "Green, Fillip", ("same", "near-sound")),
        ("Green, Mitchell", "Green, M", ("same", "shortened")),
        ("Green, Mary Ann", "Green, Mary", ("same", "shortened")),
        ("Green, Mitchell", "Green, Erin", ("same", "differs")),
        ("Green, Mitchell", "Erin, Green", ("slip", "differs")),
        ("Green,", "Green, Erin", ("same", "missing")),
        ("ZHANG Wei", "张伟", ("missing", "sound")),
        ("Green, Mitchell", "张伟", ("missing", "differs")),
    ],
)
def test_levels(one: str, other: str, expected: tuple[str, str]) -> None:
    assert levels(one, other) == levels(other, one) == expected


@settings(max_examples=40)
@given(words, words, words, words)
def test_two_latin_names_weigh_the_same_either_way_about(a: str, b: str, c: str, d: str) -> None:
    one, other = record(f"{a}, {b}"), record(f"{c}, {d}")
    forth, back = score.score_pairs(SHIPPED, [(one, other), (other, one)])
    assert forth == back


def test_the_parts_of_a_latin_name_tell_more_than_its_text() -> None:
    def of(name: dict[str, object]) -> Features:
        return features.extract({**patient(), "name": [name]})

    apart = of({"text": "Van Dyke Rose", "family": "Van Dyke", "given": ["Rose"]})
    assert apart.text("name") == "Van Dyke, Rose"
    assert of({"text": "王晓燕", "family": "王", "given": ["晓燕"]}).text("name") == "王晓燕"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("王?燕", "王□燕"), ("王？燕", "王□燕"), ("王*燕", "王□燕"), ("王\ue001燕", "王□燕"), ("王晓\ufffd", "王晓□"),
        ("欧阳?秀", "欧阳□秀"), ("王晓燕?", "王晓燕"), ("买买提?艾力", "买买提·艾力"), ("买买提*艾力", "买买提·艾力"),
    ],
)  # fmt: skip
def test_a_lost_character_leaves_a_gap(text: str, written: str) -> None:
    assert names.parse(text)[0].written == written


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("王□燕", "王晓燕", ("same", "character-lost")),
        ("王□燕", "王□燕", ("same", "character-lost")),
        ("王晓□", "王晓燕", ("same", "character-lost")),
        ("王□燕", "王晓莺", ("same", "differs")),
        ("王□", "王燕", ("same", "missing")),
        ("□晓燕", "王晓燕", ("missing", "same")),
        ("王晓", "王晓□", ("same", "shortened")),
    ],
)
def test_what_a_gap_leaves_is_compared(one: str, other: str, expected: tuple[str, str]) -> None:
    assert levels(one, other) == levels(other, one) == expected
