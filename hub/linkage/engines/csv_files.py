"""CSV files as people have them: which encoding, which columns, and what is wrong in words that quote no cell."""

import codecs
import csv
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from hub.errors import Invalid

BLANKS = " \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
"""What stands around a cell without being of it: the blanks of Unicode, as SQL's trim has them."""
_BLOCK = 1 << 20
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
