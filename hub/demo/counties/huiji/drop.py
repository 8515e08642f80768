"""The county's monthly drop: one file for each kind of record, as its clerks send them.

People come as GBK text, the last of them as a workbook of late entries; each other kind has a file of its own.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

from hub.demo.population import Record, Story
from hub.demo.population.dialects.huiji import papers, rows
from hub.demo.population.dialects.huiji.sheets import Table, lines, write_csv, write_workbook
from hub.demo.population.dialects.huiji.workbooks import Cell, Formula
from mappings import vocabulary

LATE_ENTRIES = 400
"""How many of the people come in the workbook at most (never more than a tenth)."""
_DATES = ("日期", "年月")
_NUMBERS = ("联系电话",)


def drop(folder: Path, story: Story, kinds: Collection[str], *, updates: bool = False) -> dict[str, int]:
    """Write the county's files of a story into `folder`; the number of records by file name."""
    month = story.as_of
    folder.mkdir(parents=True, exist_ok=True)
    if updates:
        return dict([_people(folder, f"流动人口信息变更_{month:%Y%m}.csv", story.updates[rows.COUNTY], month)])
    written: dict[str, int] = {}
    for kind in kinds:
        written |= dict(_WRITERS[kind](folder, story))
    return written


def _people(folder: Path, name: str, records: Sequence[Record], month: date) -> tuple[str, int]:
    write_csv(folder / name, lines(rows.PERSON, rows.person_rows(records), month))
    return name, len(records)


def _person_files(folder: Path, story: Story) -> Iterator[tuple[str, int]]:
    records, month = story.records[rows.COUNTY], story.as_of
    late = min(LATE_ENTRIES, len(records) // 10)
    cut = len(records) - late
    yield _people(folder, f"流动人口信息_{month:%Y%m}.csv", records[:cut], month)
    if late:
        name = f"流动人口信息补录_{month:%Y%m}.xlsx"
        _workbook(folder / name, rows.PERSON, rows.person_rows(records[cut:]), month)
        yield name, late


def _workbook(path: Path, table: Table, content: Iterable[Sequence[str]], month: date) -> None:
    typed = (typed_cells(table.columns, row, number) for number, row in enumerate(content))
    write_workbook(path, table, lines(table, typed, month))


def typed_cells(columns: Sequence[str], row: Sequence[str], number: int) -> list[Cell]:
    """A row as a spreadsheet program keeps it: day numbers and phones as numbers, some dates as dates, a ruined
    number as the number that is left of it, and now and then a formula with its last result."""
    cells: list[Cell] = []
    for place, (column, text) in enumerate(zip(columns, row, strict=True)):
        cells.append(_typed(column, text, number + place))
    if number % 90 == 7 and isinstance(cells[-1], str):
        cells[1] = Formula(f'"{row[1]}"', row[1]) if row[1] else None
    return cells


def _typed(column: str, text: str, turn: int) -> Cell:
    if not text:
        return None
    if column.endswith(_DATES) and text.isdigit() and len(text) == 5:
        return int(text)
    if column.endswith(_DATES) and len(text) == 10 and text[4] == "-" and turn % 2:
        return date.fromisoformat(text)
    if column in _NUMBERS and text.isascii() and text.isdigit() and turn % 3 == 0:
        return int(text)
    if column == "身份证号码" and "E+" in text:
        return float(text)
    return text


def _consent_file(folder: Path, story: Story) -> Iterator[tuple[str, int]]:
    found = [consent for consent in story.consents if consent.county == rows.COUNTY]
    name = f"知情同意书_{story.as_of:%Y%m}.xlsx"
    _workbook(folder / name, papers.CONSENT, papers.consent_rows(found), story.as_of)
    yield name, len(found)


def _report_file(folder: Path, story: Story) -> Iterator[tuple[str, int]]:
    found = [report for report in story.reports if report.county == rows.COUNTY]
    name = f"避孕节育情况报告单_{story.as_of:%Y%m}.csv"
    write_csv(folder / name, lines(papers.REPORT, papers.report_rows(found), story.as_of))
    yield name, len(found)


def _marriage_file(folder: Path, story: Story) -> Iterator[tuple[str, int]]:
    found = [marriage for marriage in story.marriages if marriage.county == rows.COUNTY]
    name = f"婚姻登记证件_{story.as_of:%Y%m}.xlsx"
    _workbook(folder / name, papers.MARRIAGE, papers.marriage_rows(found), story.as_of)
    yield name, len(found)


def _birth_file(folder: Path, story: Story) -> Iterator[tuple[str, int]]:
    found = [birth for birth in story.births if birth.county == rows.COUNTY]
    name = f"出生医学证明_{story.as_of:%Y%m}.xlsx"
    _workbook(folder / name, papers.BIRTH, papers.birth_rows(found), story.as_of)
    yield name, len(found)


_WRITERS: dict[str, Callable[[Path, Story], Iterator[tuple[str, int]]]] = {
    vocabulary.PERSON: _person_files,
    vocabulary.CONSENT: _consent_file,
    vocabulary.CONTRACEPTION_REPORT: _report_file,
    vocabulary.MARRIAGE_CERTIFICATE: _marriage_file,
    vocabulary.BIRTH_CERTIFICATE: _birth_file,
}
