"""Dates in every fashion that counties use."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.engine.model import Noted, PartialDate
from mappings.engine.transforms import dates

ALL = frozenset({"epoch-ms", "serial"})
DAYS = st.dates(date(1880, 1, 1), date(2099, 12, 31))


def read(text: str, shapes: frozenset[str] = ALL) -> tuple[str | None, list[str]]:
    answer = dates.read(text, shapes)
    value, notes = (answer.value, answer.notes) if isinstance(answer, Noted) else (answer, ())
    return (value.text if isinstance(value, PartialDate) else None), [note.code for note in notes]


@given(DAYS)
def test_each_full_form_gives_the_day(day: date) -> None:
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    forms = [
        day.isoformat(),
        f"{day.year}.{day.month}.{day.day}",
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%Y%m%d}",
        f"{day} 00:00:00",
        f"{day}T08:15:00+08:00",
        f" {day.year}年 {day.month}月{day.day}日\u00a0",
        day.isoformat().translate(wide),
    ]
    for form in forms:
        assert read(form) == (day.isoformat(), []), form


@given(st.dates(date(1910, 1, 2), date(2099, 12, 31)))
def test_day_numbers_of_a_spreadsheet(day: date) -> None:
    number = (day - date(1899, 12, 30)).days
    assert read(str(number)) == (day.isoformat(), ["date-from-serial"])
    assert read(f"{number}.0")[0] == day.isoformat()
    assert read(str(number), frozenset())[0] is None


@given(st.dates(date(1930, 1, 1), date(2030, 12, 31)))
def test_epoch_milliseconds_of_midnight_in_shanghai(day: date) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=dates.SHANGHAI)
    milliseconds = int(midnight.timestamp()) * 1000
    if abs(milliseconds) >= 10**7:
        assert read(str(milliseconds))[0] == day.isoformat()


def test_epoch_milliseconds_in_the_summer_time_of_1987() -> None:
    assert read("552063600000") == ("1987-07-01", [])
    assert datetime.fromtimestamp(552063600, UTC) + timedelta(hours=9) == datetime(1987, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1990.5", ("1990-05", [])),
        ("1990.10", ("1990-10", [])),
        ("1990.1", ("1990", ["date-month-ambiguous"])),
        ("1990-1", ("1990-01", [])),
        ("1990年5月", ("1990-05", [])),
        ("199005", ("1990-05", ["date-day-missing"])),
        ("1990", ("1990", [])),
        ("1990年", ("1990", [])),
        ("19900500", ("1990-05", ["date-day-missing"])),
        ("1990-05-00", ("1990-05", ["date-day-missing"])),
        ("19900000", ("1990", ["date-day-missing"])),
        ("1990-02-30", (None, ["date-impossible"])),
        ("1990.13", (None, ["date-impossible"])),
        ("90.5", (None, ["date-two-digit-year"])),
        ("90年5月3日", (None, ["date-two-digit-year"])),
        ("不详", (None, ["date-unreadable"])),
        ("99999", (None, ["date-unreadable"])),
        ("00010101", (None, ["date-unreadable"])),
        ("99991231", (None, ["date-unreadable"])),
        ("9999-12-31", (None, ["date-unreadable"])),
        ("18491231", (None, ["date-unreadable"])),
        ("1849-12-31", (None, ["date-unreadable"])),
        ("18500101", ("1850-01-01", [])),
        ("-9999999999999", (None, ["date-unreadable"])),
        ("9999999999999", (None, ["date-unreadable"])),
        ("农历0001年13月1日", (None, ["date-unreadable"])),
        ("农历1990年五月初三", ("1990-05-26", ["date-lunar"])),
        ("1978年1月24日(农历)", ("1978-03-02", ["date-lunar"])),
        ("一九九〇年腊月廿三（农历）", ("1991-02-07", ["date-lunar"])),
        ("农历1990年", ("1990", ["date-lunar-unreadable"])),
        ("农历1990年13月40日", ("1990", ["date-lunar-unreadable"])),
    ],
)
def test_partial_ambiguous_and_lunar(text: str, found: tuple[str | None, list[str]]) -> None:
    assert read(text) == found


def test_an_ambiguous_month_keeps_both_readings() -> None:
    answer = dates.read("1990.1", ALL)
    assert isinstance(answer, Noted)
    assert answer.value.alternatives == ("1990-01", "1990-10")


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading(text: str) -> None:
    answer = dates.read(text, ALL)
    value = answer.value if isinstance(answer, Noted) else answer
    assert value is None or isinstance(value, PartialDate)


@given(st.text(alphabet="0123456789.-/年月日初廿十农历闰 ", max_size=16))
def test_what_is_read_is_a_real_date(text: str) -> None:
    found, _ = read(text)
    if found is not None:
        date.fromisoformat(found + "-01-01"[: 10 - len(found)] if len(found) == 4 else found + "-01"[: 10 - len(found)])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("99991231", True), ("9999-12-31", True), ("9999-12-31 23:59:59", True), ("９９９９年12月31日", True),
        ("长期", True), ("长期有效", True), ("9999-12-30", False), ("2099-12-31", False), ("", False),
    ],
)  # fmt: skip
def test_what_stands_for_no_end(text: str, found: bool) -> None:
    assert dates.endless(text) is found


def test_a_precise_day_refuses_a_month() -> None:
    transform = dates.day(precise=True)
    assert transform("2015年5月20日") == "2015-05-20"
    assert isinstance(transform("2015.5"), Noted)
    assert dates.day()("2015.5") == "2015-05"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2024-03-05 08:30:00", "2024-03-05T08:30:00+08:00"),
        ("2024年3月5日 8时30分", "2024-03-05T08:30:00+08:00"),
        ("2024/3/5 8:30", "2024-03-05T08:30:00+08:00"),
        ("2024-03-05T00:30:00Z", "2024-03-05T08:30:00+08:00"),
        ("2024-03-05T09:30:00+0900", "2024-03-05T08:30:00+08:00"),
        ("1709598600000", "2024-03-05T08:30:00+08:00"),
    ],
)
def test_instants(text: str, found: str) -> None:
    assert dates.instant(["epoch-ms"])(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05",
        "2024-02-30 08:00",
        "2024-03-05 25:00",
        "gestern",
        "2026-01-01 10:00+99:99",
        "0001-01-01 00:00:00+23:59",
        "9999-12-31 23:59:59-23:59",
    ],
)
def test_times_that_are_none(text: str) -> None:
    answer = dates.instant()(text)
    assert isinstance(answer, Noted)
    assert answer.value is None
