"""Dates, moments and periods as spans of time, and the days, months, years and decades that cover them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.fhir.search import nodes
from hub.fhir.search.spans import ALWAYS, DAY, Span, local_day, moment_of, of_moment, span_of, spans_of

CHINA = timedelta(hours=8)


@pytest.mark.parametrize(
    ("text", "start", "width"),
    [
        ("2024", datetime(2023, 12, 31, 16, tzinfo=UTC), 366 * DAY),
        ("2024-02", datetime(2024, 1, 31, 16, tzinfo=UTC), 29 * DAY),
        ("2024-12", datetime(2024, 11, 30, 16, tzinfo=UTC), 31 * DAY),
        ("2024-02-29", datetime(2024, 2, 28, 16, tzinfo=UTC), DAY),
        ("2024-02-29T08:30", datetime(2024, 2, 29, 0, 30, tzinfo=UTC), 60_000_000),
        ("2024-02-29T08:30:15Z", datetime(2024, 2, 29, 8, 30, 15, tzinfo=UTC), 1_000_000),
        ("2024-02-29T08:30:15.25-02:30", datetime(2024, 2, 29, 11, 0, 15, 250_000, tzinfo=UTC), 10_000),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC), 1_000_000),
    ],
)
def test_a_date_is_all_the_time_that_it_leaves_open(text: str, start: datetime, width: int) -> None:
    assert span_of(text) == Span(of_moment(start), of_moment(start) + width)
    assert moment_of(of_moment(start)) == start


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "2024-13",
        "2023-02-29",
        "0000",
        "2024-02-30",
        "2024-1-1",
        "2024-02-29T24:00",
        "2024-02-29T08:61",
        "２０２４",
    ],
)
def test_what_no_calendar_has_is_no_date(text: str) -> None:
    assert span_of(text) is None


def test_periods_and_timings_are_their_outer_limits() -> None:
    day = span_of("2024-03-01")
    assert day is not None
    cases: list[tuple[Any, list[Span]]] = [
        ({"start": "2024-03-01"}, [Span(day.start, ALWAYS)]),
        ({"end": "2024-03-01"}, [Span(-ALWAYS, day.end)]),
        ({"start": "2024-03-02", "end": "2024-03-01"}, [Span(day.end - 1, day.end + 1)]),
        ({"event": ["2024-03-01", "2024-03-01T00:00:00+08:00"]}, [day]),
        ({"repeat": {"boundsPeriod": {"start": "2024-03-01", "end": "2024-03-01"}}}, [day]),
        ({"repeat": {"count": 3}}, []),
        ({"value": 3, "unit": "a"}, []),
        ("soon", []),
    ]
    assert [list(spans_of(value)) for value, _ in cases] == [expected for _, expected in cases]


@given(st.dates())
def test_a_day_is_told_with_what_it_lies_in(day: date) -> None:
    span = span_of(day.isoformat())
    assert span is not None
    assert local_day(span.start) == local_day(span.end - 1) == day
    assert nodes.of_span(span) == nodes.of_day(day.isoformat())


@given(st.dates(date(1880, 1, 1), date(2120, 12, 31)), st.integers(0, 40_000))
def test_a_range_of_days_is_covered_without_a_gap(first: date, length: int) -> None:
    last = min(first + timedelta(days=length), date(2120, 12, 31))
    cover = set(nodes.inside(first, last))
    assert len(cover) <= 125
    for day in {first, last, first + (last - first) / 2, date(last.year, 1, 1), date(first.year, 12, 31)}:
        if nodes.EARLIEST <= day <= nodes.LATEST:
            assert (first <= day <= last) is not cover.isdisjoint(nodes.of_day(day.isoformat()))
        elif first <= day <= last:
            assert not cover.isdisjoint(nodes.of_day(day.isoformat()))
