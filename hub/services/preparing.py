"""From rows to what will be stored: translated, checked, canonical bytes, features. Pure, so that it can run anywhere.

`prepare` takes and returns plain values that travel between processes. A row whose resources do not pass the FHIR
checks is held like one that the mapping refuses: nothing invalid is stored.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

import mappings
from hub.fhir import validate
from hub.linkage import features
from hub.linkage.features import Features
from mappings import divisions
from mappings.engine.issues import make

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
CONSENT_TYPE = "Consent"
PERSON_TYPE = "Patient"
FORBIDDEN = "forbidden-content"


Name = tuple[str, str]
"""A resource as its sender names it: (type, id)."""


class Ready(NamedTuple):
    """A resource ready to be stored. `key` is the sender's own, `identifiers` are (system, value); a person has `features`.

    `replaced_by` is the identifier of the record that its source has put in its place, `id` the one that it is given when
    it is new, where that is settled already; `record_key` the blind index under which it is known, where not by its key.
    `source_id` is by what others that come with it refer to it, `refers` what it refers to so; `texts` are what is told of
    it for searches, where that is known already, NUL between them, which stands in no resource (`texts_of`).
    """

    row: int
    type: str
    key: str
    body: bytes
    digest: bytes
    identifiers: tuple[tuple[str, str], ...]
    features: Features | None
    replaced_by: tuple[str, str] | None = None
    id: UUID | None = None
    record_key: bytes | None = None
    source_id: str = ""
    refers: tuple[Name, ...] = ()
    texts: str | None = None


def texts_of(texts: str) -> set[str]:
    """The single ones of `Ready.texts`."""
    return {text for text in texts.split("\0") if text}


@dataclass(slots=True)
class _Draft:
    """A row on its way: what its steps have made so far, for each of its resources, and all that is said of it."""

    row: mappings.Row
    result: mappings.RowResult
    problems: list[mappings.Issue]
    bodies: list[bytes] = field(default_factory=list)
    features: list[Features | None] = field(default_factory=list)
    ready: list[Ready] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be used: the row as JSON, and why."""

    row: int
    original: bytes
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch: what is stored, what is held, what is told. `rows` counts all of them.

    `originals` are the rows, as JSON, that may have to be held yet: what they say of other records is known when they are
    stored. `names` are what resources that come as they are, and refer to each other, are called by their sender, each with
    its stand-in: the id that is put for it in them until it is known which one it has.
    """

    rows: int
    ready: list[Ready]
    refused: list[Refused]
    issues: list[dict[str, Any]]
    originals: Mapping[int, bytes] = field(default_factory=dict)
    names: Mapping[Name, str] = field(default_factory=dict)


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
    drafts = [
        _Draft(row, result, list(result.issues)) for row, result in zip(rows, mapping.apply(rows, context), strict=True)
    ]
    # One kind of work over the whole batch and then the next: done row by row it takes a tenth longer.
    going = [draft for draft in drafts if draft.result.ok]
    for step in (_write, _check, _extract, _finish):
        going = _advance(step, going)
    for draft in drafts:
        issues += [told(issue) for issue in draft.problems]
        errors = _errors(draft)
        if errors or not draft.result.ok:
            refused.append(_refuse(draft.row, errors or ("not-translated",)))
        else:
            ready += draft.ready
    return Prepared(len(rows), ready, refused, issues)


def _advance(step: Callable[[_Draft], None], drafts: Sequence[_Draft]) -> list[_Draft]:
    """Take one step with every row, and give those that can still be used; whatever breaks over a row is its error."""
    for draft in drafts:
        try:
            step(draft)
        except Exception as error:  # noqa: BLE001 - told with its type only: its text may quote the row
            draft.problems.append(make("row-failed", row=draft.row.number, error=type(error).__name__))
    return [draft for draft in drafts if not (draft.problems and _errors(draft))]


def _errors(draft: _Draft) -> tuple[str, ...]:
    """The codes of what forbids to use the row."""
    return tuple(dict.fromkeys([issue.code for issue in draft.problems if issue.severity == "error"]))


def _write(draft: _Draft) -> None:
    draft.bodies = [orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in draft.result.resources]


def _check(draft: _Draft) -> None:
    for item, body in zip(draft.result.resources, draft.bodies, strict=True):
        draft.problems += [_invalid(draft.row, problem) for problem in validate.check(item, body)]


def _extract(draft: _Draft) -> None:
    draft.features = [
        features.extract(item, history=divisions.canonical) if item["resourceType"] == PERSON_TYPE else None
        for item in draft.result.resources
    ]


def _finish(draft: _Draft) -> None:
    key = draft.result.key or hashlib.sha256(draft.row.original.encode()).hexdigest()
    draft.ready = [
        ready(draft.row.number, key, *made)
        for made in zip(draft.result.resources, draft.bodies, draft.features, strict=True)
    ]


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


def ready(
    row: int,
    key: str,
    resource: dict[str, Any],
    body: bytes,
    found: Features | None,
    replaced_by: tuple[str, str] | None = None,
) -> Ready:
    """A checked resource with its canonical `body`, as it is stored."""
    stated = resource.get("identifier", [])  # of some types one that is no list
    return Ready(
        row=row,
        type=resource["resourceType"],
        key=key,
        body=body,
        digest=hashlib.sha256(body).digest(),
        identifiers=tuple(
            [
                (one["system"], one["value"])
                for one in (stated if type(stated) is list else [stated])
                if one.get("system") and one.get("value")
            ]
        ),
        features=found,
        replaced_by=replaced_by,
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
