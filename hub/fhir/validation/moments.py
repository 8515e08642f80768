"""Which of two FHIR dates or times is the earlier, as far as what both say allows to tell."""

from datetime import datetime


def in_order(start: object, end: object) -> bool:
    """False when `end` is surely before `start`; partial dates are compared as far as both go."""
    if not (isinstance(start, str) and isinstance(end, str)):
        return True
    begins, ends = _instant(start), _instant(end)
    if begins is not None and ends is not None:
        return ends >= begins
    shared = min(len(start), len(end), 10)
    return end[:shared] >= start[:shared]


def _instant(text: str) -> datetime | None:
    """The moment of a text with time and zone; None for others, and for a leap second."""
    if len(text) <= 10:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
