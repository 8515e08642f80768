"""When an answer is due, counted in working days of the Chinese calendar (DOMAIN §4).

Years the calendar package does not know yet (the State Council publishes each autumn) count Monday to Friday.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

_ZONE = ZoneInfo("Asia/Shanghai")


def is_working_day(day: date) -> bool:
    """Is `day` worked, with public holidays and the days worked in exchange for them?"""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


def due(start: datetime, working_days: int) -> datetime:
    """The end (UTC) of the `working_days`-th working day after the local day of `start`. Raises ValueError below 1."""
    if working_days < 1:
        raise ValueError("a deadline needs at least one working day")
    if start.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    day = start.astimezone(_ZONE).date()
    left = working_days
    while left:
        day += timedelta(days=1)
        if is_working_day(day):
            left -= 1
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=_ZONE).astimezone(UTC)
