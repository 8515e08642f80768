"""Instants on the wire (whole seconds since 1970, RFC 7519 NumericDate) and inside (aware UTC); never reads the clock."""

from datetime import UTC, datetime, timedelta
from typing import Final

SKEW: Final = timedelta(minutes=5)
"""How far the clocks of two honest machines may differ."""

LATEST: Final = 253_402_300_799
"""The last second of the year 9999."""


def utc(moment: datetime) -> datetime:
    """The same instant in UTC, cut to the second; a naive time is refused, its zone would be a guess."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment.astimezone(UTC).replace(microsecond=0)


def seconds(moment: datetime) -> int:
    """Seconds since 1970."""
    return int(utc(moment).timestamp())


def instant(value: object) -> datetime:
    """The instant of a NumericDate taken from the wire; ValueError unless it is a whole number in range."""
    if type(value) is not int or not 0 <= value <= LATEST:
        raise ValueError("not a time in whole seconds since 1970")
    return datetime.fromtimestamp(value, UTC)
