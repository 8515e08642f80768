"""Several things in one cell, such as the children of a person."""

import re
from collections.abc import Callable, Sequence

from mappings.engine.transforms.text import fold

_BRACKETED = re.compile(r"[(（\[][^)）\]]*[)）\]]")


def items(
    separators: str = "、,，;；/\n", none: Sequence[str] = ("无", "没有", "0"), counts: bool = False
) -> Callable[[str], object]:
    """The parts of a cell as a tuple; separators inside brackets do not count, nor does a bare number (a count)."""
    ignored = frozenset(none)
    splitter = re.compile(f"[{re.escape(separators)}]+")

    def transform(text: str) -> object:
        whole = fold(text)
        holes = [found.span() for found in _BRACKETED.finditer(whole)]
        parts, start = [], 0
        for cut in splitter.finditer(whole):
            if not any(left < cut.start() < right for left, right in holes):
                parts.append(whole[start : cut.start()])
                start = cut.end()
        parts.append(whole[start:])
        kept = [part for part in (part.strip() for part in parts) if part and part not in ignored]
        return tuple(part for part in kept if counts or not part.isdecimal()) or None

    return transform
