"""What a date, a moment or a period stands for: a span of time, in microseconds. Pure; FHIR R4, search, date.

A partial date is all the time that it leaves open. Dates without a zone are days in China (+08:00, without the summer
times of 1986 to 1991), in resources and in searches alike; a moment with a zone is compared as what it is.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

MICROSECOND: Final = timedelta(microseconds=1)
DAY: Final = 86_400_000_000
ZONE: Final = 8 * 3_600_000_000
ALWAYS: Final = DAY * 4_000_000
"""Later than any date; `-ALWAYS` is earlier."""

_MOMENT: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_EPOCH: Final = datetime(1, 1, 1, tzinfo=UTC)
_FIRST: Final = 1
_LAST: Final = date.max.toordinal()


class Span(NamedTuple):
    """From `start` up to `end`, which is not in it: microseconds since the year 1 in UTC; an open side is ALWAYS away."""

    start: int
    end: int


def span_of(text: str) -> Span | None:
    """The span of a FHIR date, dateTime or instant; None for what is none."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, part, zone = found.groups()
    try:
        if hour is None:
            return _days(int(year), month, day)
        at = (
            date(int(year), int(month), int(day)).toordinal() * DAY
            - DAY
            + _time(hour, minute, second or "0", part or "")
        )
    except ValueError:
        return None
    width = 60_000_000 if second is None else 10 ** max(0, 6 - len(part or ""))
    start = at - _offset(zone)
    return Span(start, start + width)


def _days(year: int, month: str | None, day: str | None) -> Span:
    if day is not None:
        first = date(year, int(month or 1), int(day)).toordinal()
        after = first + 1
    elif month is not None:
        first = date(year, int(month), 1).toordinal()
        after = date(year, int(month) + 1, 1).toordinal() if month != "12" else date(year, 12, 31).toordinal() + 1
    else:
        first, after = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1
    return Span((first - 1) * DAY - ZONE, (after - 1) * DAY - ZONE)


def _time(hour: str, minute: str, second: str, part: str) -> int:
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        raise ValueError
    # A leap second is counted with the second before it.
    seconds = int(hour) * 3600 + int(minute) * 60 + min(int(second), 59)
    return seconds * 1_000_000 + int(part[:6].ljust(6, "0"))


def _offset(zone: str | None) -> int:
    if zone is None:
        return ZONE
    if zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
    return (seconds if zone[0] == "+" else -seconds) * 1_000_000


def of_moment(moment: datetime) -> int:
    """A moment as it stands in a Span."""
    return (moment - _EPOCH) // MICROSECOND


def moment_of(point: int) -> datetime | None:
    """A point of a Span as a moment in UTC; None for what no calendar has, as an open side."""
    if not 0 <= point < _LAST * DAY:
        return None
    return _EPOCH + timedelta(microseconds=point)


def local_day(point: int) -> date:
    """The day in China that a point is on; the first or last of the calendar beyond it."""
    return date.fromordinal(min(max((point + ZONE) // DAY + 1, _FIRST), _LAST))


def spans_of(value: Any) -> Iterator[Span]:
    """The spans of an element: one for a date, a Period, or a Timing (its outer limits); none for another type."""
    match value:
        case str():
            if (found := span_of(value)) is not None:
                yield found
        case {"event": [_, *_]} | {"repeat": _}:
            yield from _timing(value)
        case {"start": _} | {"end": _}:
            yield from _period(value)


def _period(value: Mapping[str, Any]) -> Iterator[Span]:
    start, end = (span_of(value[name]) if isinstance(value.get(name), str) else None for name in ("start", "end"))
    if start is None and end is None:
        return
    found = Span(start.start if start else -ALWAYS, end.end if end else ALWAYS)
    if found.start == found.end:
        # It starts when its end is over. A span of no time would lie within both days, and in no text that the index tells.
        found = Span(found.start - 1, found.end + 1)
    yield found if found.start < found.end else Span(found.end, found.start)


def _timing(value: Mapping[str, Any]) -> Iterator[Span]:
    said = [span for text in value.get("event", ()) if isinstance(text, str) and (span := span_of(text))]
    repeat = value.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
    if isinstance(bounds, dict):
        said += _period(bounds)
    if said:
        yield Span(min(span.start for span in said), max(span.end for span in said))
