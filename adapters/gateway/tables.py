"""Tables for clerks: CSV that a spreadsheet program opens with the right characters and never runs as a formula.

UTF-8 with byte order mark, CRLF, every cell quoted (some programs separate at `;`). A cell that is read as a formula once blanks and
invisible characters before it are passed over gets an apostrophe in front (so does one that begins with an apostrophe, so that
`restore` gives back exactly what was put in). Follows OWASP on CSV injection; plain negative numbers stay as they are.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

_STARTS = frozenset("=+-@\N{MINUS SIGN}")
_NUMBER = re.compile(r"-[0-9]{1,18}(\.[0-9]{1,18})?")
# Letters and signs by category that nevertheless show nothing: fillers and the empty braille cell.
_UNSEEN = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def neutralise(value: str) -> str:
    """The cell as text in every spreadsheet program."""
    return f"'{value}" if _dangerous(value) else value


def restore(cell: str) -> str:
    """What `neutralise` was given."""
    return cell[1:] if cell.startswith("'") and _dangerous(cell[1:]) else cell


def _dangerous(value: str) -> bool:
    if value.startswith("'"):
        return True
    if _NUMBER.fullmatch(value):
        return False
    for character in value:
        # Programs differ in what they pass over; a control character (TAB, CR, LF, NUL) is itself a way in.
        if unicodedata.category(character) == "Cc":
            return True
        if not _passed_over(character):
            # Full-width, small and raised forms are read as the plain sign by some.
            return unicodedata.normalize("NFKC", character)[:1] in _STARTS
    return False


def _passed_over(character: str) -> bool:
    return character in _UNSEEN or unicodedata.category(character)[0] in "CZM"


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow([neutralise(cell) for cell in header])
    writer.writerows([neutralise(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")
