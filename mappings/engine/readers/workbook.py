"""Workbooks (.xlsx): limits are checked before anything is opened, values come from calamine, formulas are pointed out.

A zip bomb, a document type or a sheet of a billion cells is refused from counting alone: declared sizes are not
trusted, every part is unpacked once against its limit. Entities and network are off in every XML that we parse.
"""

import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO, NamedTuple

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from mappings.engine.issues import make
from mappings.engine.model import Issue, ReadBatch, UnreadableFile
from mappings.engine.readers import sheets, table
from mappings.engine.readers.columns import Columns
from mappings.engine.readers.limits import Limits

_CHUNK = 1 << 20
_SMALL = 1 << 20  # a part below this size may have any ratio

# What the zip reader raises for a directory that leads nowhere (ValueError, OSError), a part that does not unpack, or is locked.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


class _Chosen(NamedTuple):
    name: str
    sheet: CalamineSheet


def read(stream: BinaryIO, columns: Columns, file_name: str, batch_size: int, limits: Limits) -> Iterator[ReadBatch]:
    """Batches of rows of the one sheet that has the mapping's table."""
    size = stream.seek(0, 2)
    if size > limits.workbook_bytes:
        raise UnreadableFile(make("too-large", file=file_name, limit=limits.workbook_bytes))
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            _check_parts(archive, file_name, limits)
            parts = sheets.parts(archive)
            if len(parts) > limits.workbook_sheets:
                raise UnreadableFile(
                    make("too-many-sheets", file=file_name, count=len(parts), limit=limits.workbook_sheets)
                )
            surveys = {name: sheets.survey(archive, part, limits.workbook_cells) for name, part in parts.items()}
    except sheets.TooManyCells as error:
        raise UnreadableFile(
            make("too-many-cells", file=file_name, cells=error.cells, limit=limits.workbook_cells)
        ) from error
    except sheets.ForbiddenXml as error:
        raise UnreadableFile(make("xml-forbidden", file=file_name, part=error.part)) from error
    except _DAMAGED as error:
        raise UnreadableFile(make("not-a-workbook", file=file_name, reason=str(error)[:80])) from error
    yield from _sheet_rows(stream, columns, file_name, batch_size, surveys)


def _check_parts(archive: zipfile.ZipFile, file_name: str, limits: Limits) -> None:
    """Count the entries, then unpack each once without keeping it."""
    entries = archive.infolist()
    if len(entries) > limits.workbook_entries:
        raise UnreadableFile(make("zip-entries", file=file_name, count=len(entries), limit=limits.workbook_entries))
    total = 0
    for entry in entries:
        part, unpacked = entry.filename[:80], 0
        if total + entry.file_size > limits.workbook_unpacked:
            raise UnreadableFile(make("zip-bomb", file=file_name, part=part, limit=limits.workbook_unpacked))
        with archive.open(entry) as content:
            while chunk := content.read(_CHUNK):
                unpacked += len(chunk)
                if total + unpacked > limits.workbook_unpacked:
                    raise UnreadableFile(make("zip-bomb", file=file_name, part=part, limit=limits.workbook_unpacked))
                if unpacked > _SMALL and unpacked > limits.workbook_ratio * max(1, entry.compress_size):
                    raise UnreadableFile(make("zip-ratio", file=file_name, part=part, limit=limits.workbook_ratio))
        total += unpacked


def _sheet_rows(
    stream: BinaryIO, columns: Columns, file_name: str, batch_size: int, surveys: dict[str, sheets.Survey]
) -> Iterator[ReadBatch]:
    stream.seek(0)
    try:
        with CalamineWorkbook.from_filelike(stream) as workbook:
            chosen, beside = _choose(workbook, columns, file_name)
            lines = _lines(chosen.sheet, surveys.get(chosen.name, sheets.Survey()))
            for batch in table.rows(lines, columns, file_name, batch_size, ragged=False):
                yield ReadBatch(batch.rows, [*beside, *batch.issues])
                beside = []
    except CalamineError as error:
        raise UnreadableFile(make("not-a-workbook", file=file_name, reason=str(error)[:80])) from error


def _choose(workbook: CalamineWorkbook, columns: Columns, file_name: str) -> tuple[_Chosen, list[Issue]]:
    """The sheet that has the table; with several the file is refused, with none the first sheet says what is wrong."""
    found: list[_Chosen] = []
    beside: list[Issue] = []
    refusal: UnreadableFile | None = None
    for meta in workbook.sheets_metadata:
        if meta.typ != SheetTypeEnum.WorkSheet or meta.visible != SheetVisibleEnum.Visible:
            continue
        sheet = workbook.get_sheet_by_name(meta.name)
        top = [
            line
            for line, _ in zip(_lines(sheet, sheets.Survey()), range(columns.spec.source.header_within), strict=False)
        ]
        try:
            table.find_header(top, columns, file_name)
        except UnreadableFile as fault:
            if refusal is None or fault.issue.code != "no-header":
                refusal = fault
            if any(cell.strip() for line in top for cell in line.cells):
                beside.append(make("sheet-skipped", file=file_name, sheet=meta.name))
            continue
        found.append(_Chosen(meta.name, sheet))
    if len(found) > 1:
        names = "、".join(chosen.name for chosen in found)
        raise UnreadableFile(make("several-sheets", file=file_name, sheets=names))
    if not found:
        raise refusal or UnreadableFile(make("empty-file", file=file_name))
    return found[0], beside


def _lines(sheet: CalamineSheet, survey: sheets.Survey) -> Iterator[table.Line]:
    """The lines of a sheet as people see them: numbered from 1, cells merged downwards filled from their first."""
    start = sheet.start
    if start is None:
        return
    filled = _merged(sheet)
    carried: dict[int, str] = {}
    left = [""] * start[1]
    for at, values in enumerate(sheet.iter_rows()):
        cells = left + [_text(value) for value in values]
        for column in list(carried):
            if (at, column) not in filled:
                del carried[column]
        for column, cell in enumerate(cells):
            if (at, column) in filled:
                if filled[at, column] == at:
                    carried[column] = cell
                elif not cell:
                    cells[column] = carried.get(column, "")
        yield table.Line(at + 1, cells, "\t".join(cells), _formulas(survey, at, cells))


def _merged(sheet: CalamineSheet) -> dict[tuple[int, int], int]:
    """(row, column) → first row, for every cell merged over several rows in one column."""
    filled: dict[tuple[int, int], int] = {}
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        if left == right and bottom > top and bottom - top < 1000:
            filled.update({(row, left): top for row in range(top, bottom + 1)})
    return filled


def _formulas(survey: sheets.Survey, row: int, cells: list[str]) -> tuple[tuple[int, Issue], ...]:
    found = survey.formulas.get(row)
    if not found:
        return ()
    issues = []
    for column in found:
        value = cells[column] if column < len(cells) else ""
        code = "formula-cell" if value else "formula-without-value"
        issues.append((column, make(code, value=value or None)))
    return tuple(issues)


def _text(value: Any) -> str:
    """A cell as text. Whole numbers show no `.0`; those beyond what a spreadsheet holds exactly show as ruined."""
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | int):
        if abs(value) >= 1e15:
            return f"{float(value):.14E}".replace("E+0", "E+")
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)
