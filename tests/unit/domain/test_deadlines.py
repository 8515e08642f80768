"""Working days of the Chinese calendar, with its holidays and the days worked in exchange."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from hub.domain.deadlines import due, is_working_day

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_national_day_is_not_worked_and_the_day_in_exchange_is() -> None:
    assert not is_working_day(date(2024, 10, 1))
    assert is_working_day(date(2024, 9, 29))  # a Sunday, worked for the holiday


def test_a_deadline_ends_with_the_local_day_and_skips_the_holiday() -> None:
    found = due(datetime(2024, 9, 30, 10, tzinfo=SHANGHAI), 1)
    assert found == datetime(2024, 10, 9, 0, tzinfo=SHANGHAI).astimezone(UTC)


def test_a_late_evening_in_utc_counts_as_the_next_local_day() -> None:
    found = due(datetime(2024, 9, 2, 17, tzinfo=UTC), 1)  # 3 September in Shanghai
    assert found.astimezone(SHANGHAI) == datetime(2024, 9, 5, 0, tzinfo=SHANGHAI)


def test_years_the_calendar_does_not_know_count_monday_to_friday() -> None:
    assert is_working_day(date(2090, 1, 2))
    assert not is_working_day(date(2090, 1, 1))


@pytest.mark.parametrize("days", [0, -3])
def test_needs_a_day(days: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        due(datetime(2024, 9, 2, tzinfo=UTC), days)


def test_refuses_a_moment_without_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        due(datetime(2024, 9, 2), 1)  # noqa: DTZ001 - the fault under test
