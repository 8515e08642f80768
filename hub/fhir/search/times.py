"""Which of the texts of `nodes` a span of time may have that is asked for, and between which moments it was stored. Pure."""

from datetime import date, datetime
from typing import Final

from hub.fhir.search import nodes
from hub.fhir.search.query import When
from hub.fhir.search.spans import Span, local_day, moment_of, span_of

MILLISECOND: Final = 1_000
"""In microseconds, as in a Span."""
MOST_RANGES: Final = 100
LATER: Final = frozenset(("gt", "ge", "sa"))
EARLIER: Final = frozenset(("lt", "le", "eb"))

Ranges = tuple[tuple[datetime | None, datetime | None], ...]
"""From a moment (None: ever) up to one that is not in it (None: for ever)."""


def nodes_of(asked: When) -> tuple[list[str], bool]:
    """The texts of which a span that is asked for has one; whether no other span has one. Not for `ne`."""
    span = asked.span
    first, last = local_day(span.start), local_day(span.end - 1)
    match asked.comparison:
        case "eq":
            node = nodes.smallest(span)
            if node is not None:
                return [node], span_of(node) == span and nodes.EARLIEST <= first <= nodes.LATEST
        case "gt" | "ge":
            start = _edge(asked)
            return nodes.inside(start, date.max) + nodes.ending(start), False
        case "sa":
            return nodes.inside(last, date.max) + nodes.starting(last, date.max), False
        case "lt" | "le":
            end = _edge(asked)
            return nodes.inside(date.min, end) + nodes.starting(date.min, end), False
        case "eb":
            return nodes.inside(date.min, first) + nodes.ending(date.min, first), False
    return nodes.overlapping(first, last), False


def _edge(asked: When) -> date:
    """The day up to or from which a span that is asked for has to reach."""
    if asked.comparison in ("ge", "lt", "eb"):
        return local_day(asked.span.start)
    return local_day(asked.span.end - 1)


def between(one: When, other: When) -> list[str] | None:
    """The texts of which a span has one for which both hold; None where they are not the two ends of a range."""
    low, high = (one, other) if one.comparison in LATER else (other, one)
    if low.comparison not in LATER or high.comparison not in EARLIER:
        return None
    first, last = _edge(low), _edge(high)
    return nodes.overlapping(first, last) if first <= last else None


def stored(asked: list[When]) -> Ranges | None:
    """Between which moments what is asked for was stored, a millisecond more at both ends; None is any time."""
    ranges = tuple(_range(one) for one in asked)
    return None if (None, None) in ranges else ranges


def both(one: Ranges, other: Ranges) -> Ranges:
    """The ranges that are in both, or in one of them if there are many."""
    if len(one) * len(other) > MOST_RANGES:
        return one
    return tuple((_later(a, c), _earlier(b, d)) for a, b in one for c, d in other)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


def _range(asked: When) -> tuple[datetime | None, datetime | None]:
    span = asked.span
    match asked.comparison:
        case "eq" | "ap":
            found = span
        case "gt" | "ge" | "sa":
            found = Span(span.start if asked.comparison == "ge" else span.end, -1)
        case "lt" | "le" | "eb":
            found = Span(-1, span.end if asked.comparison == "le" else span.start)
        case _:
            return None, None
    return _moved(found.start, -MILLISECOND), _moved(found.end, MILLISECOND)


def _moved(point: int, by: int) -> datetime | None:
    """A point of a Span, moved, as a moment; None for an open side and behind the ends of the calendar."""
    return None if moment_of(point) is None else moment_of(point + by)
