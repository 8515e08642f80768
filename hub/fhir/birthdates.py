"""Dates of birth in searches: prefixes and partial dates as spans of days. Pure; FHIR R4, search, date."""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from hub.errors import Invalid

_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `first` to `last`."""

    first: date
    last: date


def span_of(text: str) -> Span | None:
    """The days that a FHIR date stands for; None for what is none."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(part) if part else 0 for part in found.groups())
    try:
        if day:
            only = date(year, month, day)
            return Span(only, only)
        first, last = month or 1, month or 12
        return Span(date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1]))
    except ValueError:
        return None


def parse_birthdate(values: Sequence[str]) -> Span:
    """One value of `birthdate` as the span in which a date has to lie. Raises Invalid."""
    if len(values) != 1:
        raise Invalid("not-supported", "birthdate has one value; a range is given by two parameters, ge and le.")
    prefix, text = ("", values[0]) if values[0][:1].isdigit() else (values[0][:2], values[0][2:])
    said = span_of(text)
    if said is None:
        raise Invalid("bad-request", "birthdate is a date: YYYY, YYYY-MM or YYYY-MM-DD.")
    match prefix:
        case "" | "eq":
            return said
        case "ge":
            return Span(said.first, date.max)
        case "le":
            return Span(date.min, said.last)
        case "gt" if said.last < date.max:
            return Span(said.last + timedelta(days=1), date.max)
        case "lt" if said.first > date.min:
            return Span(date.min, said.first - timedelta(days=1))
        case _:
            raise Invalid("not-supported", "The prefixes of birthdate are eq, ge, gt, le and lt.")
