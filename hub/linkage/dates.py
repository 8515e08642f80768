"""Birth dates as records hold them: whole, without a day or month, day 00, lunar, transposed.

A date is a number YYYYMMDD whose unknown parts are 00; 0 is no date. Lunar reckoning is that of borax (1900-2099).
"""

import re
from datetime import date
from functools import cache, lru_cache

from borax.calendars.lunardate import LCalendars

_SHAPE = re.compile(r"(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?(?:T.*)?")
PLACEHOLDERS = frozenset((19000101, 19000100, 19000000, 18990101, 18991230, 19491001, 19700101, 11110101, 99991231))
DAYS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@lru_cache(maxsize=2048)
def parse(text: str) -> int:
    """YYYY, YYYY-MM, YYYY-MM-DD or YYYYMMDD as a number; 0 for placeholders and what is no date."""
    found = _SHAPE.fullmatch(text.strip())
    if found is None:
        return 0
    year, month, day = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if not 1850 <= year <= 2100 or month > 12:
        return 0
    if month == 0 or day > DAYS[month]:
        day = 0
    number = year * 10000 + month * 100 + day
    return 0 if number in PLACEHOLDERS else number


def from_lunar(number: int) -> int:
    """The solar date when the figures of `number` are read as a lunar date; 0 where there is no such lunar day."""
    month, day = number // 100, number % 100
    first, length = lunar_months().get(month, (0, 0))
    if not 1 <= day <= length:
        return 0
    solar = date.fromordinal(first + day - 1)
    return solar.year * 10000 + solar.month * 100 + solar.day


@cache
def lunar_months() -> dict[int, tuple[int, int]]:
    """Of each lunar month YYYYMM, without leap months, the ordinal of its first day and its number of days."""
    found, first = {}, date(1900, 1, 31).toordinal()
    for year in range(1900, 2100):
        for month, days, leap in LCalendars.iter_year_month(year):
            if not leap:
                found[year * 100 + month] = first, days
            first += days
    return found


def whole(number: int) -> bool:
    """Year, month and day are all known."""
    return number > 0 and number % 100 > 0


def year(number: int) -> int:
    return number // 10000
