"""A column of texts as they stand in memory, in UTF-8: read by whole columns of bytes, as Python's texts only where asked.

Whatever reads a file leaves a margin around its bytes, so that a look at a fixed number of them never leaves the buffer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hub.linkage.layout import digest

MARGIN = 512
"""Bytes before the first text and behind the last."""
PART = 1 << 15
"""Texts that are read at once: what is made of them stays near the processor."""
LONGEST = 256
"""Texts of more bytes are few, and looked at one by one."""
Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
_WORD = 8
_ODD, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_DIGITS = 24
_ZERO = np.uint8(ord("0"))
_SIXES = np.uint64(0x0606060606060606)
_UPPER = np.uint64(0xF0F0F0F0F0F0F0F0)
_MOST_DIGITS = 19
"""A number of as many digits fits 64 bits."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts that begin `gap` bytes behind a place of `before` and end before a place of `after`."""

    buffer: Bytes
    before: npt.NDArray[Any]
    after: npt.NDArray[Any]
    gap: int = 0

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Texts":
        written = [text.encode() for text in texts]
        ends = np.cumsum([MARGIN, *map(len, written)])
        return cls(framed(np.frombuffer(b"".join(written), dtype=np.uint8)), ends[:-1], ends[1:])

    @classmethod
    def blank(cls, count: int) -> "Texts":
        """So many empty texts."""
        nowhere = np.broadcast_to(np.intp(MARGIN), count)
        return cls(np.zeros(2 * MARGIN, dtype=np.uint8), nowhere, nowhere)

    def __len__(self) -> int:
        return len(self.after)

    @property
    def starts(self) -> Places:
        found: Places = self.before.astype(np.intp, copy=False) + self.gap if self.gap else self.before
        return found

    @property
    def sizes(self) -> Places:
        """In bytes."""
        found: Places = self.after - self.starts
        return found

    def part(self, start: int, stop: int) -> "Texts":
        return self.at(slice(start, stop))

    def parts(self) -> Iterator["Texts"]:
        """All of them, so many at once that what is made of them stays near the processor."""
        return (self.part(start, start + PART) for start in range(0, len(self), PART))

    def at(self, places: Places | slice) -> "Texts":
        before, after = (one[places].astype(np.intp) for one in (self.before, self.after))
        before += self.gap
        return Texts(self.buffer, before, after)

    def halved(self, at: Places) -> tuple["Texts", "Texts"]:
        """What stands before so many bytes of each text, and what behind them."""
        starts = self.starts
        middle = starts + at
        return Texts(self.buffer, starts, middle), Texts(self.buffer, middle, self.after)

    def strings(self) -> list[str]:
        view = memoryview(self.buffer.data)
        return [
            str(view[start:stop], "utf-8")
            for start, stop in zip(self.starts.tolist(), self.after.tolist(), strict=True)
        ]

    def left(self, width: int) -> Bytes:
        """The first bytes of each text, a row each, zeros behind its end."""
        rows = self._rows(self.starts, width)
        rows *= self.own(width).view(np.uint8)
        return rows

    def own(self, width: int) -> Flags:
        """Which of the bytes of `left` are the text's own."""
        return _own(width).take(np.minimum(self.sizes, width), axis=0)

    def _rows(self, at: Places, width: int) -> Bytes:
        window = np.ndarray((len(self.buffer) - width + 1,), f"V{width}", self.buffer, strides=(1,))
        rows: Bytes = window[at].view(np.uint8).reshape(len(at), width)
        return rows

    def hashes(self) -> Numbers:
        """A number for each text: the same for the same text, and hardly ever for two."""
        sizes = self.sizes
        longest = int(sizes.max(initial=0))
        found = sizes.astype(np.uint64)
        width = -(-min(max(longest, 1), LONGEST) // _WORD) * _WORD
        for word in self.left(width).view(np.uint64).T:
            found ^= word
            found *= _ODD
            found ^= found >> _HALF
        if longest > LONGEST:
            where = np.flatnonzero(sizes > LONGEST)
            found[where] = np.array(list(map(digest, self.at(where).strings())), dtype=np.uint64)
        return found

    def words(self) -> Numbers:
        """The first eight bytes of each text as a number, see `word`."""
        return self.left(_WORD).view(np.uint64).ravel()

    def numbers(self) -> Numbers:
        """The number of each text that is all digits, nineteen at most; else 0."""
        sizes = self.sizes
        width = min(-(-max(int(sizes.max(initial=0)), 1) // _WORD) * _WORD, _DIGITS)
        rows = self._rows(self.after - width, width) ^ _ZERO
        rows *= _own(width)[:, ::-1].take(np.minimum(sizes, width), axis=0).view(np.uint8)
        found = decimal(rows)
        found *= sizes <= _MOST_DIGITS
        return found


@cache
def _own(width: int) -> Flags:
    """By size of a text: which bytes of a row from the left are its own."""
    return np.tri(width + 1, width, -1, dtype=np.bool_)


def decimal(digits: Bytes) -> Numbers:
    """The numbers that rows of eight digits, or a multiple of it, spell; 0 where one of them is no digit."""
    found, strange = np.zeros((2, len(digits)), dtype=np.uint64)
    for word in digits.view(np.uint64).T:
        strange |= word | word + _SIXES
        found *= np.uint64(10**8)
        found += _eight(word)
    found *= strange & _UPPER == 0
    return found


def _eight(digits: Numbers) -> Numbers:
    """Eight digits, one a byte, the first in the lowest, as a number: two and two of them together, then four, then all."""
    two = digits * np.uint64(10) + (digits >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    four = two * np.uint64(100) + (two >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    found: Numbers = four * np.uint64(10000) + (four >> np.uint64(32)) & np.uint64(0xFFFFFFFF)
    return found


def word(text: str) -> int:
    """What `Texts.words` gives for a text of eight bytes at most."""
    return int.from_bytes(text.encode().ljust(_WORD, b"\0"), "little")


def framed(content: Bytes) -> Bytes:
    """Bytes with a margin around them."""
    buffer = np.zeros(MARGIN + len(content) + MARGIN, dtype=np.uint8)
    buffer[MARGIN : MARGIN + len(content)] = content
    return buffer
