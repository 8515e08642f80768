"""One target for each record kind: from named values to FHIR resources, claims and routing.

A target knows which fields it takes and which it cannot do without; it never sees the source's own columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mappings.engine.model import Context, Note, Routing

Values = dict[str, Any]


class Built(NamedTuple):
    """What a target made of one record; notes are tied to the field they are about (None: the whole record)."""

    key: str
    resources: list[dict[str, Any]]
    claims: dict[str, Any] | None = None
    routing: Routing | None = None
    notes: Sequence[tuple[str | None, Note]] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A record kind: the fields it takes, those a record cannot do without, the field that is its business key.

    `subject` shows the fields of the person a record is about, from which a missing record number is derived;
    `ends` are the last days of periods, which some write as "long-term".
    """

    kind: str
    fields: frozenset[str]
    required: frozenset[str]
    key: str
    build: Callable[[Values, Context, str], Built]
    subject: Callable[[Values], Values] = lambda values: values
    ends: frozenset[str] = frozenset()
