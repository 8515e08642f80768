"""The gateway's durable memory: one SQLite file holding what goes out, what came in, what was read and how far.

The parts share one file and one lock; every method that changes something is one transaction that survives kill -9 on return.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from adapters.gateway.spool.deliveries import Complaint, Deliveries, Delivery
from adapters.gateway.spool.incoming import Inbox, Step
from adapters.gateway.spool.outgoing import Change, Outgoing, WholeDelivery
from adapters.gateway.spool.schema import BEHIND, STOPPED, Store

__all__ = [
    "Change",
    "Complaint",
    "Deliveries",
    "Delivery",
    "Inbox",
    "Outgoing",
    "Spool",
    "Step",
    "Store",
    "WholeDelivery",
]


_STUCK = f"""
    WITH {STOPPED}
    SELECT message_id, kind, state, held, attempts, error_code, error_text, source,
    CASE WHEN stopped.first = seq THEN (SELECT count(*) FROM items b WHERE b.source = stopped.source AND b.route = 'raw'
        AND b.state = 'READY' AND b.held IS NULL AND b.seq > stopped.first) ELSE 0 END AS behind
    FROM messages LEFT JOIN stopped USING (source)
    WHERE state NOT IN ('ACCEPTED', 'SETTLED', 'QUARANTINED', 'NOT_SENT', 'REFUSED') AND (held IS NOT NULL OR attempts > 0)
    ORDER BY seq LIMIT 1000
"""  # noqa: S608 - constants of the schema
_WAITING = f"""
    WITH {STOPPED}
    SELECT (SELECT count(*) FROM items WHERE held IS NULL AND NOT ({BEHIND})
            AND state IN ('SPOOLED', 'INTENDED', 'REGISTERED', 'ISSUED', 'RECORDED', 'READY'))
         + (SELECT count(*) FROM inbox WHERE state NOT IN ('PROCESSED', 'BUSINESS_ERROR', 'WITHDRAWN'))
"""  # noqa: S608 - constants of the schema
_TAKE_STATUS = """
    UPDATE items SET hub_state = :hub_state, hub_answer = :hub_answer, issues = coalesce(:issues, issues), updated_at = :now,
        hub_settled = hub_settled OR :settled,
        state = CASE WHEN :settled AND state = 'ACCEPTED' THEN 'SETTLED' ELSE state END,
        reported = CASE WHEN :issues IS NULL THEN reported ELSE 0 END
    WHERE message_id = :message_id AND state IN ('READY', 'ACCEPTED', 'SETTLED') AND coalesce(hub_answer, '') <> :hub_answer
"""


class Spool:
    """Opens (and creates, mode 0600) the file at `path`; `exclusive=False` only to look at it."""

    def __init__(
        self, path: Path, *, max_items: int = 200_000, max_bytes: int = 2 * 1024**3, exclusive: bool = True
    ) -> None:
        self._store = Store(path, exclusive=exclusive)
        self.outgoing = Outgoing(self._store, max_items=max_items, max_bytes=max_bytes)
        self.inbox = Inbox(self._store)
        self.deliveries = Deliveries(self._store)

    def cursor(self, name: str) -> str | None:
        with self._store.read() as db:
            row = db.execute("SELECT value FROM cursors WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def set_cursor(self, name: str, value: str) -> None:
        with self._store.write() as db:
            db.execute("INSERT OR REPLACE INTO cursors (name, value) VALUES (?, ?)", (name, value))

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of messages by kind and state; held ones count as HELD as well."""
        with self._store.read() as db:
            rows = db.execute("SELECT kind, state, count(*), count(held) FROM items GROUP BY kind, state").fetchall()
        table: dict[str, dict[str, int]] = {}
        for kind, state, number, held in rows:
            table.setdefault(kind, {})[state] = number
            if held:
                table[kind]["HELD"] = table[kind].get("HELD", 0) + held
        return table

    def stuck(self) -> list[dict[str, Any]]:
        """Messages that will not move without a person: held ones, and those that keep failing."""
        with self._store.read() as db:
            rows = db.execute(_STUCK).fetchall()
        return [_with_remedy(dict(r)) for r in rows]

    def apply_statuses(
        self, updates: Iterable[Mapping[str, Any]], *, cursor: tuple[str, str] | None, now: datetime
    ) -> int:
        """Take over what the hub says of our messages: {message_id, hub_state, settled, hub_answer, issues}. The number changed."""
        changed = 0
        with self._store.write() as db:
            for update in updates:
                done = db.execute(_TAKE_STATUS, {**update, "now": now.isoformat()})
                if done.rowcount:
                    changed += 1
                    db.execute(
                        "INSERT INTO timeline (seq, state, at, detail) SELECT seq, state, ?, ? FROM items WHERE message_id = ?",
                        (now.isoformat(), f"hub: {update['hub_state']}", update["message_id"]),
                    )
            if cursor is not None:
                db.execute("INSERT OR REPLACE INTO cursors (name, value) VALUES (?, ?)", cursor)
        return changed

    def waiting(self) -> int:
        """Messages that this side still has to move: not accepted by the hub, or not finished with the county.

        Held ones and documents that wait behind a held one are excepted."""
        with self._store.read() as db:
            return int(db.execute(_WAITING).fetchone()[0])

    def forget_bodies(self, before: datetime) -> int:
        """Drop bodies that are no longer needed since `before`; ids, receipts, issues and timelines stay for ever."""
        return self.outgoing.forget_bodies(before) + self.inbox.forget_bodies(before)

    def close(self) -> None:
        self._store.close()


def _with_remedy(entry: dict[str, Any]) -> dict[str, Any]:
    """What a held document keeps back, and how to go on, belongs to the reason that is shown."""
    source, behind = entry.pop("source"), entry.pop("behind")
    if behind:
        number = "1 newer document" if behind == 1 else f"{behind} newer documents"
        entry["error_text"] = (
            f"{entry['error_text']}; {number} of the source {source} wait behind it until `gateway retry` sends it or "
            f"`python -m adapters.gateway.forget CONFIG {entry['message_id']}` gives it up"
        )
    return entry
