"""Translating rows: cells to values by the compiled fields, values to resources by the target of the record kind.

Pure: rows and a Context in, results out, one for each row and in the same order; no row can stop the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from mappings.engine.compile import Step
from mappings.engine.issues import make, place
from mappings.engine.model import Context, Issue, Note, Noted, PartialDate, Row, RowResult
from mappings.engine.targets import Built, Target
from mappings.engine.transforms.dates import endless
from mappings.engine.transforms.documents import to_18

UNUSABLE = "?"  # a field's text from which no value came is passed on under its name with this mark


@dataclass(frozen=True, slots=True)
class Program:
    """What applying needs, prepared once per mapping: `columns` gives the column of each field."""

    county: str
    steps: tuple[Step, ...]
    columns: dict[str, str]
    required: tuple[tuple[str, str], ...]
    constants: dict[str, Any]
    target: Target
    forbidden: Callable[[Row], Issue | None]
    withheld: frozenset[str]


def apply(program: Program, rows: Sequence[Row], context: Context) -> list[RowResult]:
    """The results of `rows`, in order; whatever breaks over one row is that row's error."""
    return [_one(program, row, context) for row in rows]


def _one(program: Program, row: Row, context: Context) -> RowResult:
    try:
        return _translate(program, row, context)
    except Exception as error:  # noqa: BLE001 - told with its type only: its text may quote the row
        fault = make("row-failed", row=row.number, error=type(error).__name__)
        return RowResult(row.number, issues=[*row.issues, fault])


def _translate(program: Program, row: Row, context: Context) -> RowResult:
    if row.issues and any(issue.severity == "error" for issue in row.issues):
        return RowResult(row.number, issues=list(row.issues))
    refusal = program.forbidden(row)
    if refusal is not None:
        return RowResult(row.number, issues=[*row.issues, refusal])
    issues = list(row.issues)
    values = _values(program, row, issues)
    if "record_id" not in values and (key := _derived_key(program.target.subject(values))) is not None:
        values["record_id"] = key
        issues.append(make("key-derived", row=row.number))
    _missing(program, row, values, issues)
    if issues and any(issue.severity == "error" for issue in issues):
        return RowResult(row.number, values.get(program.target.key), issues=issues)
    built = program.target.build(values, context, program.county)
    _report(program, row, built, issues)
    if issues and any(issue.severity == "error" for issue in issues):
        return RowResult(row.number, built.key, issues=issues)
    return RowResult(row.number, built.key, built.resources, built.claims, built.routing, issues, ok=True)


def _values(program: Program, row: Row, issues: list[Issue]) -> dict[str, Any]:
    cells = row.cells
    values: dict[str, Any] = dict(program.constants)
    for name, column, others, run, when in program.steps:
        text = cells.get(column)
        if text is None:
            for column in others:
                if (text := cells.get(column)) is not None:
                    break
            else:
                continue
        if when is not None and ((cells.get(when.column) or "") in when.texts) is when.negated:
            continue
        value = run(text)
        if type(value) is Noted:
            issues.extend([place(note, row=row.number, column=column, value=text) for note in value.notes])
            value = value.value
        if value is not None:
            values[name] = value
        else:
            values[name + UNUSABLE] = text
    if not program.withheld.isdisjoint(cells):
        issues.extend(
            make("withheld-content", row=row.number, column=column)
            for column in sorted(program.withheld)
            if cells.get(column) is not None
        )
    return values


def _missing(program: Program, row: Row, values: dict[str, Any], issues: list[Issue]) -> None:
    for name, column in program.required:
        if name not in values and not any(i.severity == "error" and i.column == column for i in issues):
            if name in program.target.ends and endless(text := values.get(name + UNUSABLE, "")):
                # It was read, and means what cannot be granted: that is said instead of "unreadable".
                issues[:] = [i for i in issues if not (i.code == "date-unreadable" and i.column == column)]
                issues.append(make("period-without-end", row=row.number, column=column, value=text))
                continue
            issues.append(make("required-missing", row=row.number, column=column))


def _derived_key(values: dict[str, Any]) -> str | None:
    """A record number from name and ID, else from name, sex and full birth date; None when that is too little."""
    name = values.get("name")
    if name is None:
        return None
    document = values.get("resident_id")
    if document is not None:
        parts = [name.text, to_18(document.value)]
    else:
        born: PartialDate | None = values.get("birth_date")
        sex = values.get("sex")
        if born is None or sex is None:
            return None
        parts = [name.text, sex.original.code, born.text]
    return "d-" + sha256("\x1f".join(parts).encode()).hexdigest()[:24]


def _report(program: Program, row: Row, built: Built, issues: list[Issue]) -> None:
    for name, found in built.notes:
        column = program.columns.get(name) if name else None
        drop = _replaced_by(found)
        if drop is not None:
            issues[:] = [issue for issue in issues if not (issue.code == drop and issue.column == column)]
        issues.append(place(found, row=row.number, column=column, value=row.cells.get(column) if column else None))


def _replaced_by(found: Note) -> str | None:
    """A note that settles an earlier doubt takes its place."""
    return "date-month-ambiguous" if found.code == "date-month-from-id" else None
