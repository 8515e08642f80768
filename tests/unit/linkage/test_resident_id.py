"""Resident IDs: check digit, forms, placeholders and distance."""

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.linkage import resident_id
from hub.linkage.resident_id import Form, parse
from tests.unit.linkage.people import number

numbers = st.builds(
    number,
    county=st.sampled_from(("410108", "330784", "441827", "110101")),
    born=st.dates(date(1900, 1, 2), date(2025, 1, 1)).map(lambda d: d.strftime("%Y%m%d")),
    sequence=st.integers(1, 998),
)


def test_the_standard_s_own_example_has_the_check_character_x() -> None:
    """GB 11643-1999, appendix: 11010519491231002X."""
    assert resident_id.check_digit("11010519491231002") == "X"


@given(numbers)
def test_a_right_number_is_read_whole(text: str) -> None:
    assume(not text.endswith("000") and text[14:] not in ("1111", "1234", "8888", "9999"))
    found = parse(text.lower())
    assert found is not None
    assert (found.text, found.form) == (text, Form.CHECKED)
    assert found.birth_date.strftime("%Y%m%d") == text[6:14]
    assert found.male == (int(text[16]) % 2 == 1)


@given(numbers)
def test_fifteen_and_eighteen_digits_are_one_number(text: str) -> None:
    assume(text.startswith("19", 6) and not text.endswith("000") and text[14:] not in ("1111", "1234", "8888", "9999"))
    old, new = parse(text[:6] + text[8:17]), parse(text)
    assert old is not None
    assert new is not None
    assert old.text == new.text
    assert (old.form, resident_id.distance(old, new)) == (Form.OLD, 0)


@pytest.mark.parametrize(
    "text",
    [
        "000000000000000000", "111111111111111111", "000000199005010000", "123456789012345678", "410108199013010012",
        "410108199002300012", "4.1010E+17", "无", "", "41010819900501", "991508199005010019", "410108199005019999",
    ],
)  # fmt: skip
def test_placeholders_and_impossible_numbers_identify_nobody(text: str) -> None:
    assert parse(text) is None


def test_a_wrong_check_digit_is_kept_and_marked() -> None:
    wrong = number()[:17] + ("0" if number()[17] != "0" else "1")
    found = parse(wrong)
    assert found is not None
    assert found.form is Form.UNCHECKED


def test_a_number_cut_by_a_spreadsheet_keeps_its_first_fifteen_digits_only() -> None:
    found = parse("410108199005011000")
    assert found is not None
    assert (found.form, found.male) == (Form.CUT, None)


def test_full_width_digits_spaces_and_hyphens_are_noise() -> None:
    spread = number().translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert parse(f" {spread[:6]}-{spread[6:14]}\u00a0{spread[14:]} ") == parse(number())


@given(numbers, st.integers(6, 15))
def test_a_swap_of_neighbours_is_one_slip_either_way(text: str, place: int) -> None:
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    one, other = parse(text), parse(swapped)
    assume(one is not None and other is not None and swapped != text)
    assert one is not None
    assert other is not None
    assert resident_id.distance(one, other) == resident_id.distance(other, one) == 1
