"""Dates, phones and addresses as records hold them."""

from datetime import date

import pytest
from borax.calendars.lunardate import InvalidLunarDateError, LunarDate
from hypothesis import given
from hypothesis import strategies as st

from hub.linkage import dates, divisions, phones


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1990-05-01", 19900501), ("19900501", 19900501), ("1990-05", 19900500), ("1990", 19900000),
        ("1990-05-00", 19900500), ("1990-00-00", 19900000), ("1990-02-31", 19900200), ("1990-13-01", 0),
        ("1900-01-01", 0), ("0000-00-00", 0), ("", 0), ("someday", 0), ("2020-01-01T08:00:00+08:00", 20200101),
    ],
)  # fmt: skip
def test_dates_are_read_as_far_as_they_are_known(text: str, number: int) -> None:
    assert dates.parse(text) == number


@given(st.dates(date(1901, 3, 1), date(2099, 1, 1)))
def test_a_lunar_date_leads_back_to_the_solar_one(day: date) -> None:
    lunar = LunarDate.from_solar_date(day.year, day.month, day.day)
    if not lunar.leap:
        figures = lunar.year * 10000 + lunar.month * 100 + lunar.day
        assert dates.from_lunar(figures) == int(day.strftime("%Y%m%d"))


def test_every_lunar_month_begins_and_ends_as_the_calendar_says() -> None:
    for year in range(1900, 2100):
        for month in range(1, 13):
            first, length = dates.lunar_months()[year * 100 + month]
            assert LunarDate(year, month, 1).to_solar_date().toordinal() == first
            assert LunarDate(year, month, length).to_solar_date().toordinal() == first + length - 1
            with pytest.raises(InvalidLunarDateError):
                LunarDate(year, month, length + 1).to_solar_date()


@pytest.mark.parametrize("number", [0, 19900000, 19900500, 19900230 + 1, 18500101, 21000101])
def test_what_is_no_lunar_day_has_no_solar_date(number: int) -> None:
    assert dates.from_lunar(number) == 0


@pytest.mark.parametrize(
    "text", ["13812345670", "+86 138-1234-5670", "0086 13812345670", "013812345670", "１３８１２３４５６７０"]
)
def test_one_phone_however_written(text: str) -> None:
    assert phones.parse(text) == "13812345670"


@pytest.mark.parametrize("text", ["", "无", "13800000000", "11111111111", "1381234567", "12345678", "138123456701"])
def test_fillers_are_no_phones(text: str) -> None:
    assert phones.parse(text) == ""


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_packing_keeps_phones_apart(a: str, b: str) -> None:
    assert (phones.packed(a) == phones.packed(b)) == (a == b)


def test_a_division_is_brought_to_its_present_code() -> None:
    renamed = {"441827000000": "441803000000"}
    assert divisions.parse("441827", lambda code: renamed.get(code, code)) == 441803000000
    assert divisions.parse("410108", str) == 410108000000
    assert [divisions.parse(text, str) for text in ("", "abc", "12345", "000000")] == [0, 0, 0, 0]
    assert divisions.county(410108003000) == 410108
    assert divisions.county(410100000000) == 0
