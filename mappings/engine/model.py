"""The values that pass between reader, mapping and caller; frozen, and JSON where they must be stored.

Invariant: one Row gives one RowResult, in the same order. Does not say how values are read or translated.
"""

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

Severity = Literal["error", "warning", "information"]

VALUE_LIMIT = 200


class MappingError(Exception):
    """Base of what this package raises: UnknownMapping, BrokenMapping, UnreadableFile."""


class UnknownMapping(MappingError, LookupError):
    """No mapping has this name; a retry does not help."""


class BrokenMapping(MappingError):
    """A mapping folder does not hold together (schema, table, field); found when it is loaded."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing a clerk should know: where it is, a stable code, a sentence in English and in Chinese."""

    severity: Severity
    code: str
    text: str
    text_zh: str
    file: str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "severity": self.severity,
            "code": self.code,
            "text": self.text,
            "text_zh": self.text_zh,
            "file": self.file,
            "row": self.row,
            "column": self.column,
            "value": self.value,
        }

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> Self:
        return cls(**data)


class UnreadableFile(MappingError):
    """The file as a whole cannot be read; `issue` says why and, where known, at which row and byte."""

    def __init__(self, issue: Issue) -> None:
        super().__init__(issue.text)
        self.issue = issue


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the source: `number` as a person sees it, cells by column name, and its original text.

    `issues` are those found while reading; one of severity error means that the row cannot be translated.
    """

    number: int
    cells: dict[str, str | None]
    original: str
    issues: tuple[Issue, ...] = ()

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"number": self.number, "cells": self.cells, "original": self.original}
        if self.issues:
            data["issues"] = [issue.to_json() for issue in self.issues]
        return data

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> Self:
        issues = tuple(Issue.from_json(issue) for issue in data.get("issues", ()))
        return cls(data["number"], dict(data["cells"]), data["original"], issues)


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Rows read, and the issues of the file or of lines that are not records (totals, notes)."""

    rows: list[Row]
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class Context:
    """Who sent the rows (a member's name) and when they were received (zone-aware).

    `today` and `oldest` follow from it: the day, and the year before which nobody alive was born.
    """

    source: str
    received_at: datetime
    today: str = field(init=False, compare=False)
    oldest: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if self.received_at.tzinfo is None:
            raise ValueError("received_at must carry a time zone")
        object.__setattr__(self, "today", self.received_at.date().isoformat())
        object.__setattr__(self, "oldest", f"{self.received_at.year - 120:04d}")


@dataclass(frozen=True, slots=True)
class Routing:
    """What routing may know of a record: the sender's record id of the person, divisions, consent, purpose."""

    subject: str
    origin_division: str | None = None
    residence_division: str | None = None
    consent_ref: str | None = None
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class RowResult:
    """The translation of one row; `ok` is False when an issue of severity error forbids to use it.

    Resources that say the same may share parts: add to a resource, but do not change what is inside it.
    """

    row: int
    key: str | None = None
    resources: list[dict[str, Any]] = field(default_factory=list)
    claims: dict[str, Any] | None = None
    routing: Routing | None = None
    issues: list[Issue] = field(default_factory=list)
    ok: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What a transform noticed: an issue code and the words to fill its sentence; place is added by the engine."""

    code: str
    severity: Severity | None = None
    words: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """A transform's answer when it has something to say; `value` None means that nothing can be used."""

    value: Any
    notes: tuple[Note, ...]


def note(code: str, severity: Severity | None = None, /, **words: object) -> Note:
    """Build a Note; words are turned to text so that the Note stays hashable."""
    return Note(code, severity, tuple((name, str(word)) for name, word in words.items()))


class Coding(NamedTuple):
    """One code of one code system."""

    system: str
    code: str
    display: str

    def to_fhir(self) -> dict[str, str]:
        return {"system": self.system, "code": self.code, "display": self.display}


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A translated code: the codings it was translated to, and what the sender wrote. Compared by identity: hashed often."""

    codings: tuple[Coding, ...]
    original: Coding

    def code_in(self, system: str) -> str | None:
        for coding in self.codings:
            if coding.system == system:
                return coding.code
        return None


class PersonName(NamedTuple):
    """A name with every character kept; family and given only where the split is known; `old` a former name."""

    text: str
    family: str | None = None
    given: str | None = None
    old: str | None = None


class PartialDate(NamedTuple):
    """A date of day, month or year precision; `lunar` holds the text of a date given in the lunar calendar.

    `alternatives` are other readings of an ambiguous text, such as 1990-10 for `1990.1`.
    """

    text: str
    lunar: str | None = None
    alternatives: tuple[str, ...] = ()


class DocumentNumber(NamedTuple):
    """The number of an identity document; for the resident ID what can be read from it."""

    value: str
    birth_date: str | None = None
    sex: str | None = None
    checked: bool = False


class Place(NamedTuple):
    """A division (12 digits, history followed) and the address text as given."""

    code: str | None
    text: str | None
    given_code: str | None = None
