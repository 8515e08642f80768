"""The XML inside a workbook, as a stream: which part holds which sheet, how far it reaches, where formulas stand."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import join, normpath
from typing import IO, Any

from lxml import etree

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_ROWS, _CELLS, _FORMULAS = (frozenset((_MAIN + name, _STRICT + name)) for name in ("row", "c", "f"))
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_MOST_COLUMNS = 16_384
_MOST_RUNS = 4_096
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class BadSheet(ValueError):
    """The workbook's inner structure is not that of .xlsx."""


class ForbiddenXml(ValueError):
    """A part declares a document type or entities."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


class TooManyCells(ValueError):
    """The sheet reaches further than the limit."""

    def __init__(self, cells: int) -> None:
        super().__init__(str(cells))
        self.cells = cells


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over a sheet found: columns of formula cells by row, both from 0."""

    formulas: dict[int, list[int]] = field(default_factory=dict)


def parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name → name of its part, in the workbook's order."""
    targets = {
        element.get("Id"): element.get("Target", "")
        for element in _tree(archive, "xl/_rels/workbook.xml.rels")
        if "/worksheet" in (element.get("Type") or "")
    }
    found: dict[str, str] = {}
    for element in _tree(archive, "xl/workbook.xml").iter(f"{_MAIN}sheet", f"{_STRICT}sheet"):
        target = targets.get(element.get(_RELATION) or element.get(_STRICT_RELATION))
        if target:
            path = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
            if path in found.values():
                raise BadSheet("two sheets are one part")
            found[element.get("name", "")] = path
    if not found:
        raise BadSheet("no worksheets")
    return found


def _tree(archive: zipfile.ZipFile, part: str) -> Any:
    try:
        data = archive.read(part)
    except KeyError as error:
        raise BadSheet(f"{part} is missing") from error
    if _DOCTYPE.search(data):
        raise ForbiddenXml(part)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise BadSheet(f"{part}: {error.msg}") from error


class _Guarded:
    """A part's stream that refuses document types; they can only stand before the first element."""

    def __init__(self, content: IO[bytes], part: str) -> None:
        self._content = content
        self._part = part
        self._first = True

    def read(self, size: int = -1) -> bytes:
        chunk = self._content.read(size)
        if self._first and _DOCTYPE.search(chunk):
            raise ForbiddenXml(self._part)
        self._first = False
        return chunk


def survey(archive: zipfile.ZipFile, part: str, limit: int) -> Survey:
    """One streaming pass: where formulas stand; raises TooManyCells when the filled area is larger than `limit`."""
    found = Survey()
    try:
        content = archive.open(part)
    except KeyError as error:
        raise BadSheet(f"{part} is missing") from error
    with content:
        try:
            _walk(content, part, limit, found)
        except etree.XMLSyntaxError as error:
            raise BadSheet(f"{part}: {error.msg}") from error
    return found


def _walk(content: IO[bytes], part: str, limit: int, found: Survey) -> None:
    right = bottom = 0
    for row, column, formula in _cells(_Guarded(content, part)):
        right, bottom = max(right, column + 1), max(bottom, row + 1)
        if right * bottom > limit:
            raise TooManyCells(right * bottom)
        if formula:
            found.formulas.setdefault(row, []).append(column)


def _cells(content: Any) -> Iterator[tuple[int, int, bool]]:
    """(row, column, is a formula) of every cell that has content; a row of more cells than sheets have is refused.

    Every element goes when it ends, whatever it is: what stays in memory is one row's cells at most.
    """
    row = column = -1
    cells = inside = 0
    events = etree.iterparse(
        content, events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    for event, element in events:
        tag = element.tag
        if event == "start":
            if tag in _CELLS or inside:
                inside += 1
            elif tag in _ROWS:
                row, column, cells = _number(element.get("r"), row + 2) - 1, -1, 0
            continue
        if inside:
            inside -= 1
            if inside or tag not in _CELLS:
                _few(element.getparent(), row)
                continue
            cells += 1
            if cells > _MOST_COLUMNS:
                raise BadSheet(f"row {row + 1} has too many cells")
            reference = element.get("r")
            row, column = _position(reference) if reference else (row, column + 1)
            if len(element):
                yield row, column, any(child.tag in _FORMULAS for child in element)
        _forget(element)


def _few(parent: Any, row: int) -> None:
    """A cell holds its formula, its value and the runs of its text, not elements without end."""
    if parent is not None and len(parent) > _MOST_RUNS:
        raise BadSheet(f"row {row + 1} has a cell of too many parts")


def _forget(element: Any) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _number(written: str | None, otherwise: int) -> int:
    if written is None:
        return otherwise
    if not written.isdecimal() or len(written) > 7:
        raise BadSheet(f"row {written[:12]}")
    return int(written)


def _position(reference: str) -> tuple[int, int]:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise BadSheet(f"cell {reference[:12]}")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]) - 1, column - 1
