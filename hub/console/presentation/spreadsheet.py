"""CSV for spreadsheet programs: UTF-8 with a mark they recognise, and no cell that they would run as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

# OWASP's list of what makes a cell a formula, and the full-width forms that some programs fold into them.
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutral(cell: str) -> str:
    """The cell as text: behind an apostrophe where a program could take it for a formula."""
    return f"'{cell}" if cell.lstrip(" \u00a0\u3000").startswith(_ACTIVE) or cell.startswith(_ACTIVE) else cell


def spreadsheet(header: Sequence[str], lines: Iterable[Sequence[str]]) -> bytes:
    """The file's bytes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([neutral(cell) for cell in header])
    writer.writerows([neutral(cell) for cell in line] for line in lines)
    return out.getvalue().encode("utf-8-sig")
