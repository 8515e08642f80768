"""Names, phones, lists, numbers, certificate numbers, words: each transform by example and by property."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.engine.model import Noted, PersonName
from mappings.engine.transforms import REGISTRY, certificates, lists, names, numbers, phones, text

HAN = st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=2, max_size=4)


def codes(answer: object) -> list[str]:
    return [note.code for note in answer.notes] if isinstance(answer, Noted) else []


def value(answer: object) -> object:
    return answer.value if isinstance(answer, Noted) else answer


@given(HAN)
def test_a_chinese_name_keeps_every_character(name: str) -> None:
    found = names.person_name(name)
    assert isinstance(found, PersonName)
    assert found.text == name == f"{found.family}{found.given}"


@given(HAN)
def test_padding_inside_a_name_goes(name: str) -> None:
    assert names.person_name(f"\u3000{name[0]}\u3000{name[1:]} ") == names.person_name(name)


@pytest.mark.parametrize(
    ("given_text", "found"),
    [
        ("欧阳娜娜", PersonName("欧阳娜娜", "欧阳", "娜娜")),
        ("欧阳", PersonName("欧阳", "欧", "阳")),
        ("司马相如", PersonName("司马相如", "司马", "相如")),
        ("王芳（王小芳）", PersonName("王芳", "王", "芳", "王小芳")),
        ("王芳(曾用名：王小芳)", PersonName("王芳", "王", "芳", "王小芳")),
        ("王芳（）", PersonName("王芳", "王", "芳", None)),
        ("阿依古丽·买买提", PersonName("阿依古丽·买买提")),
        ("John  Smith", PersonName("John Smith")),
        ("㼆𠮷", PersonName("㼆𠮷", "㼆", "𠮷")),
    ],
)
def test_names(given_text: str, found: PersonName) -> None:
    assert names.person_name(given_text) == found


def test_a_lost_character_is_pointed_out_and_a_mask_refused() -> None:
    assert codes(names.person_name("刘莲?")) == ["name-suspicious"]
    assert codes(names.person_name("刘\ue863")) == ["private-use-character"]
    assert value(names.person_name("刘**")) is None
    assert codes(names.person_name("刘＊")) == ["name-masked"]


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_mobile_numbers(number: str) -> None:
    wide = number.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    for typed in (
        number,
        wide,
        f"+86{number}",
        f"86{number}",
        f"{number[:3]} {number[3:7]} {number[7:]}",
        f"{number}.0",
    ):
        assert value(phones.phones(typed)) == (number,), typed


@pytest.mark.parametrize(
    ("typed", "found", "notes"),
    [
        ("0371-63712345/13800000000", ("037163712345", "13800000000"), []),
        ("13800000000、13800000000", ("13800000000",), []),
        ("1.38E+10", None, ["phone-ruined"]),
        ("12345", None, ["phone-malformed"]),
        ("13800000000，没有", ("13800000000",), ["phone-malformed"]),
    ],
)
def test_phones(typed: str, found: tuple[str, ...] | None, notes: list[str]) -> None:
    answer = phones.phones(typed)
    assert (value(answer), codes(answer)) == (found, notes)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("张明、张红", ("张明", "张红")),
        ("张明(男、2015)、张红", ("张明(男、2015)", "张红")),
        ("张明，张红；张青", ("张明", "张红", "张青")),
        ("张明\n张红", ("张明", "张红")),
        ("2", None),
        ("无", None),
        ("、", None),
    ],
)
def test_items(typed: str, found: tuple[str, ...] | None) -> None:
    assert lists.items()(typed) == found


@given(st.lists(HAN, min_size=1, max_size=5))
def test_items_come_back(parts: list[str]) -> None:
    assert lists.items(none=[])("、".join(parts)) == tuple(parts)


@given(st.integers(0, 500))
def test_whole_numbers_with_units(number: int) -> None:
    for typed in (str(number), f"{number}周", f"{number}.0", f" {number} "):
        assert numbers.integer(0, 500)(typed) == number


@pytest.mark.parametrize("typed", ["501", "-1", "3.5", "heavy", "", "1e3"])
def test_whole_numbers_that_are_none(typed: str) -> None:
    assert value(numbers.integer(0, 500)(typed)) is None


def test_decimals_show_no_point_zero() -> None:
    assert json.dumps([numbers.decimal()("50.0cm"), numbers.decimal()("50.5")]) == "[50, 50.5]"


@pytest.mark.parametrize(
    ("of", "typed", "found"),
    [
        ("marriage", "J410108-2020-000123", "J4101082020000123"),
        ("marriage", "bj410108－2020－000123", "BJ4101082020000123"),
        ("marriage", "J410108202000012", None),
        ("marriage", "X320101001", None),
        ("birth", "x320101001", "X320101001"),
        ("birth", "320101001", None),
    ],
)
def test_certificate_numbers(of: str, typed: str, found: str | None) -> None:
    assert value(certificates.certificate_number(of)(typed)) == found


def test_a_holder_key_is_public_or_nothing() -> None:
    key = {"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ"}
    assert certificates.public_jwk(json.dumps(key | {"kid": "1"})) == key
    for wrong in (json.dumps(key | {"d": "ZA"}), json.dumps({"kty": "oct", "k": "aw"}), "[]", "nothing", "[" * 5000):
        assert value(certificates.public_jwk(wrong)) is None


@given(st.text())
def test_folding_twice_changes_nothing(typed: str) -> None:
    once = text.fold(typed)
    assert text.fold(once) == once
    assert text.squeeze(once) == text.squeeze(typed)


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1))
def test_folding_keeps_chinese(typed: str) -> None:
    assert text.fold(typed) == typed


def test_yes_and_no() -> None:
    read = text.truth()
    assert [read("是"), read("0"), read("Ｙ")] == [True, False, True]
    assert value(read("maybe")) is None


def test_damaged_text_is_recognised() -> None:
    assert text.damaged("锟斤拷")
    assert text.damaged("王\ufffd")
    assert not text.damaged("王芳")


@pytest.mark.parametrize("name", sorted(REGISTRY))
@given(typed=st.text(max_size=50))
def test_no_text_breaks_a_transform(name: str, typed: str) -> None:
    options: dict[str, object] = {
        "code": {"tables": ["huiji-sex"], "original": "urn:x"},
        "words": {"table": "huiji-purpose"},
        "certificate_number": {"of": "birth"},
    }.get(name, {})  # type: ignore[assignment]
    transform = REGISTRY[name].make(**options)
    transform((typed,) if name == "words" else typed)


@pytest.mark.parametrize("unit", ["(", "(a)、", "、", "[（"])
def test_items_of_a_long_cell_take_no_longer_than_it_is_long(unit: str) -> None:
    """A quadratic reading of this much would take minutes."""
    lists.items()(unit * (400_000 // len(unit)))
