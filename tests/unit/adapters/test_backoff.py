"""Delays grow, stay within their cap, and never undercut what the hub asked for."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.client.backoff import delay, http_date, retry_after_seconds

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 86_400))
def test_a_delay_is_bounded_both_ways(attempt: int, draw: float, asked: float | None) -> None:
    waited = delay(attempt, first=2, cap=900, draw=draw, retry_after=asked)
    assert waited >= 1
    assert waited >= (asked or 0)
    assert waited <= max(900, (asked or 0) * 1.1)


@given(st.floats(0, 1, exclude_max=True))
def test_a_later_attempt_waits_at_least_as_long(draw: float) -> None:
    waits = [delay(attempt, first=2, cap=900, draw=draw) for attempt in range(1, 20)]
    assert waits == sorted(waits)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("0", 0),
        ("120", 120),
        ("999999999999", 86_400),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30),
        (" 120 ", 120),
        ("9" * 5000, 86_400),
        ("²", None),
        ("１２０", None),
        ("٣", None),
        ("1²", None),
        ("-5", None),
        ("1.5", None),
        ("1_0", None),
        ("Sun, 01 Mar 99999999999999999999 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@given(st.text(max_size=40))
def test_no_header_makes_a_gateway_fail_or_wait_for_ever(value: str) -> None:
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or 0 <= seconds <= 86_400


@pytest.mark.parametrize("told", ["²", "Sun, 01 Mar 99999999999999999999 12:00:00 GMT", "x", ""])
def test_what_is_no_date_is_none(told: str) -> None:
    assert http_date(told) is None


def test_a_date_without_a_zone_is_taken_for_utc() -> None:
    assert http_date("Sun, 01 Mar 2026 12:00:00 -0000") == NOW
