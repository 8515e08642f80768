"""The common kind of CSV file, found out and read in one look at its bytes: UTF-8, no quotation mark, no blank around a
cell, as many cells in each line as in the first, and every line ended in the same way. Any other file is left to others.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hub.errors import Invalid
from hub.linkage.engines import crew
from hub.linkage.engines.csv_files import BLANKS
from hub.linkage.engines.texts import MARGIN, Bytes, Places, Texts

_READ = 1 << 22
_SCANNED = 1 << 18
"""Bytes that are looked at together: few enough to stay near the processor."""
_LINE, _RETURN, _COMMA, _QUOTE = b'\n\r,"'
_WRITTEN = tuple(blank.encode() for blank in BLANKS)
_MAY_BEGIN = np.isin(np.arange(256), [blank[0] for blank in _WRITTEN]).tobytes()
_MAY_END = np.isin(np.arange(256), [blank[-1] for blank in _WRITTEN]).tobytes()
_LONGEST = 0xF090, 0xF48F
"""What the first two bytes of a character of four lie between."""
_RARE = b"\xc0", b"\xc1", b"\xe0", b"\xed"
"""Bytes that never begin a character, or only with some bytes behind them."""
Ends = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class _Found:
    """Where cells end; how many lines do, and how many of them with a carriage return before the line feed."""

    ends: Ends
    lines: int
    returns: int

    @classmethod
    def joined(cls, parts: list["_Found"]) -> "_Found":
        ends = np.concatenate([part.ends for part in parts])
        return cls(ends, sum(part.lines for part in parts), sum(part.returns for part in parts))


def read(file: Path, columns: int, threads: int, meanwhile: Callable[[], None] = crew.nothing) -> list[Texts] | None:
    """The cells of all lines but the first, by column; None where the file is of another kind. Raises Invalid."""
    buffer = _content(file, threads)
    stop = len(buffer) - MARGIN
    spans = [(start, min(start + _READ, stop)) for start in range(MARGIN, stop, _READ)]
    parts = crew.each(lambda at: _scan(buffer, spans[at]), len(spans), threads, meanwhile=meanwhile)
    plain = [part for part in parts if part is not None]
    if len(plain) < len(parts):
        return None
    found = _Found.joined(plain)
    if len(found.ends) != found.lines * columns or found.returns not in (0, found.lines):
        return None
    if (buffer[found.ends[columns - 1 :: columns]] != _LINE).any():
        return None
    return list(_columns(buffer, found.ends, columns, returned=found.returns > 0))


def _content(file: Path, threads: int) -> Bytes:
    """All bytes of the file, its last line ended, with a margin around them."""
    with file.open("rb", buffering=0) as handle:
        size = os.fstat(handle.fileno()).st_size
        buffer = crew.shared(MARGIN + size + 1 + MARGIN, np.uint8)

        def fill(start: int) -> int:
            return os.preadv(handle.fileno(), [buffer[MARGIN + start : MARGIN + min(start + _READ, size)].data], start)

        with ThreadPoolExecutor(threads) as pool:
            read = sum(pool.map(fill, range(0, size, _READ)))
        if read != size:
            raise Invalid("file-unreadable", f"{file.name} was changed while it was read; try again.")
    if buffer[MARGIN + size - 1] == _LINE:
        return buffer[:-1]
    buffer[MARGIN + size] = _LINE
    return buffer


def _scan(buffer: Bytes, span: tuple[int, int]) -> _Found | None:
    """What ends where within a span of the buffer; None where something in it is not plain."""
    parts = []
    for start in range(span[0], span[1], _SCANNED):
        stop = min(start + _SCANNED, span[1])
        part = buffer[start:stop]
        if _QUOTE in part.tobytes() or not _decodes(buffer, start, stop):
            return None
        marked = part == _LINE
        lines = int(np.count_nonzero(marked))
        marked |= part == _COMMA
        marks, returns = np.flatnonzero(marked), np.flatnonzero(part == _RETURN)
        marks += start
        returns += start
        if (buffer[returns + 1] != _LINE).any() or _has_blank(buffer, marks) or _has_blank(buffer, returns):
            return None
        small = np.uint32 if len(buffer) < 1 << 32 else np.int64
        parts.append(_Found(marks.astype(small), lines, len(returns)))
    return _Found.joined(parts)


def _has_blank(buffer: Bytes, marks: Places) -> bool:
    """Whether a blank of Unicode stands next to a comma or the end of a line. Hardly any cell has to be looked at twice."""
    before, behind = marks[_among(_MAY_END, buffer, marks - 1)], marks[_among(_MAY_BEGIN, buffer, marks + 1)]
    before = before[np.logical_or.reduce([_among(_MAY_BEGIN, buffer, before - size) for size in (1, 2, 3)])]
    return any(buffer[mark - 3 : mark].tobytes().endswith(_WRITTEN) for mark in before.tolist()) or any(
        buffer[mark + 1 : mark + 4].tobytes().startswith(_WRITTEN) for mark in behind.tolist()
    )


def _among(table: bytes, buffer: Bytes, places: Places) -> npt.NDArray[np.bool_]:
    """Which of the bytes at some places a table of all bytes marks."""
    return np.frombuffer(buffer.take(places).tobytes().translate(table), dtype=np.bool_)


def _decodes(buffer: Bytes, start: int, stop: int) -> bool:
    """Whether all characters that begin in a span are UTF-8: the first byte says how many follow."""
    part = buffer[start - 3 : stop]
    wrong, longest = part[2:-1] >= 0xC0, part >= 0xF0
    wrong |= part[1:-2] >= 0xE0
    wrong |= longest[:-3]
    wrong ^= part[3:].view(np.int8) < -64  # that follow: 0x80 to 0xBF
    if wrong.any():
        return False
    places = np.flatnonzero(longest[3:]) + start
    begin = buffer[places].astype(np.uint16) << 8 | buffer[places + 1]
    if ((begin < _LONGEST[0]) | (begin > _LONGEST[1])).any():
        return False
    content = part.tobytes()
    if not any(rare in content for rare in _RARE):
        return True
    while buffer[start] & 0xC0 == 0x80:
        start += 1
    while buffer[stop] & 0xC0 == 0x80:
        stop += 1
    try:
        buffer[start:stop].tobytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def _columns(buffer: Bytes, ends: Ends, columns: int, *, returned: bool) -> Iterator[Texts]:
    """Views of all ends: a cell begins behind the one before it."""
    count = len(ends) // columns - 1
    for at in range(columns):
        before, after = (ends[columns + place :: columns][:count] for place in (at - 1, at))
        yield Texts(buffer, before, after - ends.dtype.type(1) if returned and at == columns - 1 else after, 1)
