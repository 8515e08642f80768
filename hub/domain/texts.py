"""Which texts can be kept: PostgreSQL takes neither the character NUL nor half a surrogate pair."""

from typing import Any, Final

MOST_LAYERS: Final = 64
"""Of lists and objects in one another; what goes through them in turn takes a frame of the stack for each."""


def can_be_kept(text: str) -> bool:
    """Is every character of it one that the database takes?"""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def all_can_be_kept(value: object) -> bool:
    """The same of every text in a JSON value, names of fields included; however deep it is."""
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and not can_be_kept(item):
            return False
        if isinstance(item, dict):
            waiting += map(str, item)
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return True


def is_too_deep(value: object) -> bool:
    """Does a JSON value have more than `MOST_LAYERS` of lists and objects in one another?"""
    layer: list[Any] = [value]
    for _ in range(MOST_LAYERS):
        layer = [item for item in layer if isinstance(item, dict | list)]
        layer = [inner for item in layer for inner in (item.values() if isinstance(item, dict) else item)]
    return any(isinstance(item, dict | list) for item in layer)
