"""Numbers of identity documents other than the resident ID, and postal codes: short texts of letters and figures.

Up to twelve characters fit a number that can be read back, so that whole columns tell a slip from another number.
"""

import re
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hub.linkage.layout import digest

SIZE = 12
_BASE = 37
_HASHED = 1 << 63
_NOISE = re.compile(r"[^0-9A-Z]")
_WIDE = {code + 0xFEE0: code for code in range(0x21, 0x7F)}
_LEAST = 5
_FIGURES = 3
_COUNTING = "01234567890123456789"
OTHER = 99

Numbers = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@lru_cache(maxsize=4096)
def number(text: str) -> int:
    """A document's number as a number; 0 for fillers and for what is too short to tell one person from another."""
    short = _NOISE.sub("", text.translate(_WIDE).upper())
    figures = [char for char in short if char.isdigit()]
    if len(short) < _LEAST or len(figures) < _FIGURES or len(set(figures)) == 1 or short in _COUNTING:
        return 0
    return packed(short)


@lru_cache(maxsize=4096)
def postal(text: str) -> int:
    """A postal code as a number; 0 for none and for zeros only."""
    short = _NOISE.sub("", text.translate(_WIDE).upper())
    return packed(short) if len(short) > 2 and short.strip("0") else 0


def packed(short: str) -> int:
    """Capital letters and figures in base 37, the last in the lowest place; longer texts become a hash."""
    if len(short) > SIZE:
        return digest(short) | _HASHED
    value = 0
    for char in short:
        value = value * _BASE + int(char, 36) + 1
    return value


def unpacked(number: int) -> str:
    """The characters of a number that is no hash, one stand-in each; '' for a hash."""
    found = ""
    while 0 < number < _HASHED:
        number, char = divmod(number, _BASE)
        found = chr(char) + found
    return found


def kind(code: str) -> int:
    """The kind of a document (CV02.01.101) as a number; 0 where it tells nothing."""
    value = int(code) if code.isascii() and code.isdigit() and len(code) <= 2 else 0
    return 0 if value == OTHER else value


def one_slip(a: Numbers, b: Numbers) -> Flags:
    """Which numbers are one character changed, added or lost, or two neighbours in each other's place, apart."""
    x, y = _characters(a), _characters(b)
    size_x, size_y = (x > 0).sum(axis=1), (y > 0).sum(axis=1)
    front = np.logical_and.accumulate(x[:, ::-1] == y[:, ::-1], axis=1).sum(axis=1)  # from the right: aligned there
    x, y = _from_the_left(x, size_x), _from_the_left(y, size_y)
    back, front = front, np.logical_and.accumulate(x == y, axis=1).sum(axis=1)
    shorter, longer = np.minimum(size_x, size_y), np.maximum(size_x, size_y)
    readable = (a < _HASHED) & (b < _HASHED) & (a != 0) & (b != 0) & (a != b)
    most = np.minimum(front, shorter) + np.minimum(back, shorter)
    found: Flags = readable & (longer - shorter <= 1) & (most >= longer - 1)
    at = np.minimum(front, SIZE - 2)[:, None]
    crossed = (_at(x, at) == _at(y, at + 1)) & (_at(x, at + 1) == _at(y, at))
    found |= readable & (size_x == size_y) & (most == longer - 2) & crossed
    return found


def _characters(numbers: Numbers) -> npt.NDArray[np.uint8]:
    """One row a number, the last character in the last place, 0 before the first."""
    found = np.zeros((len(numbers), SIZE), dtype=np.uint8)
    rest = np.where(numbers < _HASHED, numbers, 0).astype(np.uint64)
    for place in range(SIZE - 1, -1, -1):
        rest, found[:, place] = np.divmod(rest, np.uint64(_BASE))
    return found


def _from_the_left(rows: npt.NDArray[np.uint8], size: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    places = np.minimum(np.arange(SIZE) + (SIZE - size)[:, None], SIZE - 1)
    moved = np.take_along_axis(rows, places, axis=1)
    return np.where(np.arange(SIZE) < size[:, None], moved, 0)


def _at(rows: npt.NDArray[np.uint8], places: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    found: npt.NDArray[np.uint8] = np.take_along_axis(rows, places, axis=1)[:, 0]
    return found
