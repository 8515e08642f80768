"""Outgoing messages: put once, moved from state to state, never lost and never doubled.

Invariants: one row per (idempotency key, round); a message id is fixed when the row is made; every change of state is one
durable transaction with its line in the timeline; the body of a READY message never changes, so a retransmission is identical.
"""

import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from adapters.errors import GatewayError, SpoolFull
from adapters.gateway.records import Entry, Item, Put, Route, State
from adapters.gateway.spool.schema import BEHIND, STOPPED, Store

_TO_PREPARE = """
    SELECT * FROM messages WHERE state IN ('SPOOLED', 'INTENDED', 'REGISTERED', 'ISSUED', 'RECORDED') AND held IS NULL AND due_at <= ?
    AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = messages.delivery AND d.state = 'OPEN') ORDER BY seq LIMIT ?
"""
_TO_SUBMIT = """
    SELECT * FROM messages WHERE state = 'READY' AND held IS NULL AND due_at <= ? AND (needs_consent = 0 OR seq <= ?)
    AND (stage < 2 OR seq < ?)
    AND (route <> 'raw' OR NOT EXISTS (
        SELECT 1 FROM items e WHERE e.source = messages.source AND e.route = 'raw' AND e.state = 'READY'
        AND e.stage = messages.stage AND e.seq < messages.seq AND (e.held IS NOT NULL OR e.due_at > ?)))
    ORDER BY stage, seq LIMIT ?
"""
_PENDING = """
    SELECT count(*) AS number, coalesce(sum(size), 0) AS size,
    count(*) FILTER (WHERE :delivery IS NULL OR delivery IS NOT :delivery) AS others
    FROM items
    WHERE state IN ('SPOOLED', 'INTENDED', 'REGISTERED', 'ISSUED', 'RECORDED', 'READY')
"""
# Held documents and those behind them count only if asked for: nobody knows when they go.
_UNSETTLED = f"""
    WITH {STOPPED}
    SELECT min(seq) FROM items WHERE kind = ? AND (state = 'READY' OR (state = 'ACCEPTED' AND updated_at > ?))
    AND (? OR (held IS NULL AND NOT ({BEHIND})))
"""  # noqa: S608 - constants of the schema
_EARLIER = """
    SELECT message_id, state, content_digest FROM messages WHERE kind = ? AND business_key = ? AND seq < ?
    AND state NOT IN ('REFUSED', 'QUARANTINED') ORDER BY seq DESC LIMIT 1
"""
RECEIPT_REFUSED = "receipt refused: "
_RECEIPTS_REFUSED = """
    SELECT count(*) FROM timeline WHERE seq = :seq AND detail LIKE :like AND rowid > coalesce(
        (SELECT max(rowid) FROM timeline WHERE seq = :seq AND detail = 'released'), 0)
"""
_HELD_DOCUMENT = """
    SELECT seq, held, row_number FROM items WHERE message_id = ? AND route = 'raw' AND state = 'READY' AND held IS NOT NULL
"""
# The hub's last word may have been heard before its acknowledgement was: then the message is settled as soon as it is accepted.
_STEP = """
    UPDATE items SET state = CASE WHEN :state = 'ACCEPTED' AND hub_settled THEN 'SETTLED' ELSE :state END,
    updated_at = :now, due_at = 0, attempts = 0{columns} WHERE seq = :seq AND state = :before
"""
# None of these is ever sent again as it is: what is handed over once more is a new message with its own body.
_FORGET = """
    UPDATE items SET body = NULL, row = NULL, size = 0
    WHERE size > 0 AND state IN ('ACCEPTED', 'SETTLED', 'REFUSED', 'NOT_SENT') AND updated_at < ?
"""
_RESENT = (State.REFUSED, State.NOT_SENT)
_CHANGEABLE = frozenset({"content_type", "body", "size", "row", "certificate", "credential", "issues"})
_CHANGEABLE |= {"business_key", "content_digest", "supersedes", "needs_consent", "recipient"}
_CHANGEABLE |= {"submission_id", "receipt", "issue_receipt", "hub_state", "hub_answer", "error_code", "error_text"}


@dataclass(frozen=True, slots=True)
class Change:
    """A step of one message: the state it must be in, the state it comes to, and the columns set with it."""

    seq: int
    before: State
    after: State
    detail: str = ""
    columns: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class WholeDelivery:
    """A delivery whose rows are all put at once; `issues` are those of the delivery as a whole."""

    id: str
    source: str
    name: str
    issues: tuple[Mapping[str, Any], ...] = ()


class Outgoing:
    """The `items` table. `max_items` and `max_bytes` bound what has not been accepted by the hub yet."""

    def __init__(self, store: Store, *, max_items: int, max_bytes: int) -> None:
        self._store = store
        self._max_items = max_items
        self._max_bytes = max_bytes

    def put(
        self,
        entries: Sequence[Entry],
        *,
        now: datetime,
        delivery: str | WholeDelivery | None = None,
        resend: bool = False,
        cursor: tuple[str, str] | None = None,
    ) -> Put:
        """Store what is not known yet, and the source's cursor with it, in one transaction.

        `delivery`: the id of one that is open, or one that is given whole and is noted in the same transaction.
        `resend`: the county hands a row over again on purpose (it dropped the file once more), so a row that was refused gets a new
        message and a quarantined one is looked at again; a row that was accepted stays as it is. Raises SpoolFull, storing nothing.
        """
        stored = 0
        delivery_id = delivery.id if isinstance(delivery, WholeDelivery) else delivery
        with self._store.write() as db:
            fresh = {e.key: e for e in entries if self._admit(db, e, delivery_id, resend, now)}
            if fresh:
                self._check_room(db, list(fresh.values()), delivery_id)
            if isinstance(delivery, WholeDelivery):
                _note_delivery(db, delivery, now)
            for entry in fresh.values():
                _insert(db, entry, delivery_id, now)
            stored = len(fresh)
            if cursor is not None:
                db.execute("INSERT OR REPLACE INTO cursors (name, value) VALUES (?, ?)", cursor)
        return Put(stored, len(entries) - stored)

    def _admit(self, db: sqlite3.Connection, entry: Entry, delivery: str | None, resend: bool, now: datetime) -> bool:
        last = db.execute(
            "SELECT seq, state, delivery FROM items WHERE key = ? ORDER BY round DESC LIMIT 1", (entry.key,)
        ).fetchone()
        if last is None:
            return True
        if not resend or last["delivery"] == delivery:
            return False
        if last["state"] == State.QUARANTINED:
            db.execute(
                "UPDATE items SET delivery = ?, row_number = ?, reported = 0 WHERE seq = ?",
                (delivery, entry.row_number, last["seq"]),
            )
            _step(db, int(last["seq"]), State.SPOOLED, "handed over again", now)
            return False
        return last["state"] in _RESENT

    def _check_room(self, db: sqlite3.Connection, fresh: Sequence[Entry], delivery: str | None) -> None:
        held = db.execute(_PENDING, {"delivery": delivery}).fetchone()
        more = sum(entry.size for entry in fresh)
        full = held["number"] + len(fresh) > self._max_items or held["size"] + more > self._max_bytes
        # A single delivery larger than the whole spool must still pass: its own rows are not counted against it.
        if full and held["others"]:
            raise SpoolFull(
                f"{held['number']} messages ({held['size']} bytes) wait to be sent; reading stops meanwhile"
            )

    def to_prepare(self, limit: int, now: datetime) -> list[Item]:
        """Rows to map, issue and seal, oldest first; not those of a file that is still being read."""
        return self._select(_TO_PREPARE, (now.timestamp(), limit))

    def to_submit(self, limit: int, now: datetime, *, consents_through: int, person_floor: int | None) -> list[Item]:
        """Messages to send: lower stages first. What rests on a consent waits for `consents_through`; sealed ones for the persons."""
        floor = person_floor if person_floor is not None else 2**62
        return self._select(_TO_SUBMIT, (now.timestamp(), consents_through, floor, now.timestamp(), limit))

    def unsettled(self, kind: str, accepted_since: datetime | None = None, *, held: bool = True) -> int | None:
        """Lowest sequence number of a message of `kind` that the hub has not dealt with yet; None if all are settled.

        Messages accepted before `accepted_since` do not count, nor do held ones and what waits behind them if `held` is false."""
        bound = accepted_since.isoformat() if accepted_since else ""
        with self._store.read() as db:
            row = db.execute(_UNSETTLED, (kind, bound, held)).fetchone()
        return None if row[0] is None else int(row[0])

    def last_seq(self) -> int:
        with self._store.read() as db:
            return int(db.execute("SELECT coalesce(max(seq), 0) FROM items").fetchone()[0])

    def body(self, seq: int) -> bytes:
        with self._store.read() as db:
            row = db.execute("SELECT body FROM items WHERE seq = ?", (seq,)).fetchone()
        if row is None or row["body"] is None:
            raise GatewayError(f"message {seq} has no body in the spool", code="no-body")
        return bytes(row["body"])

    def move(self, changes: Sequence[Change], *, now: datetime) -> None:
        """Take several steps in one transaction. A message that is not in the expected state any more is an error."""
        with self._store.write() as db:
            for change in changes:
                _apply(db, change, now)

    def receipt_refused(self, seq: int, *, code: str, now: datetime) -> int:
        """Note it in the timeline; how often it happened since a person last released the message."""
        with self._store.write() as db:
            state = db.execute("SELECT state FROM items WHERE seq = ?", (seq,)).fetchone()["state"]
            _note(db, seq, state, f"{RECEIPT_REFUSED}{code}", now)
            return int(db.execute(_RECEIPTS_REFUSED, {"seq": seq, "like": f"{RECEIPT_REFUSED}%"}).fetchone()[0])

    def defer(self, seq: int, *, code: str, text: str, due: datetime, now: datetime) -> None:
        """Try later: the attempt is counted, the reason kept."""
        with self._store.write() as db:
            db.execute(
                "UPDATE items SET attempts = attempts + 1, due_at = ?, error_code = ?, error_text = ?, updated_at = ? "
                "WHERE seq = ?",
                (due.timestamp(), code, text, now.isoformat(), seq),
            )

    def hold(self, seq: int, *, code: str, text: str, now: datetime) -> None:
        """Set aside until a person acts; newer documents of the same source wait behind it, and so does what depends on it."""
        with self._store.write() as db:
            state = db.execute("SELECT state FROM items WHERE seq = ?", (seq,)).fetchone()["state"]
            db.execute(
                "UPDATE items SET held = ?, attempts = attempts + 1, error_code = ?, error_text = ?, updated_at = ? WHERE seq = ?",
                (code, code, text, now.isoformat(), seq),
            )
            _note(db, seq, state, f"held: {code}", now)

    def release(self, *, now: datetime, message_ids: Sequence[str] | None = None) -> int:
        """Look again at what was held or quarantined (all of it, or the named messages); the number released."""
        with self._store.write() as db:
            rows = db.execute(
                "SELECT seq, message_id, state FROM items WHERE held IS NOT NULL OR state = ?", (State.QUARANTINED,)
            ).fetchall()
            wanted = [r for r in rows if message_ids is None or r["message_id"] in message_ids]
            for row in wanted:
                state = State.SPOOLED if row["state"] == State.QUARANTINED else State(row["state"])
                db.execute("UPDATE items SET held = NULL, due_at = 0, reported = 0 WHERE seq = ?", (row["seq"],))
                _step(db, int(row["seq"]), state, "released", now)
        return len(wanted)

    def give_up(self, message_ids: Sequence[str], *, now: datetime, issue: Mapping[str, Any]) -> list[str]:
        """Refuse for good those of the messages that are held documents, so that newer ones go on; the ids given up.

        The county is told `issue`; handed over again, the document is a new message behind those sent meanwhile."""
        given_up = []
        with self._store.write() as db:
            for message_id in dict.fromkeys(message_ids):
                row = db.execute(_HELD_DOCUMENT, (message_id,)).fetchone()
                if row is None:
                    continue
                told = json.dumps([{**issue, "row": row["row_number"] or None}], ensure_ascii=False)
                columns = {"issues": told, "error_code": issue["code"], "error_text": issue["text"]}
                db.execute("UPDATE items SET held = NULL, reported = 0 WHERE seq = ?", (row["seq"],))
                detail = f"given up by a person, was held: {row['held']}"
                _apply(db, Change(int(row["seq"]), State.READY, State.REFUSED, detail, columns), now)
                given_up.append(message_id)
        return given_up

    def get(self, message_id: str) -> Item | None:
        found = self._select("SELECT * FROM messages WHERE message_id = ?", (message_id,))
        return found[0] if found else None

    def earlier(self, kind: str, business_key: str, seq: int) -> tuple[str, State, str] | None:
        """(message id, state, content digest) of the last message before `seq` that carried this record and was not refused."""
        with self._store.read() as db:
            row = db.execute(_EARLIER, (kind, business_key, seq)).fetchone()
        return (row["message_id"], State(row["state"]), row["content_digest"]) if row else None

    def timeline(self, message_id: str) -> list[tuple[str, str, str]]:
        """(state, time, detail) of every step so far."""
        with self._store.read() as db:
            rows = db.execute(
                "SELECT t.state, t.at, t.detail FROM timeline t JOIN items i USING (seq) WHERE message_id = ? ORDER BY t.rowid",
                (message_id,),
            ).fetchall()
        return [(r["state"], r["at"], r["detail"]) for r in rows]

    def forget_bodies(self, before: datetime) -> int:
        """Drop what was accepted, refused or not sent before `before`; keys, receipts, issues and timelines stay."""
        with self._store.write() as db:
            done = db.execute(_FORGET, (before.isoformat(),))
        return done.rowcount

    def stored_bytes(self) -> int:
        with self._store.read() as db:
            return int(db.execute("SELECT coalesce(sum(size), 0) FROM items").fetchone()[0])

    def _select(self, query: str, parameters: Sequence[Any]) -> list[Item]:
        with self._store.read() as db:
            rows = db.execute(query, tuple(parameters)).fetchall()
        return [_item(row) for row in rows]


def _note_delivery(db: sqlite3.Connection, delivery: WholeDelivery, now: datetime) -> None:
    issues = json.dumps([dict(issue) for issue in delivery.issues], ensure_ascii=False) if delivery.issues else None
    db.execute(
        "INSERT INTO deliveries (id, source, name, state, issues, created_at) VALUES (?, ?, ?, 'READ', ?, ?)",
        (delivery.id, delivery.source, delivery.name, issues, now.isoformat()),
    )


def _insert(db: sqlite3.Connection, entry: Entry, delivery: str | None, now: datetime) -> None:
    state = State.READY if entry.route is Route.RAW else State.SPOOLED
    rounds = db.execute("SELECT count(*) FROM items WHERE key = ?", (entry.key,)).fetchone()[0]
    at = now.isoformat()
    done = db.execute(
        "INSERT INTO items (message_id, key, round, source, kind, mapping, route, stage, state, delivery, row_number, file_name, "
        "content_type, size, body, row, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(
                str(uuid.uuid4()),
                entry.key,
                rounds,
                entry.source,
                entry.kind,
                entry.mapping,
                entry.route,
                entry.stage,
                state,
            ),
            *(
                delivery,
                entry.row_number,
                entry.file_name,
                entry.content_type,
                entry.size,
                entry.body,
                entry.row,
                at,
                at,
            ),
        ),
    )
    _note(db, int(done.lastrowid or 0), state, "", now)


def _apply(db: sqlite3.Connection, change: Change, now: datetime) -> None:
    unknown = set(change.columns) - _CHANGEABLE
    if unknown:
        raise ValueError(f"columns {sorted(unknown)} are not set by a step")
    columns = {"error_code": None, "error_text": None, **change.columns}
    if columns.get("issues") is not None:
        columns["reported"] = 0  # whatever the county was told of it before
    # The names come from the closed set above, the values travel as parameters.
    names = "".join(f", {name} = :{name}" for name in columns)
    done = db.execute(
        _STEP.format(columns=names),
        {**columns, "state": change.after, "before": change.before, "seq": change.seq, "now": now.isoformat()},
    )
    if done.rowcount != 1:
        raise GatewayError(f"message {change.seq} is no longer {change.before}", code="stale-step")
    _note(db, change.seq, change.after, change.detail, now)


def _step(db: sqlite3.Connection, seq: int, state: State, detail: str, now: datetime) -> None:
    db.execute(
        "UPDATE items SET state = ?, issues = NULL, error_code = NULL, error_text = NULL, attempts = 0, updated_at = ? WHERE seq = ?",
        (state, now.isoformat(), seq),
    )
    _note(db, seq, state, detail, now)


def _note(db: sqlite3.Connection, seq: int, state: str, detail: str, now: datetime) -> None:
    db.execute(
        "INSERT INTO timeline (seq, state, at, detail) VALUES (?, ?, ?, ?)", (seq, state, now.isoformat(), detail)
    )


def _item(row: sqlite3.Row) -> Item:
    values = {f.name: row[f.name] for f in fields(Item)}
    values["route"] = Route(values["route"])
    values["state"] = State(values["state"])
    values["certificate"] = json.loads(values["certificate"]) if values["certificate"] else None
    values["created_at"] = datetime.fromisoformat(values["created_at"])
    return Item(**values)
