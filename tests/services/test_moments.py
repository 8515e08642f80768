"""FHIR dates as moments: days, months and years, and those that no clock shows."""

from datetime import UTC, datetime

import pytest

from hub.services.consents import _moment

LAST, FIRST = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2026-03-01", datetime(2026, 2, 28, 16, tzinfo=UTC), datetime(2026, 3, 1, 16, tzinfo=UTC)),
        ("2026-02", datetime(2026, 1, 31, 16, tzinfo=UTC), datetime(2026, 2, 28, 16, tzinfo=UTC)),
        ("2026-12", datetime(2026, 11, 30, 16, tzinfo=UTC), datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2026", datetime(2025, 12, 31, 16, tzinfo=UTC), datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("2026-03-01T10:00:00+08:00", datetime(2026, 3, 1, 2, tzinfo=UTC), datetime(2026, 3, 1, 2, tzinfo=UTC)),
        ("9999-12-31", datetime(9999, 12, 30, 16, tzinfo=UTC), LAST),
        ("9999-12", datetime(9999, 11, 30, 16, tzinfo=UTC), LAST),
        ("9999", datetime(9998, 12, 31, 16, tzinfo=UTC), LAST),
        ("9999-12-31T23:59:59-10:00", LAST, LAST),
        ("0001-01-01T00:00:00+14:00", FIRST, FIRST),
    ],
)
def test_a_date_begins_and_ends(text: str, begins: datetime, ends: datetime) -> None:
    assert (_moment(text, end=False), _moment(text, end=True)) == (begins, ends)


def test_the_first_day_of_all_begins_with_time_itself() -> None:
    assert _moment("0001-01-01", end=False) == FIRST


def test_without_a_beginning_or_an_end_nothing_is_in_force() -> None:
    assert (_moment(None, end=False), _moment(None, end=True)) == (LAST, FIRST)
