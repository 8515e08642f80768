"""A line of the table: a number that must be as the generator knows it to be, and what was found instead."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `ok` is the verdict; expected and found are for reading."""

    what: str
    expected: str
    found: str
    how: str
    ok: bool


def exact(what: str, expected: object, found: object, how: str, *more: bool) -> Line:
    """A line that is right when both are equal and all of `more` holds."""
    return Line(what, _text(expected), _text(found), how, expected == found and all(more))


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
