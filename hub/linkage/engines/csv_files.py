"""CSV files as people have them: which encoding, which columns, and what is wrong in words that quote no cell."""

import codecs
import csv
import os
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from hub.errors import Invalid

_BLOCK = 1 << 20
_EDGE = np.isin(np.arange(256), list(b',"\r\n'))
_WIDE = np.array([0xC2A0, 0xE19A, 0xE280, 0xE281, 0xE380], dtype=np.uint16)
"""What the blanks beside the space begin with in UTF-8: U+00A0, 1680, 2000 to 200A, 202F, 205F and 3000."""
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_WIDTH = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


def copied(file: Path, encoding: str, folder: Path) -> Path:
    """A copy of `file` in `folder`, in UTF-8."""
    copy = folder / "register.csv"
    with file.open(encoding=encoding, newline="") as text, copy.open("w", encoding="utf-8", newline="") as out:
        shutil.copyfileobj(text, out, _BLOCK)
    return copy


def header(file: Path, text: Path) -> list[str]:
    """The names of the columns, as they are written in the first line. Raises Invalid."""
    with text.open(encoding="utf-8-sig", newline="") as lines:
        try:
            found = next(csv.reader(lines), None)
        except (csv.Error, UnicodeDecodeError) as error:
            raise Invalid("file-unreadable", f"{file.name} cannot be read: line 1 is not as CSV should be.") from error
    if not found:
        raise Invalid("file-empty", f"{file.name} has no header in its first line.")
    return found


def lines(text: Path, places: Sequence[int]) -> list[int]:
    """The lines at which the records at some places begin, in their order; the first record is at place 0."""
    found = {place: place + 2 for place in places}
    with text.open(encoding="utf-8-sig", newline="") as handle:
        reader, record, before = csv.reader(handle), -1, 0
        try:
            for row in reader:
                if row:
                    if record in found:
                        found[record] = before + 1
                    record += 1
                before = reader.line_num
        except csv.Error:  # read by stricter rules than ours: the numbers of a file without line breaks in cells
            pass
    return [found[place] for place in places]


def blanks(text: Path, threads: int) -> bool:
    """Whether some cell may have a blank around it, as SQL's trim would take off; where there is none, that is told."""
    with text.open("rb") as file, ThreadPoolExecutor(threads) as pool:
        starts = range(0, text.stat().st_size, _BLOCK)
        return any(pool.map(lambda start: _has_blank(_block(file.fileno(), start)), starts))


def _block(file: int, start: int) -> bytes:
    """The bytes from `start` on and one on either side, where the file's own ends are like quotation marks."""
    found = os.pread(file, _BLOCK + 2, start - 1) if start else b'"' + os.pread(file, _BLOCK + 1, 0)
    return found + b'"'


def _has_blank(block: bytes) -> bool:
    """Whether a blank stands at the edge of a cell; wide ones count wherever they stand."""
    found = np.frombuffer(block, dtype=np.uint8)
    inner = found[1 : _BLOCK + 1]
    spaces = np.flatnonzero(inner == ord(" ")) + 1
    if (_EDGE[found[spaces - 1]] | _EDGE[found[spaces + 1]]).any():
        return True
    wide = np.flatnonzero((inner == 0xC2) | (inner - np.uint8(0xE1) <= 2)) + 1  # what all of _WIDE begin with
    return bool(np.isin(found[wide].astype(np.uint16) << 8 | found[wide + 1], _WIDE).any())


def in_words(error: str) -> str:
    """What DuckDB says of a file, without the cells that it quotes."""
    line, width = _LINE.search(error), _WIDTH.search(error)
    if line is None:
        return error.splitlines()[0].rstrip(".") if error else "unknown reason"
    if width:
        return f"line {line[1]} has {width[2]} cells where the header has {width[1]}"
    if "unterminated quote" in error:
        return f"in line {line[1]} a quotation mark is opened and not closed, or stands inside a cell by itself"
    if "Maximum line size" in error:
        return f"line {line[1]} is longer than two million bytes; perhaps a quotation mark is not closed"
    return f"line {line[1]} is not as CSV should be"


def decodes(file: Path, encoding: str) -> bool:
    """Whether all of `file` is in an encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with file.open("rb") as handle:
        try:
            while block := handle.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
