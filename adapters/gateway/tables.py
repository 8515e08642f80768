"""Tables for clerks: CSV that a spreadsheet program opens with the right characters and never runs as a formula.

UTF-8 with byte order mark, CRLF. A cell beginning with `= + - @`, TAB or CR gets an apostrophe before it (so does one that begins with
an apostrophe, so that `restore` gives back exactly what was put in).
"""

import csv
import io
from collections.abc import Iterable, Sequence

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")


def neutralise(value: str) -> str:
    """The cell as text in every spreadsheet program."""
    return f"'{value}" if value.startswith(_DANGEROUS) else value


def restore(cell: str) -> str:
    """What `neutralise` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_DANGEROUS) else cell


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([neutralise(cell) for cell in header])
    writer.writerows([neutralise(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")
