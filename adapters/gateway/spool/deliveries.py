"""What the county handed over at once (a dropped file, a pulled page) and what it must be told about it.

A delivery is OPEN while it is read (its rows wait), READ when all its rows are in the spool, REPORTED when the county has its
issues file (written anew when more becomes known), ABANDONED when it could not be read. After a crash an OPEN one is read again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.gateway.spool.schema import Store


@dataclass(frozen=True, slots=True)
class Delivery:
    id: str
    source: str
    name: str
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Complaint:
    """One line for the county's issues file. `value` is the county's own text, never logged."""

    message_id: str
    kind: str
    row: int | None
    severity: str
    code: str
    text: str
    text_zh: str = ""
    column: str = ""
    value: str = field(default="", repr=False)


_OWED = """
    SELECT * FROM deliveries d WHERE (
        state = 'READ' AND NOT EXISTS (
            SELECT 1 FROM items i WHERE i.delivery = d.id AND i.held IS NULL
            AND i.state IN ('SPOOLED', 'INTENDED', 'REGISTERED', 'ISSUED', 'RECORDED'))
    ) OR (
        state = 'REPORTED' AND id IN (SELECT delivery FROM items WHERE reported = 0 AND issues IS NOT NULL)
    ) ORDER BY created_at LIMIT 200
"""
_TOLD = "UPDATE items SET reported = 1 WHERE seq = ? AND issues = ?"
_ISSUES = "SELECT * FROM messages WHERE delivery = ? AND issues IS NOT NULL ORDER BY row_number, seq"
_FORGET_STEPS = "DELETE FROM timeline WHERE seq IN (SELECT seq FROM items WHERE delivery = ? AND state = 'SPOOLED')"


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of a delivery's faults; `told` is exactly what it says, as (seq, issues) of its messages."""

    complaints: tuple[Complaint, ...]
    told: tuple[tuple[int, str], ...]


class Deliveries:
    """The `deliveries` table and the questions about what was not told to the county yet."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, delivery_id: str, source: str, name: str, *, now: datetime) -> None:
        with self._store.write() as db:
            db.execute(
                "INSERT INTO deliveries (id, source, name, state, created_at) VALUES (?, ?, ?, 'OPEN', ?)",
                (delivery_id, source, name, now.isoformat()),
            )

    def finish(self, delivery_id: str, issues: Sequence[Mapping[str, Any]] = ()) -> None:
        """All its rows are in the spool; `issues` are those of the delivery as a whole."""
        text = json.dumps(list(issues), ensure_ascii=False) if issues else None
        with self._store.write() as db:
            db.execute(
                "UPDATE deliveries SET state = 'READ', issues = ? WHERE id = ? AND state = 'OPEN'", (text, delivery_id)
            )

    def abandon(self, delivery_id: str) -> None:
        """The delivery cannot be read or was never taken: none of its rows is kept. Its failure is told by whoever abandons it."""
        with self._store.write() as db:
            db.execute(_FORGET_STEPS, (delivery_id,))
            db.execute("DELETE FROM items WHERE delivery = ? AND state = 'SPOOLED'", (delivery_id,))
            db.execute("UPDATE deliveries SET state = 'ABANDONED' WHERE id = ?", (delivery_id,))

    def opened(self, source: str) -> list[Delivery]:
        """Deliveries of `source` whose reading was begun and not finished."""
        return self._select(
            "SELECT * FROM deliveries WHERE source = ? AND state = 'OPEN' ORDER BY created_at", (source,)
        )

    def owed(self) -> list[Delivery]:
        """Deliveries whose rows have all been prepared but of which the county was told nothing yet, or not the newest."""
        return self._select(_OWED, ())

    def get(self, delivery_id: str) -> Delivery | None:
        found = self._select("SELECT * FROM deliveries WHERE id = ?", (delivery_id,))
        return found[0] if found else None

    def report(self, delivery_id: str) -> Report:
        """Every fault known now, the delivery's own first, then in the order of the rows."""
        with self._store.read() as db:
            own = db.execute("SELECT issues FROM deliveries WHERE id = ?", (delivery_id,)).fetchone()
            rows = db.execute(_ISSUES, (delivery_id,)).fetchall()
        general = [_complaint(issue, "", "", 0) for issue in json.loads(own["issues"] or "[]")]
        special = [
            _complaint(issue, row["message_id"], row["kind"], row["row_number"])
            for row in rows
            for issue in json.loads(row["issues"])
        ]
        return Report((*general, *special), tuple((row["seq"], row["issues"]) for row in rows))

    def mark_reported(self, delivery_id: str, told: Sequence[tuple[int, str]]) -> None:
        """The county was told this, as `Report` has it; a message of which more is known by now stays owed."""
        with self._store.write() as db:
            db.executemany(_TOLD, told)
            db.execute("UPDATE deliveries SET state = 'REPORTED' WHERE id = ?", (delivery_id,))

    def _select(self, query: str, parameters: Sequence[Any]) -> list[Delivery]:
        with self._store.read() as db:
            rows = db.execute(query, tuple(parameters)).fetchall()
        return [
            Delivery(r["id"], r["source"], r["name"], r["state"], datetime.fromisoformat(r["created_at"])) for r in rows
        ]


def _complaint(issue: Mapping[str, Any], message_id: str, kind: str, row_number: int) -> Complaint:
    return Complaint(
        message_id=message_id,
        kind=kind,
        row=issue.get("row") or row_number or None,
        severity=str(issue.get("severity", "error")),
        code=str(issue.get("code", "")),
        text=str(issue.get("text", "")),
        text_zh=str(issue.get("text_zh") or ""),
        column=str(issue.get("column") or ""),
        value=str(issue.get("value") or ""),
    )
