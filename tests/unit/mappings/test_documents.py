"""Resident ID numbers: 15 and 18 digits, check digits, placeholders, numbers that a spreadsheet ruined."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.engine.model import DocumentNumber, Noted
from mappings.engine.transforms.documents import check_digit, document_number, resident_id, to_18

PROVINCES = st.sampled_from(["11", "33", "41", "44", "65", "83"])


@st.composite
def numbers(draw: st.DrawFn) -> str:
    born = draw(st.dates(date(1900, 1, 1), date(2024, 1, 1)))
    first = f"{draw(PROVINCES)}{draw(st.integers(100, 9999)):04d}{born:%Y%m%d}{draw(st.integers(1, 999)):03d}"
    return first + check_digit(first)


def found(text: str) -> tuple[DocumentNumber | None, list[str]]:
    answer = resident_id(text)
    if isinstance(answer, Noted):
        return answer.value, [note.code for note in answer.notes]
    assert isinstance(answer, DocumentNumber)
    return answer, []


@given(numbers())
def test_a_right_number_gives_birth_date_and_sex(number: str) -> None:
    value, notes = found(number)
    assert notes == []
    assert value == DocumentNumber(
        number, f"{number[6:10]}-{number[10:12]}-{number[12:14]}", "male" if int(number[16]) % 2 else "female", True
    )


@given(numbers())
def test_the_ways_of_typing_do_not_matter(number: str) -> None:
    wide = number.translate(str.maketrans("0123456789X", "０１２３４５６７８９Ｘ"))
    for text in (wide, number.lower(), f"'{number}", f"\u00a0{number} ", f"{number[:6]} {number[6:14]} {number[14:]}"):
        assert found(text)[0] == found(number)[0]


@given(numbers(), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_never_passes_unnoticed(number: str, at: int, more: int) -> None:
    wrong = number[:at] + str((int(number[at]) + more) % 10) + number[at + 1 :]
    value, notes = found(wrong)
    assert notes
    assert value is None or not value.checked


@given(numbers())
def test_the_old_form_converts(number: str) -> None:
    if number[6:8] == "19":
        old = number[:6] + number[8:17]
        assert to_18(old) == number
        value, _ = found(old)
        assert value is not None
        assert value.value == old
        assert value.birth_date == f"{number[6:10]}-{number[10:12]}-{number[12:14]}"


def test_a_wrong_check_digit_is_a_warning_and_the_number_is_kept() -> None:
    value, notes = found("410108199005120021")
    assert notes == ["id-check-digit"]
    assert value == DocumentNumber("410108199005120021", "1990-05-12", "female", False)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("4.1E+17", "id-ruined"),
        ("4.10108E+17", "id-ruined"),
        ("4.10108199005120E+17", "id-ruined"),
        ("000000000000000000", "id-placeholder"),
        ("111111111111111111", "id-placeholder"),
        ("11111111111111111X", "id-placeholder"),
        ("000000199005120000", "id-placeholder"),
        ("123456789012345678", "id-placeholder"),
        ("999999999999999", "id-placeholder"),
        ("410108000000000000", "id-placeholder"),
        ("41010819900512002", "id-malformed"),
        ("4101081990051200221", "id-malformed"),
        ("410108199002300022", "id-malformed"),
        ("410108156210191181", "id-malformed"),
        ("990108199005120022", "id-malformed"),
        ("无", "id-malformed"),
    ],
)
def test_what_cannot_be_used_says_why(text: str, code: str) -> None:
    assert found(text) == (None, [code])


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading(text: str) -> None:
    found(text)
    document_number(text)


@pytest.mark.parametrize("text", ["E12345678", "军字第12345号", "h12345678(9)"])
def test_other_documents(text: str) -> None:
    assert document_number(text) == DocumentNumber(text.upper())


@pytest.mark.parametrize("text", ["1", "4.1E+17", "0000000", "<script>", "号" * 40])
def test_other_documents_that_are_none(text: str) -> None:
    answer = document_number(text)
    assert isinstance(answer, Noted)
    assert answer.value is None
