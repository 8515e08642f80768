"""From rows to what will be stored: translated, checked, canonical bytes, features. Pure, so that it can run anywhere.

`prepare` takes and returns plain values that travel between processes. A row whose resources do not pass the FHIR
checks is held like one that the mapping refuses: nothing invalid is stored.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

import mappings
from hub.fhir import validate
from hub.linkage import blocking, features
from hub.linkage.features import Features
from mappings import divisions
from mappings.engine.issues import make

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
CONSENT_TYPE = "Consent"
PERSON_TYPE = "Patient"
FORBIDDEN = "forbidden-content"


class Ready(NamedTuple):
    """A resource ready to be stored. `key` is the sender's own, `identifiers` are (system, value).

    Of a person there are `features`, and `blocks`: the texts of its blocking keys.
    """

    row: int
    type: str
    key: str
    body: bytes
    digest: bytes
    identifiers: tuple[tuple[str, str], ...]
    features: Features | None
    blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be used: the row as JSON, and why."""

    row: int
    original: bytes
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch: what is stored, what is held, what is told. `rows` counts all of them."""

    rows: int
    ready: list[Ready]
    refused: list[Refused]
    issues: list[dict[str, Any]]


def prepare(
    name: str, source: str, received_at: datetime, rows: Sequence[mappings.Row], found: Sequence[mappings.Issue]
) -> Prepared:
    """Translate `rows` with the mapping `name`; `found` are the reader's issues of the same batch."""
    mapping = mappings.load(name)
    context = mappings.Context(source=source, received_at=received_at)
    ready: list[Ready] = []
    refused: list[Refused] = []
    issues = [told(issue) for issue in found]
    rows = [_readable(row) for row in rows]
    for row, result in zip(rows, mapping.apply(rows, context), strict=True):
        made, problems = _made(row, result)
        issues += [told(issue) for issue in problems]
        errors = tuple(dict.fromkeys(issue.code for issue in problems if issue.severity == "error"))
        if errors or not result.ok:
            refused.append(_refuse(row, errors or ("not-translated",)))
        else:
            ready += made
    return Prepared(len(rows), ready, refused, issues)


def _made(row: mappings.Row, result: mappings.RowResult) -> tuple[list[Ready], list[mappings.Issue]]:
    """What the row's result gives, and all that is said of it; whatever breaks over it is that row's error."""
    problems = list(result.issues)
    if not result.ok:
        return [], problems
    try:
        bodies = [orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in result.resources]
        for item, body in zip(result.resources, bodies, strict=True):
            problems += [_invalid(row, problem) for problem in validate.check(item, body)]
        if any(issue.severity == "error" for issue in problems):
            return [], problems
        key = result.key or hashlib.sha256(row.original.encode()).hexdigest()
        return [_ready(row.number, key, *pair) for pair in zip(result.resources, bodies, strict=True)], problems
    except Exception as error:  # noqa: BLE001 - told with its type only: its text may quote the row
        return [], [*problems, make("row-failed", row=row.number, error=type(error).__name__)]


def _refuse(row: mappings.Row, codes: tuple[str, ...]) -> Refused:
    """The row as it is held; of one with content that nobody may exchange (DOMAIN §2) only the number is kept."""
    kept = mappings.Row(row.number, {}, "") if FORBIDDEN in codes else row
    return Refused(row.number, orjson.dumps(kept.to_json()), codes)


def told(issue: mappings.Issue) -> dict[str, Any]:
    """The issue as it is stored: what no text may hold is replaced wherever it quotes the document."""
    data = issue.to_json()
    for name in ("text", "text_zh", "column", "value"):
        if data[name] and _UNSTORABLE.search(data[name]):
            data[name] = _UNSTORABLE.sub("\ufffd", data[name])
    return data


def _readable(row: mappings.Row) -> mappings.Row:
    """The row; one with characters that no text may hold (NUL, half a surrogate pair) comes with them replaced and told."""
    everything = "\n".join([row.original, *row.cells, *filter(None, row.cells.values())])
    if not _UNSTORABLE.search(everything):
        return row
    cells = {
        _UNSTORABLE.sub("\ufffd", name): text and _UNSTORABLE.sub("\ufffd", text) for name, text in row.cells.items()
    }
    damaged = [
        make("text-damaged", row=row.number, column=name, value=text)
        for name, text in cells.items()
        if "\ufffd" in name or (text and "\ufffd" in text)
    ] or [make("text-damaged", row=row.number)]
    return mappings.Row(row.number, cells, _UNSTORABLE.sub("\ufffd", row.original), (*row.issues, *damaged))


def _ready(row: int, key: str, resource: dict[str, Any], body: bytes) -> Ready:
    type_ = resource["resourceType"]
    found = features.extract(resource, history=divisions.canonical) if type_ == PERSON_TYPE else None
    return Ready(
        row=row,
        type=type_,
        key=key,
        body=body,
        digest=hashlib.sha256(body).digest(),
        identifiers=tuple(
            (identifier["system"], identifier["value"])
            for identifier in resource.get("identifier", ())
            if identifier.get("system") and identifier.get("value")
        ),
        features=found,
        blocks=tuple(blocking.texts(found)) if found else (),
    )


def _invalid(row: mappings.Row, problem: validate.Problem) -> mappings.Issue:
    return mappings.Issue(
        severity="error",
        code="invalid-resource",
        text=f"The translated record is not valid FHIR: {problem.path}: {problem.reason}",
        text_zh=f"转换后的记录不符合 FHIR：{problem.path}：{problem.reason}",
        row=row.number,
        column=problem.path,
    )
