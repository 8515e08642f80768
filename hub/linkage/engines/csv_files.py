"""CSV files as people have them: which encoding, which columns, and what is wrong in words that quote no cell."""

import codecs
import csv
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hub.errors import Invalid

_BLOCK = 1 << 20
_SCANNED = 1 << 17
_CARRIED = 3
"""Bytes of one block that are looked at again with the next one."""
_EDGE = np.isin(np.arange(256), list(b',"\r\n'))
_WIDE = np.array(
    [int.from_bytes(chr(code).encode()) for code in (0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)]
)
_NO_BREAK = int.from_bytes("\u00a0".encode())
"""The blanks of Unicode beside the space, in UTF-8."""
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


def blanks(text: Path) -> bool:
    """Whether some cell may have a blank around it, which SQL's trim would take off. It is never missed."""
    buffer = bytearray(b'"' * (_CARRIED + _SCANNED))  # one for all: fresh memory takes longer than the look at it
    found = np.frombuffer(buffer, dtype=np.uint8)
    with text.open("rb", buffering=0) as file:
        while size := file.readinto(memoryview(buffer)[_CARRIED:]):
            if _has_blank(found[: _CARRIED + size]):
                return True
            buffer[:_CARRIED] = buffer[size : size + _CARRIED]
    return _has_blank(np.append(found[:_CARRIED], [ord('"')] * 2).astype(np.uint8))


def _has_blank(found: npt.NDArray[np.uint8]) -> bool:
    """Whether a blank stands at the edge of a cell; wide ones count wherever they stand. Begins at the second byte and
    ends two before the last, which tell what is around."""
    inner = found[1:-2]
    spaces = np.flatnonzero(inner == ord(" ")) + 1
    if (_EDGE[found[spaces - 1]] | _EDGE[found[spaces + 1]]).any():
        return True
    wide = np.flatnonzero((inner == 0xC2) | (inner - np.uint8(0xE1) <= 2)) + 1  # what all wide ones begin with
    two = found[wide].astype(np.int64) << 8 | found[wide + 1]
    return bool((two == _NO_BREAK).any() or np.isin(two << 8 | found[wide + 2], _WIDE).any())


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
