"""Messages from the mailbox: stored once by message id, then moved through their states until the final receipt is given.

Invariant: a message id is written back at most once. STAGED is recorded before the write-back is published, so that after a crash
the transport is asked to publish again what it staged, never to stage something the county already took.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.errors import GatewayError
from adapters.gateway.records import InboxState, Incoming
from adapters.gateway.spool.schema import Store

# What waits for its next try stops the later messages about the same person, until it is with the county or refused.
_DUE = """
    SELECT * FROM inbox WHERE state NOT IN ('PROCESSED', 'BUSINESS_ERROR', 'WITHDRAWN') AND due_at <= :now
    AND (state IN ('WRITTEN', 'REJECTED') OR person = '' OR NOT EXISTS (
        SELECT 1 FROM inbox AS earlier WHERE earlier.person = inbox.person AND earlier.state IN ('STORED', 'RECEIVED', 'STAGED')
        AND earlier.due_at > :now AND earlier.rowid < inbox.rowid))
    ORDER BY rowid LIMIT :limit
"""
_TROUBLES = """
    SELECT message_id, error_text FROM inbox WHERE state NOT IN ('PROCESSED', 'BUSINESS_ERROR', 'WITHDRAWN') AND error_text IS NOT NULL
"""


_UNFINISHED = "SELECT count(*) FROM inbox WHERE state NOT IN ('PROCESSED', 'BUSINESS_ERROR', 'WITHDRAWN')"
_ONE = "SELECT * FROM inbox WHERE message_id = ?"
_INSERT = """
    INSERT INTO inbox (message_id, mailbox_id, kind, sender, digest, content_type, subjects, person, state, body, received_at, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING
"""
# What is lent again is not withdrawn, whatever was heard before. A receipt that is still owed can be given at once.
_LENT_AGAIN = """
    UPDATE inbox SET mailbox_id = :mailbox_id, body = CASE WHEN state = 'WITHDRAWN' THEN :body ELSE body END,
    state = CASE WHEN state = 'WITHDRAWN' THEN 'STORED' ELSE state END,
    due_at = CASE WHEN state IN ('STORED', 'WITHDRAWN') THEN 0 ELSE due_at END
    WHERE message_id = :message_id AND digest = :digest AND sender = :sender
"""
# A step without a receipt or without errors leaves those that are there.
_MOVE = """
    UPDATE inbox SET state = :after, updated_at = :now, attempts = 0, due_at = 0, error_text = NULL,
    receipts = CASE WHEN :receipt IS NULL THEN receipts ELSE json_set(receipts, '$.' || :after, :receipt) END,
    errors = coalesce(:errors, errors)
    WHERE message_id = :message_id AND state = :before
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of one message, with the hub's signed answer to our receipt or the errors it was refused for."""

    message_id: str
    before: InboxState
    after: InboxState
    receipt: str | None = None
    errors: tuple[Mapping[str, str], ...] | None = None


class Inbox:
    """The `inbox` table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, messages: Sequence[Incoming]) -> tuple[list[Incoming], list[Incoming]]:
        """Store what is new; a known message takes over the mailbox id of the newest lease, and begins anew if it was withdrawn.

        Returns (strangers, repeated): strangers are not stored, their id is known with other bytes or from another sender;
        repeated ones were finished before and only need their last receipt again.
        """
        strangers, repeated = [], []
        with self._store.write() as db:
            for message in messages:
                db.execute(_INSERT, _parameters(message))
                names = ("mailbox_id", "message_id", "digest", "sender", "body")
                done = db.execute(_LENT_AGAIN, {name: getattr(message, name) for name in names})
                if not done.rowcount:
                    strangers.append(message)
                    continue
                stored = _incoming(db.execute(_ONE, (message.message_id,)).fetchone())
                if stored.state in {InboxState.PROCESSED, InboxState.BUSINESS_ERROR}:
                    repeated.append(stored)
        return strangers, repeated

    def open_messages(self, limit: int, now: datetime) -> list[Incoming]:
        """Messages whose final receipt has not been given yet, that are due and not behind one about the same person; oldest first."""
        with self._store.read() as db:
            rows = db.execute(_DUE, {"now": now.timestamp(), "limit": limit}).fetchall()
        return [_incoming(row) for row in rows]

    def get(self, message_id: str) -> Incoming | None:
        with self._store.read() as db:
            row = db.execute(_ONE, (message_id,)).fetchone()
        return _incoming(row) if row else None

    def receipts(self, message_id: str) -> dict[str, str]:
        """The hub's signed answers to our receipts, by the state we reported."""
        with self._store.read() as db:
            row = db.execute("SELECT receipts FROM inbox WHERE message_id = ?", (message_id,)).fetchone()
        return dict(json.loads(row["receipts"])) if row else {}

    def move(self, steps: Sequence[Step], *, now: datetime) -> None:
        """Take several steps in one transaction. A message that is not in the expected state any more is an error."""
        with self._store.write() as db:
            for step in steps:
                done = db.execute(_MOVE, _step_parameters(step, now))
                if done.rowcount != 1:
                    raise GatewayError(
                        f"mailbox message {step.message_id} is no longer {step.before}", code="stale-step"
                    )

    def defer(self, message_id: str, *, text: str, due: datetime, now: datetime) -> None:
        with self._store.write() as db:
            db.execute(
                "UPDATE inbox SET attempts = attempts + 1, due_at = ?, error_text = ?, updated_at = ? WHERE message_id = ?",
                (due.timestamp(), text, now.isoformat(), message_id),
            )

    def attempts(self, message_id: str) -> int:
        with self._store.read() as db:
            row = db.execute("SELECT attempts FROM inbox WHERE message_id = ?", (message_id,)).fetchone()
        return int(row["attempts"]) if row else 0

    def unfinished(self) -> int:
        """How many messages are not finished with the county and the hub."""
        with self._store.read() as db:
            return int(db.execute(_UNFINISHED).fetchone()[0])

    def counts(self) -> dict[str, int]:
        with self._store.read() as db:
            rows = db.execute("SELECT state, count(*) FROM inbox GROUP BY state").fetchall()
        return {r[0]: int(r[1]) for r in rows}

    def troubles(self) -> list[tuple[str, str]]:
        """(message id, why) of messages that could not be finished yet."""
        with self._store.read() as db:
            rows = db.execute(_TROUBLES).fetchall()
        return [(r["message_id"], r["error_text"]) for r in rows]

    def forget_bodies(self, before: datetime) -> int:
        """Drop the bodies of messages finished before `before`; ids and receipts stay for de-duplication."""
        with self._store.write() as db:
            done = db.execute(
                "UPDATE inbox SET body = NULL WHERE body IS NOT NULL AND state IN ('PROCESSED', 'BUSINESS_ERROR', 'WITHDRAWN') "
                "AND updated_at < ?",
                (before.isoformat(),),
            )
        return done.rowcount


def _step_parameters(step: Step, now: datetime) -> dict[str, object]:
    errors = None if step.errors is None else json.dumps([dict(error) for error in step.errors], ensure_ascii=False)
    return {
        "message_id": step.message_id,
        "before": step.before,
        "after": step.after,
        "receipt": step.receipt,
        "errors": errors,
        "now": now.isoformat(),
    }


def _parameters(message: Incoming) -> tuple[object, ...]:
    at = message.received_at.isoformat()
    return (
        *(message.message_id, message.mailbox_id, message.kind, message.sender, message.digest),
        *(message.content_type, json.dumps(message.subjects), message.person),
        *(InboxState.STORED, message.body, at, at),
    )


def _incoming(row: sqlite3.Row) -> Incoming:
    return Incoming(
        message_id=row["message_id"],
        mailbox_id=row["mailbox_id"],
        kind=row["kind"],
        sender=row["sender"],
        digest=row["digest"],
        content_type=row["content_type"],
        subjects=tuple(json.loads(row["subjects"])),
        state=InboxState(row["state"]),
        errors=tuple(json.loads(row["errors"])),
        received_at=datetime.fromisoformat(row["received_at"]),
        body=bytes(row["body"] or b""),
        person=row["person"],
    )
