"""Writes .xlsx workbooks (ECMA-376) with what a county's clerk puts into them: text, numbers, dates, formulas, merged cells.

One sheet, inline strings, streamed row by row into the archive. Not a general writer: no styles but one date format.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO
from xml.sax.saxutils import escape

EPOCH = date(1899, 12, 30)
"""Day 0 of a spreadsheet's calendar, as it counts from March 1900 on."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell that computes; `result` is the last computed value, None if it never was."""

    text: str
    result: str | None = None


Cell = str | int | float | date | Formula | None

_CONTENT_TYPES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" \
ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>\
<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>\
<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>\
<Override PartName="/xl/worksheets/sheet1.xml" \
ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_ROOT = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>"""
_WORKBOOK_PARTS = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>\
<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>"""
_STYLES = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders>\
<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>\
</styleSheet>"""


def serial(day: date) -> int:
    """The day number by which a spreadsheet stores a date."""
    return (day - EPOCH).days


def column_letters(index: int) -> str:
    """0 → A, 25 → Z, 26 → AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def write(path: Path, sheet: str, rows: Iterable[Sequence[Cell]], merged: Sequence[str] = ()) -> int:
    """Write one sheet to `path`; `merged` are ranges such as "A1:H1". Returns the number of rows written."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _CONTENT_TYPES)
        archive.writestr("_rels/.rels", _ROOT)
        archive.writestr("xl/workbook.xml", _workbook(sheet))
        archive.writestr("xl/_rels/workbook.xml.rels", _WORKBOOK_PARTS)
        archive.writestr("xl/styles.xml", _STYLES)
        with (
            archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part,
            io.TextIOWrapper(part, encoding="utf-8", newline="") as out,
        ):
            return _sheet(out, rows, merged)


def _workbook(sheet: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
        f'<sheets><sheet name="{escape(sheet)}" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )


def _sheet(out: TextIO, rows: Iterable[Sequence[Cell]], merged: Sequence[str]) -> int:
    out.write(f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{_MAIN}"><sheetData>')
    letters: list[str] = []
    number = 0
    for number, row in enumerate(rows, 1):
        while len(letters) < len(row):
            letters.append(column_letters(len(letters)))
        cells = (_cell(f"{letters[i]}{number}", cell) for i, cell in enumerate(row) if cell is not None)
        out.write(f'<row r="{number}">{"".join(cells)}</row>')
    out.write("</sheetData>")
    if merged:
        ranges = "".join(f'<mergeCell ref="{area}"/>' for area in merged)
        out.write(f'<mergeCells count="{len(merged)}">{ranges}</mergeCells>')
    out.write("</worksheet>")
    return number


def _cell(place: str, cell: Cell) -> str:
    match cell:
        case str():
            return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
        case Formula(text, None):
            return f'<c r="{place}"><f>{escape(text)}</f></c>'
        case Formula(text, result):
            return f'<c r="{place}" t="str"><f>{escape(text)}</f><v>{escape(result or "")}</v></c>'
        case date():
            return f'<c r="{place}" s="1"><v>{serial(cell)}</v></c>'
        case _:
            return f'<c r="{place}"><v>{cell}</v></c>'
