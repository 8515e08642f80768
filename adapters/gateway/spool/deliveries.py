"""What the county handed over at once (a dropped file, a pulled page) and what it must be told about it.

A delivery is OPEN while it is read (its rows wait), READ when all its rows are in the spool, REPORTED when the county has its issues
file. A crash while it is OPEN means reading it again: known rows are not stored twice.
"""

import json
import sqlite3
from collections.abc import Sequence
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


_UNREPORTED = """
    SELECT * FROM deliveries WHERE state = 'READ' AND NOT EXISTS (
        SELECT 1 FROM items i WHERE i.delivery = deliveries.id AND i.held IS NULL
        AND i.state IN ('SPOOLED', 'REGISTERED', 'ISSUED', 'RECORDED')
    ) ORDER BY created_at
"""
_LATE = """
    SELECT seq, updated_at FROM items WHERE reported = 0 AND state IN ('REFUSED', 'SETTLED', 'QUARANTINED', 'NOT_SENT')
    AND (delivery IS NULL OR delivery IN (SELECT id FROM deliveries WHERE state = 'REPORTED')) ORDER BY seq LIMIT ?
"""
_TOLD = """
    UPDATE items SET reported = 1
    WHERE delivery = ? AND state IN ('REFUSED', 'SETTLED', 'QUARANTINED', 'NOT_SENT')
"""
_ISSUES_OF_DELIVERY = "SELECT * FROM messages WHERE delivery = ? AND issues IS NOT NULL ORDER BY row_number, seq"
_ISSUES_OF_ITEMS = """
    SELECT * FROM messages WHERE seq IN (SELECT value FROM json_each(?)) AND issues IS NOT NULL ORDER BY row_number, seq
"""


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

    def finish(self, delivery_id: str) -> None:
        with self._store.write() as db:
            db.execute("UPDATE deliveries SET state = 'READ' WHERE id = ? AND state = 'OPEN'", (delivery_id,))

    def fail(self, delivery_id: str) -> None:
        """The delivery cannot be read: nothing of it is kept, and its failure has been reported."""
        with self._store.write() as db:
            db.execute(
                "DELETE FROM timeline WHERE seq IN (SELECT seq FROM items WHERE delivery = ? AND state = 'SPOOLED')",
                (delivery_id,),
            )
            db.execute("DELETE FROM items WHERE delivery = ? AND state = 'SPOOLED'", (delivery_id,))
            db.execute("UPDATE deliveries SET state = 'REPORTED' WHERE id = ?", (delivery_id,))

    def opened(self, source: str) -> list[Delivery]:
        """Deliveries of `source` whose reading was begun and not finished."""
        return self._select(
            "SELECT * FROM deliveries WHERE source = ? AND state = 'OPEN' ORDER BY created_at", (source,)
        )

    def unreported(self) -> list[Delivery]:
        """Deliveries read in full whose rows have all been prepared and whose issues file is still owed."""
        return self._select(_UNREPORTED, ())

    def get(self, delivery_id: str) -> Delivery | None:
        found = self._select("SELECT * FROM deliveries WHERE id = ?", (delivery_id,))
        return found[0] if found else None

    def complaints(self, delivery_id: str) -> list[Complaint]:
        """Every issue known of the rows of a delivery, in the order of the rows."""
        with self._store.read() as db:
            return _complaints(db.execute(_ISSUES_OF_DELIVERY, (delivery_id,)).fetchall())

    def mark_reported(self, delivery_id: str) -> None:
        """The issues file of the delivery was written: what it tells need not be told again."""
        with self._store.write() as db:
            db.execute(_TOLD, (delivery_id,))
            db.execute("UPDATE deliveries SET state = 'REPORTED' WHERE id = ?", (delivery_id,))

    def late_complaints(self, limit: int) -> tuple[list[tuple[int, str]], list[Complaint]]:
        """What became known after the issues file (refusals, the hub's own findings), and of which messages, as of when."""
        with self._store.read() as db:
            marks = [(int(r["seq"]), str(r["updated_at"])) for r in db.execute(_LATE, (limit,)).fetchall()]
            rows = db.execute(_ISSUES_OF_ITEMS, (json.dumps([seq for seq, _ in marks]),)).fetchall()
        return marks, _complaints(rows)

    def mark_told(self, marks: Sequence[tuple[int, str]]) -> None:
        """A message that changed since it was asked for stays owed."""
        with self._store.write() as db:
            db.executemany("UPDATE items SET reported = 1 WHERE seq = ? AND updated_at = ?", marks)

    def _select(self, query: str, parameters: Sequence[Any]) -> list[Delivery]:
        with self._store.read() as db:
            rows = db.execute(query, tuple(parameters)).fetchall()
        return [
            Delivery(r["id"], r["source"], r["name"], r["state"], datetime.fromisoformat(r["created_at"])) for r in rows
        ]


def _complaints(rows: Sequence[sqlite3.Row]) -> list[Complaint]:
    return [
        Complaint(
            message_id=row["message_id"],
            kind=row["kind"],
            row=issue.get("row") or row["row_number"] or None,
            severity=str(issue.get("severity", "error")),
            code=str(issue.get("code", "")),
            text=str(issue.get("text", "")),
            text_zh=str(issue.get("text_zh") or ""),
            column=str(issue.get("column") or ""),
            value=str(issue.get("value") or ""),
        )
        for row in rows
        for issue in json.loads(row["issues"])
    ]
