"""Tables as people draw them: one or two header rows under a title, totals, remarks, 同上, ragged rows.

Takes lines of cells with their numbers and gives Rows; knows nothing of where the lines come from.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from typing import NamedTuple

from mappings.engine.issues import make
from mappings.engine.model import Issue, ReadBatch, Row, UnreadableFile
from mappings.engine.readers.columns import Columns, normal
from mappings.engine.readers.limits import TOLD
from mappings.engine.transforms.text import damaged, squeeze, trim

CELL_ERRORS = frozenset(["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"])
_GROUP = re.compile("(?:基本)?(?:情况|信息|资料)$")
_TOTAL_LEAD = frozenset("合总小共本全累")


class Line(NamedTuple):
    """One line of a table: its number, its cells, its text, and what its reader noticed (by cell index)."""

    number: int
    cells: list[str]
    original: str
    noticed: tuple[tuple[int, Issue], ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """Where the columns are: `last` is the number of the header's last line, `names` the column at each position."""

    last: int
    width: int
    names: tuple[str | None, ...]
    labels: tuple[str, ...]


def rows(
    lines: Iterable[Line], columns: Columns, file_name: str, batch_size: int, *, ragged: bool, spans: bool = False
) -> Iterator[ReadBatch]:
    """Batches of rows. `ragged` says that a line may be longer or shorter than the header by mistake (CSV)."""
    numbered = iter(lines)
    top = list(islice(numbered, columns.spec.source.header_within + 1))
    header = find_header(top, columns, file_name)
    issues = header_issues(header, columns, file_name)
    maker = _Maker(header, columns, file_name, ragged)
    batch: list[Row] = []
    for line in chain((line for line in top if line.number > header.last), numbered):
        row = maker.row(line, issues)
        if row is None:
            continue
        batch.append(row)
        if len(batch) >= batch_size:
            yield ReadBatch(batch, issues)
            batch, issues = [], []
    issues += maker.left_out()
    if batch or issues:
        yield ReadBatch(batch, issues)


def find_header(top: Sequence[Line], columns: Columns, file_name: str) -> Header:
    """The header among the first lines; raises UnreadableFile when there is none or a required column is missing."""
    best: tuple[int, Header] | None = None
    for at, line in enumerate(top):
        for labels, last in _labels(top, at, line):
            header = _header(labels, last, columns)
            known = len({name for name in header.names if name is not None})
            if best is None or known > best[0]:
                best = (known, header)
    if best is None or best[0] == 0:
        wanted = "、".join(list(columns.spec.columns)[:4])
        raise UnreadableFile(make("no-header", file=file_name, limit=columns.spec.source.header_within, columns=wanted))
    header = best[1]
    for name in columns.required:
        if name not in header.names:
            found = "、".join(label for label in header.labels if label)
            raise UnreadableFile(
                make("missing-column", file=file_name, row=header.last, column=name, line=header.last, found=found)
            )
    repeated = {name for name in header.names if name is not None and header.names.count(name) > 1}
    if repeated:
        name = min(repeated)
        raise UnreadableFile(make("repeated-column", file=file_name, row=header.last, column=name))
    return header


def _labels(top: Sequence[Line], at: int, line: Line) -> Iterator[tuple[list[tuple[str, ...]], int]]:
    """Readings of the lines from `at` as a header of one row, and of two with the upper row's groups spread out."""
    yield [(cell,) for cell in line.cells], line.number
    if at + 1 >= len(top):
        return
    below = top[at + 1]
    width = max(len(line.cells), len(below.cells))
    upper = [*line.cells, *[""] * (width - len(line.cells))]
    lower = [*below.cells, *[""] * (width - len(below.cells))]
    group = ""
    pairs: list[tuple[str, ...]] = []
    for high, low in zip(upper, lower, strict=True):
        group = high.strip() or (group if low.strip() else "")
        pairs.append((f"{group}/{low}", _GROUP.sub("", group) + low, low) if low.strip() and group else (low or high,))
    yield pairs, below.number


def _header(labels: list[tuple[str, ...]], last: int, columns: Columns) -> Header:
    names = tuple(
        next((found for label in spellings if (found := columns.names.get(normal(label))) is not None), None)
        for spellings in labels
    )
    shown = tuple(trim(spellings[0]) for spellings in labels)
    names = tuple(
        label if name is None and label and columns.term(label) is not None else name
        for name, label in zip(names, shown, strict=True)
    )
    width = max((i + 1 for i, label in enumerate(shown) if label), default=0)
    return Header(last, width, names[:width], shown[:width])


def header_issues(header: Header, columns: Columns, file_name: str) -> list[Issue]:
    """What the header alone tells: unknown, forbidden and withheld columns."""
    issues = []
    unknown = 0
    for name, label in zip(header.names, header.labels, strict=True):
        if name is None:
            unknown += bool(label)
            if label and unknown <= TOLD:
                issues.append(make("unknown-column", file=file_name, row=header.last, column=label))
        elif (term := columns.term(name)) is not None:
            issues.append(make("forbidden-column", file=file_name, row=header.last, column=name, **term.words))
        elif name in columns.spec.withheld:
            issues.append(make("withheld-column", file=file_name, row=header.last, column=name))
    if unknown > TOLD:
        issues.append(make("more-columns", file=file_name, row=header.last, count=unknown - TOLD))
    return issues


def _places(header: Header) -> tuple[list[str], list[int]]:
    """(names, positions) of the cells to keep: unknown columns too, under their label, for a later version to read."""
    names: list[str] = []
    wanted: list[int] = []
    for at, (name, label) in enumerate(zip(header.names, header.labels, strict=True)):
        kept = name or label
        if kept and kept not in names:
            names.append(kept)
            wanted.append(at)
    return names, wanted


class _Maker:
    """Makes rows from lines; remembers the row above, for 同上."""

    def __init__(self, header: Header, columns: Columns, file_name: str, ragged: bool) -> None:
        source = columns.spec.source
        self._header = header
        self._file = file_name
        self._ragged = ragged
        self._names, self._wanted = _places(header)
        pick = itemgetter(*self._wanted)
        self._pick = pick if len(self._wanted) > 1 else lambda cells: (pick(cells),)
        self._empty = source.empty
        self._ditto = source.ditto
        self._ditto_columns = columns.ditto
        self._special = frozenset((source.empty | source.ditto | CELL_ERRORS) - {""})
        self._total = (
            re.compile(rf"(?:本[页月季年表次]|全[县区市镇乡村街年月]|累)?(?:{'|'.join(source.totals)}).{{0,20}}")
            if source.totals
            else None
        )
        self._remark = re.compile(rf"(?:{'|'.join(source.remarks)})") if source.remarks else None
        self._remark_leads = frozenset(word[0] for word in source.remarks)
        self._lead = next((name for name in columns.required if name in header.names), self._names[0])
        lead_at = self._wanted[self._names.index(self._lead)]
        self._lead_at = lead_at
        self._lead_labels = frozenset({self._lead, header.labels[lead_at]})
        self._label_row = list(header.labels)
        self._above: dict[str, str | None] = {}
        self._beside_told: Counter[str] = Counter()

    def row(self, line: Line, issues: list[Issue]) -> Row | None:
        cells = line.cells
        width = self._header.width
        if len(cells) > width and not any(map(str.strip, cells[width:])):
            cells = cells[:width]
        if not any(map(str.strip, cells)):
            return None
        if self._beside(line, cells, issues):
            return None
        if len(cells) != width:
            if self._ragged or len(cells) > width:
                code = "row-too-long" if len(cells) > width else "row-too-short"
                fault = make(code, file=self._file, row=line.number, found=len(cells), expected=width)
                return Row(line.number, {}, line.original, (fault,))
            cells = [*cells, *[""] * (width - len(cells))]
        return self._record(line, cells)

    def _beside(self, line: Line, cells: list[str], issues: list[Issue]) -> bool:
        """Whether the line is a total, a remark or the header again, and not a record."""
        first = cells[0] if cells[0].strip() else next(cell for cell in cells if cell.strip())
        lead = cells[self._lead_at] if len(cells) > self._lead_at else ""
        if self._total is not None:
            for cell in (first, lead):
                if cell.lstrip()[:1] in _TOTAL_LEAD and self._total.fullmatch(squeeze(cell)):
                    self._tell(issues, "row-is-total", line)
                    return True
        if self._remark is not None and first.lstrip()[:1] in self._remark_leads and self._remark.match(first.strip()):
            filled = sum(1 for cell in cells if cell.strip())
            if filled <= 3 or not lead.strip():
                self._tell(issues, "row-is-note", line)
                return True
        return lead in self._lead_labels or (lead != "" and line.cells == self._label_row)

    def _tell(self, issues: list[Issue], code: str, line: Line) -> None:
        """A line that is no record; of very many alike only how many there were is told."""
        self._beside_told[code] += 1
        if self._beside_told[code] <= TOLD:
            issues.append(make(code, file=self._file, row=line.number, value=line.original))

    def left_out(self) -> list[Issue]:
        """How many lines were passed over without being told one by one."""
        more = sum(max(0, count - TOLD) for count in self._beside_told.values())
        return [make("more-lines-beside", file=self._file, count=more)] if more else []

    def _record(self, line: Line, values: list[str]) -> Row:
        original = line.original
        clean = str.strip if original.isprintable() else trim
        texts = map(clean, self._pick(values))
        cells: dict[str, str | None] = {name: text or None for name, text in zip(self._names, texts, strict=True)}
        noticed = self._noticed(line)
        if not self._special.isdisjoint(cells.values()):
            noticed += self._settle(line.number, cells)
        if damaged(original):
            noticed += self._damage(line.number, cells)
        self._above = cells
        return Row(line.number, cells, original, noticed)

    def _noticed(self, line: Line) -> tuple[Issue, ...]:
        if not line.noticed:
            return ()
        kept = []
        for index, issue in line.noticed:
            name = (self._header.names[index] or self._header.labels[index]) if index < self._header.width else ""
            if name:
                kept.append(
                    Issue(
                        issue.severity, issue.code, issue.text, issue.text_zh, self._file or None, line.number, name,
                        issue.value,
                    )
                )  # fmt: skip
        return tuple(kept)

    def _settle(self, number: int, cells: dict[str, str | None]) -> tuple[Issue, ...]:
        """Words for empty become empty, 同上 becomes the text above, spreadsheet errors are pointed out."""
        issues = []
        for name, text in cells.items():
            if text is None:
                continue
            if text in self._ditto and name in self._ditto_columns:
                cells[name] = self._above.get(name)
                if cells[name] is None:
                    issues.append(
                        make("ditto-without-row", file=self._file, row=number, column=name, value=text, mark=text)
                    )
            elif text in CELL_ERRORS:
                cells[name] = None
                issues.append(make("cell-error", file=self._file, row=number, column=name, value=text, error=text))
            elif text in self._empty:
                cells[name] = None
        return tuple(issues)

    def _damage(self, number: int, cells: dict[str, str | None]) -> tuple[Issue, ...]:
        return tuple(
            make("text-damaged", file=self._file, row=number, column=name)
            for name, text in cells.items()
            if text is not None and damaged(text)
        )
