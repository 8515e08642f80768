"""JSON values as `hub.fhir.exact` reads them: how a patch compares and copies them. Pure."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from hub.domain.texts import MOST_LAYERS, is_too_deep
from hub.errors import Conflict, Invalid, TooLarge
from hub.fhir import exact

MOST: Final = 500
"""Operations of one patch."""
LARGEST: Final = 1024 * 1024
"""Bytes that patches may copy or lead deeper: a few lines could double a resource many times."""
MOST_PLACES: Final = 100_000
"""Places that the paths of patches may look at."""


def bad(said: str) -> Invalid:
    """The patch is not one, whatever it is applied to."""
    return Invalid("bad-patch", f"{said} Nothing was changed.")


def conflict(said: str) -> Conflict:
    """The resource is not such that the patch can be applied to it (RFC 5789, conflicting state)."""
    return Conflict(
        "patch-conflict",
        f"{said} Nothing was changed: read the resource as it is now and send a patch that fits it.",
        retry="FIX_FIRST",
    )


def number(value: Any) -> Decimal | None:
    """The number that a value is; None for any other."""
    if isinstance(value, bool) or not isinstance(value, int | orjson.Fragment):
        return None
    try:
        return Decimal(orjson.dumps(value).decode())
    except InvalidOperation:  # of an exponent beyond all measure
        return None


def same(one: Any, other: Any) -> bool:
    """Are they equal (RFC 6902, 4.6)? Numbers are by what they say: 1.50 is 1.5, and true is no number."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
        case orjson.Fragment(), (int() | orjson.Fragment()) if not isinstance(other, bool):
            return orjson.dumps(one) == orjson.dumps(other) or (
                (found := number(one)) is not None and found == number(other)
            )
        case (int(), orjson.Fragment()):
            return same(other, one)
    return type(one) is type(other) and bool(one == other)


def copied(value: Any) -> Any:
    """The value with lists and objects of its own."""
    if isinstance(value, dict):
        return {name: copied(inner) for name, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def written(value: Any) -> bytes:
    """A patched value in JSON. Raises Invalid `bad-patch` for more layers than are read anywhere."""
    if is_too_deep(value):
        raise bad(f"The patch puts more than {MOST_LAYERS} layers of lists and objects into one another.")
    return exact.write(value)


class Effort:
    """How much patches that are applied together may still cost: bytes copied or led deeper, and places looked at."""

    def __init__(self) -> None:
        self._bytes, self._places = LARGEST, MOST_PLACES

    def copy(self, value: Any) -> None:
        """Take a value out of it. Raises TooLarge, and Invalid `bad-patch` for too many layers."""
        self._bytes -= len(written(value))
        if self._bytes < 0:
            raise TooLarge(f"Patches copy or move more than {LARGEST} bytes; nothing was changed.")

    def look(self, places: int) -> None:
        """Take places out of it. Raises Invalid `too-costly`."""
        self._places -= places
        if self._places < 0:
            raise Invalid(
                "too-costly",
                "The paths of patches lead through too much of the resources; nothing was changed. Say them more narrowly, "
                "or send whole resources.",
            )
