"""Whole and decimal numbers within limits, with the units people write behind them."""

import re
from collections.abc import Callable

from mappings.engine.model import Noted, note
from mappings.engine.transforms.text import squeeze

_NUMBER = re.compile(r"([+-]?\d{1,12}(?:\.\d{1,6})?)\D{0,6}")


def _read(text: str, low: float, high: float) -> float | Noted:
    found = _NUMBER.fullmatch(squeeze(text))
    if found is None:
        return Noted(None, (note("number-unreadable"),))
    number = float(found[1])
    if not low <= number <= high:
        return Noted(None, (note("number-out-of-range", low=f"{low:g}", high=f"{high:g}"),))
    return number


def integer(low: int = 0, high: int = 10**9) -> Callable[[str], object]:
    """A whole number between `low` and `high`; `39周` and `39.0` are 39."""

    def transform(text: str) -> object:
        number = _read(text, low, high)
        if isinstance(number, Noted):
            return number
        return int(number) if number == int(number) else Noted(None, (note("number-unreadable"),))

    return transform


def decimal(low: float = 0, high: float = 1e9) -> Callable[[str], object]:
    """A number between `low` and `high`; whole ones come as int so that JSON shows no `.0`."""

    def transform(text: str) -> object:
        number = _read(text, low, high)
        if isinstance(number, Noted):
            return number
        return int(number) if number == int(number) else number

    return transform
