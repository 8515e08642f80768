"""Days, months, years and decades as texts, so that a test for equal texts finds dates in a range. Pure.

A span of a resource is told by the smallest of them that it lies in, and by those around that one; a month or year that is
the smallest is marked `*`. A span that lies in no single year tells its first month (`<`) and its last one (`>`) instead.
A range that is searched is told by the fewest that cover it. Whatever a search should find shares a text with it; what
shares one still has to be compared. Years before 1900 and after 2099 have one decade each.
"""

from datetime import date
from typing import Final

from hub.fhir.search.spans import ALWAYS, Span, local_day

EARLIEST: Final = date(1900, 1, 1)
LATEST: Final = date(2099, 12, 31)
OPEN_START: Final = "<"
OPEN_END: Final = ">"


def of_span(span: Span) -> list[str]:
    """The texts of a span that a resource tells, the narrowest first; at most 6."""
    first, last = local_day(span.start), local_day(span.end - 1)
    if first == last:
        return of_day(first.isoformat())
    if first.year != last.year:
        starts = [OPEN_START] if span.start <= -ALWAYS else ["<" + node for node in _around(first.isoformat()[:7])]
        ends = [OPEN_END] if span.end >= ALWAYS else [">" + node for node in _around(last.isoformat()[:7])]
        return starts + ends
    smallest = first.isoformat()[: 7 if first.month == last.month else 4]
    return [*_around(smallest), smallest + "*"]


def of_day(day: str) -> list[str]:
    """The texts of a day that is written YYYY-MM-DD."""
    year = day[:4]
    return [day, day[:7], year, year[:3] if "1900" <= year <= "2099" else _decade(int(year))]


def _around(text: str) -> list[str]:
    """A month or year and what it lies in."""
    year = text[:4]
    return [*([text] if len(text) > 4 else []), year, _decade(int(year))]


def _decade(year: int) -> str:
    if year < EARLIEST.year:
        return "before"
    return "after" if year > LATEST.year else f"{year // 10:03d}"


def smallest(span: Span) -> str | None:
    """The day, month or year that all of a span lies in; None where no year holds it."""
    found = of_span(span)[0]
    return None if found[0] in "<>" else found


def overlapping(first: date, last: date) -> list[str]:
    """The texts of which one is had by every span that overlaps the days from `first` to `last`; at most 200."""
    return [*inside(first, last), *starting(date.min, last)]


def ending(first: date, last: date = date.max) -> list[str]:
    """The texts of which one is had by every span of several years that ends from `first` to `last`, or never."""
    return [*([OPEN_END] if last == date.max else []), *(">" + node for node in _months(first, last))]


def starting(first: date, last: date) -> list[str]:
    """The texts of which one is had by every span of several years that starts from `first` to `last`, or never did."""
    return [*([OPEN_START] if first == date.min else []), *("<" + node for node in _months(first, last))]


def inside(first: date, last: date) -> list[str]:
    """The texts of which one is had by every span within one year that overlaps the days from `first` to `last`."""
    edges = {f"{day.isoformat()[:length]}*" for day in (first, last) for length in (4, 7)}
    return [*_cover(first, last), *sorted(edges)]


def _months(first: date, last: date) -> list[str]:
    end = (
        date(last.year, 12, 31)
        if last.month == 12
        else date.fromordinal(date(last.year, last.month + 1, 1).toordinal() - 1)
    )
    return _cover(first.replace(day=1), end)


def _cover(first: date, last: date) -> list[str]:
    """The fewest days, months, years and decades that hold the days from `first` to `last` and no others, but that the
    decades at both ends of the calendar are held whole."""
    found = ["before"] if first < EARLIEST else []
    if last > LATEST:
        found.append("after")
    first, last = max(first, EARLIEST), min(last, LATEST)
    year = first.year
    while date(year, 1, 1) <= last:
        if year % 10 == 0 and first <= date(year, 1, 1) and date(year + 9, 12, 31) <= last:
            found.append(_decade(year))
            year += 10
            continue
        found += _in_year(year, max(first, date(year, 1, 1)), min(last, date(year, 12, 31)))
        year += 1
    return found


def _in_year(year: int, first: date, last: date) -> list[str]:
    if first > last:
        return []
    if first == date(year, 1, 1) and last == date(year, 12, 31):
        return [f"{year:04d}"]
    found: list[str] = []
    for month in range(first.month, last.month + 1):
        start, after = date(year, month, 1).toordinal(), date(year + month // 12, month % 12 + 1, 1).toordinal()
        low, high = max(start, first.toordinal()), min(after - 1, last.toordinal())
        if (low, high) == (start, after - 1):
            found.append(f"{year:04d}-{month:02d}")
        else:
            found += [date.fromordinal(day).isoformat() for day in range(low, high + 1)]
    return found
