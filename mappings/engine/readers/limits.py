"""Limits of reading: what a file may cost before it is refused. All in bytes unless said otherwise."""

from dataclasses import dataclass

TOLD = 100  # lines or columns of one sort that a document is told one by one; of more only the number


@dataclass(frozen=True, slots=True)
class Limits:
    """A line, a record's lines, a file on disk, a JSON page, and the parts of a workbook before it is opened."""

    line_bytes: int = 64 * 1024
    record_lines: int = 32
    file_bytes: int = 2 * 1024**3
    json_bytes: int = 32 * 1024**2
    json_depth: int = 16
    workbook_bytes: int = 64 * 1024**2
    workbook_entries: int = 1000
    workbook_sheets: int = 50
    workbook_unpacked: int = 256 * 1024**2
    workbook_ratio: int = 200
    workbook_cells: int = 5_000_000
