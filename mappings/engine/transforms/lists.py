"""Several things in one cell, such as the children of a person."""

import re
from collections.abc import Callable, Iterator, Sequence

from mappings.engine.transforms.text import fold

_MARKS = re.compile(r"[(（\[)）\]]")
_OPENING = frozenset("(（[")


def items(
    separators: str = "、,，;；/\n", none: Sequence[str] = ("无", "没有", "0"), counts: bool = False
) -> Callable[[str], object]:
    """The parts of a cell as a tuple; separators inside brackets do not count, nor does a bare number (a count)."""
    ignored = frozenset(none)
    splitter = re.compile(f"[{re.escape(separators)}]+")

    def transform(text: str) -> object:
        whole = fold(text)
        holes = _bracketed(whole)
        parts, start = [], 0
        hole = next(holes, None)
        for cut in splitter.finditer(whole):
            while hole is not None and hole[1] <= cut.start():
                hole = next(holes, None)
            if hole is None or cut.start() < hole[0]:
                parts.append(whole[start : cut.start()])
                start = cut.end()
        parts.append(whole[start:])
        kept = [part for part in (part.strip() for part in parts) if part and part not in ignored]
        return tuple(part for part in kept if counts or not part.isdecimal()) or None

    return transform


def _bracketed(text: str) -> Iterator[tuple[int, int]]:
    """From the first opening bracket to the closing one behind it, one stretch after the other, in one pass."""
    opened = None
    for mark in _MARKS.finditer(text):
        if mark[0] in _OPENING:
            opened = mark.start() if opened is None else opened
        elif opened is not None:
            yield opened, mark.end()
            opened = None
