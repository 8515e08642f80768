"""The county's database: rows of five tables under one row version, and the inbox of what others sent.

Promise: what a call has returned survives kill -9 and power loss (WAL, synchronous=FULL). Several processes may use the
file at once. Nothing is ever deleted; every arrival in the inbox is counted, also the hundredth of the same message.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLES = ("ldrk", "tysq", "byjy", "jhz", "csyxzm")
KEYS = {"ldrk": "rybh", "tysq": "sqbh", "byjy": "bgdbh", "jhz": "zsbh", "csyxzm": "zsbh"}
"""For each table the field that numbers its rows."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    rowver INTEGER NOT NULL UNIQUE,
    body TEXT NOT NULL,
    PRIMARY KEY (name, key)
) STRICT;
CREATE INDEX IF NOT EXISTS rows_by_version ON rows (name, rowver);
CREATE TABLE IF NOT EXISTS attempts (request TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS inbox (
    message_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    body TEXT NOT NULL,
    received_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS arrivals (
    seq INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    arrived_at TEXT NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a table, in the order of the row versions."""

    rows: list[dict[str, Any]]
    pages: int
    total: int
    newest: int


@dataclass(frozen=True, slots=True)
class InboxSummary:
    """What has arrived: distinct messages by kind, arrivals in all, and messages that came with two contents."""

    messages: dict[str, int]
    arrivals: int
    repeated: int
    conflicting: int


class Conflict(Exception):
    """A message id came again with another content."""


class Store:
    """One SQLite file. Methods are synchronous and short."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None, timeout=30, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def put(self, table: str, rows: Iterable[dict[str, Any]]) -> int:
        """Store rows as new or as newer versions; rows that are stored already, word for word, keep their version.

        Returns how many changed anything.
        """
        key = KEYS[table]
        with self._writing() as db:
            newest = int(db.execute("SELECT coalesce(max(rowver), 0) FROM rows").fetchone()[0])
            changed = 0
            for row in rows:
                body = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
                done = db.execute(
                    "INSERT INTO rows (name, key, rowver, body) VALUES (?, ?, ?, ?) ON CONFLICT (name, key) DO UPDATE "
                    "SET rowver = excluded.rowver, body = excluded.body WHERE body <> excluded.body",
                    (table, str(row[key]), newest + 1, body),
                )
                newest += done.rowcount
                changed += done.rowcount
        return changed

    def page(self, table: str, since: int, number: int, size: int, overlap: int) -> Page:
        """Page `number` (from 1) of the rows newer than `since`, oldest first.

        Before them come the last `overlap` rows that are not newer, and each page repeats as many of the page before.
        """
        first = self._first_version(table, since, overlap)
        total, newest = self._db.execute(
            "SELECT count(*), coalesce(max(rowver), ?) FROM rows WHERE name = ? AND rowver >= ?", (since, table, first)
        ).fetchone()
        start = max(0, (number - 1) * size - (overlap if number > 1 else 0))
        found = self._db.execute(
            "SELECT rowver, body FROM rows WHERE name = ? AND rowver >= ? ORDER BY rowver LIMIT ? OFFSET ?",
            (table, first, number * size - start, start),
        )
        rows = [json.loads(body) | {"rowver": version} for version, body in found]
        return Page(rows, -(-total // size), total, newest)

    def _first_version(self, table: str, since: int, overlap: int) -> int:
        if overlap:
            repeated = self._db.execute(
                "SELECT min(rowver) FROM (SELECT rowver FROM rows WHERE name = ? AND rowver <= ? "
                "ORDER BY rowver DESC LIMIT ?)",
                (table, since, overlap),
            ).fetchone()[0]
            if repeated is not None:
                return int(repeated)
        return since + 1

    def row(self, table: str, key: str) -> dict[str, Any] | None:
        found = self._db.execute("SELECT rowver, body FROM rows WHERE name = ? AND key = ?", (table, key)).fetchone()
        return None if found is None else json.loads(found[1]) | {"rowver": found[0]}

    def count_attempt(self, request: str) -> int:
        """How often this very request has come, this time included."""
        with self._writing() as db:
            return int(
                db.execute(
                    "INSERT INTO attempts (request, count) VALUES (?, 1) "
                    "ON CONFLICT (request) DO UPDATE SET count = count + 1 RETURNING count",
                    (request,),
                ).fetchone()[0]
            )

    def receive(self, message_id: str, kind: str, body: bytes, now: str) -> bool:
        """Take a message into the inbox; True if it is new. Raises Conflict if its id came before with other content."""
        digest = hashlib.sha256(body).hexdigest()
        with self._writing() as db:
            db.execute(
                "INSERT INTO arrivals (message_id, digest, arrived_at) VALUES (?, ?, ?)", (message_id, digest, now)
            )
            new = db.execute(
                "INSERT INTO inbox (message_id, kind, digest, body, received_at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (message_id) DO NOTHING",
                (message_id, kind, digest, body.decode(), now),
            ).rowcount
            first = db.execute("SELECT digest FROM inbox WHERE message_id = ?", (message_id,)).fetchone()[0]
        if first != digest:
            raise Conflict(message_id)
        return bool(new)

    def messages(self, kind: str = "") -> list[dict[str, Any]]:
        """The contents of the inbox, oldest first, once each."""
        found = self._db.execute("SELECT body FROM inbox WHERE ? IN ('', kind) ORDER BY rowid", (kind,))
        return [json.loads(body) for (body,) in found]

    def inbox(self) -> InboxSummary:
        kinds = dict(self._db.execute("SELECT kind, count(*) FROM inbox GROUP BY kind ORDER BY kind"))
        arrivals, distinct, contents = self._db.execute(
            "SELECT count(*), count(DISTINCT message_id), count(DISTINCT message_id || digest) FROM arrivals"
        ).fetchone()
        return InboxSummary(kinds, arrivals, arrivals - distinct, contents - distinct)
