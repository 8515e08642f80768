"""Writes a table as the county's clerks do: GBK text or a workbook, under a title and two header rows, with a totals row.

A file appears under its name only when it is complete; until then it has a hidden name in the same folder.
"""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hub.demo.population.dialects.huiji import workbooks
from hub.demo.population.dialects.huiji.workbooks import Cell, column_letters


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of sheet: its title, and its columns in groups. A group without a name has columns that span both rows."""

    title: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column for _, columns in self.groups for column in columns)

    def header(self) -> tuple[list[str], list[str]]:
        """The two header rows: names of groups above, columns below; a merged cell holds its text in its first part."""
        upper: list[str] = []
        lower: list[str] = []
        for group, columns in self.groups:
            if group:
                upper += [group] + [""] * (len(columns) - 1)
                lower += columns
            else:
                upper += columns
                lower += [""] * len(columns)
        return upper, lower

    def merged(self) -> list[str]:
        """The merged ranges of title and header, as a workbook names them."""
        last = column_letters(len(self.columns) - 1)
        ranges = [f"A1:{last}1"]
        place = 0
        for group, columns in self.groups:
            if group and len(columns) > 1:
                ranges.append(f"{column_letters(place)}2:{column_letters(place + len(columns) - 1)}2")
            elif not group:
                ranges += [f"{column_letters(place + i)}2:{column_letters(place + i)}3" for i in range(len(columns))]
            place += len(columns)
        return ranges


FIRST_ROW = 4
"""The line in the file on which the first record stands, below title and header."""


def lines(table: Table, rows: Iterable[Sequence[Cell]], month: date) -> Iterator[Sequence[Cell]]:
    """Everything that stands in the file, line by line."""
    upper, lower = table.header()
    width = len(table.columns)
    yield [f"{table.title}（{month.year}年{month.month}月）"] + [""] * (width - 1)
    yield upper
    yield lower
    count = 0
    for row in rows:
        count += 1
        yield row
    yield ["合计", f"{count}人"] + [""] * (width - 2)


def write_csv(path: Path, content: Iterable[Sequence[Cell]]) -> None:
    """GBK; a character that GBK does not have is lost as `?`, as it is in the county."""
    hidden = _hidden(path)
    with hidden.open("w", encoding="gbk", errors="replace", newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerows(content)
        file.flush()
        os.fsync(file.fileno())
    hidden.replace(path)


def write_workbook(path: Path, table: Table, content: Iterable[Sequence[Cell]]) -> None:
    """A workbook with one sheet; title and header cells are merged."""
    hidden = _hidden(path)
    workbooks.write(hidden, "Sheet1", content, table.merged())
    with hidden.open("rb") as file:
        os.fsync(file.fileno())
    hidden.replace(path)


def _hidden(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")
