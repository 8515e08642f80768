"""Rows of sealed kinds become records here, at the county; the hub never sees their plaintext.

A row that cannot be translated is quarantined with its issues and can be looked at again after the mapping was mended; a row that says
the same as one already sent is not sent again; one that corrects it supersedes it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import mappings
from adapters.gateway.intake import row_of
from adapters.gateway.records import Item


@dataclass(frozen=True, slots=True)
class Mapped:
    """A row translated. `content_digest` tells whether two rows say the same."""

    item: Item
    key: str | None
    ok: bool
    issues: tuple[dict[str, Any], ...] = field(repr=False)
    resources: tuple[dict[str, Any], ...] = field(repr=False)
    claims: dict[str, Any] | None = field(repr=False)
    routing: mappings.Routing | None = field(repr=False)

    @property
    def content_digest(self) -> str:
        said = canonical(
            {"resources": list(self.resources), "claims": self.claims, "routing": routing_json(self.routing)}
        )
        return hashlib.sha256(said).hexdigest()


def translate(items: Sequence[Item], member: str) -> list[Mapped]:
    """The rows of these items, in order. Rows of one mapping and moment are translated together."""
    found: dict[int, Mapped] = {}
    groups: dict[tuple[str, datetime], list[Item]] = {}
    for item in items:
        groups.setdefault((item.mapping, item.created_at), []).append(item)
    for (name, received_at), group in groups.items():
        rows = [row_of(item.row or "") for item in group]
        results = mappings.load(name).apply(rows, mappings.Context(member, received_at))
        found |= {item.seq: _mapped(item, result) for item, result in zip(group, results, strict=True)}
    return [found[item.seq] for item in items]


def _mapped(item: Item, result: mappings.RowResult) -> Mapped:
    return Mapped(
        item=item,
        key=result.key,
        ok=result.ok,
        issues=tuple({**issue.to_json(), "file": item.file_name} for issue in result.issues),
        resources=tuple(result.resources),
        claims=result.claims,
        routing=result.routing,
    )


def routing_json(routing: mappings.Routing | None) -> dict[str, str | None] | None:
    if routing is None:
        return None
    return {
        "subject": routing.subject,
        "origin_division": routing.origin_division,
        "residence_division": routing.residence_division,
        "consent_ref": routing.consent_ref,
        "purpose": routing.purpose,
    }


def canonical(value: object) -> bytes:
    """One spelling for one value: sorted names, no blanks, UTF-8."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()
