"""What the hub tells the sender of a message: its state, both acknowledgements, what was found, and its timeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

_FINAL: Final = frozenset({"REJECTED", "PROCESSED", "BUSINESS_ERROR", "SUPERSEDED", "VOIDED", "EXPIRED", "DEAD"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is said of a row: a stable code, a sentence in both languages, and where it is."""

    code: str
    severity: str
    text: str
    text_zh: str
    row: int | None
    column: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the timeline; `at` as the hub wrote it (RFC 3339)."""

    state: str
    at: str
    detail: str


@dataclass(frozen=True, slots=True)
class Submission:
    """One message at the hub. `acknowledged` is the commit acknowledgement; `answered` whether the application gave its own.

    `errors` are of the application acknowledgement, `issues` the first hundred of what was found; `counts` are rows,
    translated and quarantined.
    """

    submission_id: str
    message_id: str
    kind: str
    state: str
    received_at: str
    acknowledged: bool
    answered: bool
    errors: tuple[Finding, ...]
    issues: tuple[Finding, ...]
    timeline: tuple[Moment, ...]
    counts: Mapping[str, int] = field(repr=False)

    @property
    def is_settled(self) -> bool:
        """Did the application answer, or can nothing more come of it?"""
        return self.answered or self.state in _FINAL

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read a submission as GET /submissions shows it; what is not of the agreed form is left out."""
        ack = document.get("application_ack")
        counts = document.get("counts")
        return cls(
            submission_id=str(document.get("submission_id", "")),
            message_id=str(document.get("message_id", "")),
            kind=str(document.get("kind", "")),
            state=str(document.get("state", "")),
            received_at=str(document.get("received_at", "")),
            acknowledged=isinstance(document.get("commit_ack"), dict),
            answered=isinstance(ack, dict),
            errors=tuple(map(_finding, _listed(ack, "errors"))),
            issues=tuple(map(_finding, _listed(document, "issues"))),
            timeline=tuple(
                Moment(str(one.get("state", "")), str(one.get("at", "")), str(one.get("detail") or ""))
                for one in _listed(document, "timeline")
            ),
            counts={name: n for name, n in (counts or {}).items() if isinstance(n, int)},
        )


def _listed(document: object, name: str) -> list[Mapping[str, Any]]:
    found = document.get(name) if isinstance(document, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _finding(said: Mapping[str, Any]) -> Finding:
    row = said.get("row")
    return Finding(
        str(said.get("code", "")),
        str(said.get("severity") or "error"),
        str(said.get("text") or ""),
        str(said.get("text_zh") or ""),
        row if isinstance(row, int) else None,
        str(said.get("column") or said.get("path") or ""),
    )
