"""The spool's SQLite file: schema, durability settings and transactions.

Promise: when `write()` has returned, its changes survive kill -9 and power loss (WAL with synchronous=FULL). One process owns
the file (an exclusive lock beside it); within the process a lock serialises the threads.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from adapters.errors import ConfigError

VERSION = 3

_SCHEMA = """
CREATE TABLE items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    round INTEGER NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    mapping TEXT NOT NULL,
    route TEXT NOT NULL,
    stage INTEGER NOT NULL,
    state TEXT NOT NULL,
    held TEXT,
    delivery TEXT,
    row_number INTEGER NOT NULL,
    file_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    body BLOB,
    row TEXT,
    certificate TEXT,
    business_key TEXT,
    content_digest TEXT,
    supersedes TEXT,
    credential TEXT,
    needs_consent INTEGER NOT NULL DEFAULT 0,
    recipient TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL DEFAULT 0,
    error_code TEXT,
    error_text TEXT,
    submission_id TEXT,
    receipt TEXT,
    issue_receipt TEXT,
    hub_state TEXT,
    hub_settled INTEGER NOT NULL DEFAULT 0,
    hub_answer TEXT,
    issues TEXT,
    reported INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (key, round)
) STRICT;
CREATE INDEX items_work ON items (state, stage, seq) WHERE state IN
    ('SPOOLED', 'INTENDED', 'REGISTERED', 'ISSUED', 'RECORDED', 'READY', 'ACCEPTED');
CREATE INDEX items_pending ON items (delivery, size) WHERE state IN ('SPOOLED', 'INTENDED', 'REGISTERED', 'ISSUED', 'RECORDED', 'READY');
CREATE INDEX items_business ON items (kind, business_key) WHERE business_key IS NOT NULL;
CREATE INDEX items_state ON items (state);
CREATE INDEX items_delivery ON items (delivery) WHERE delivery IS NOT NULL;
CREATE INDEX items_unreported ON items (delivery) WHERE reported = 0 AND issues IS NOT NULL;

CREATE TABLE timeline (
    seq INTEGER NOT NULL REFERENCES items (seq),
    state TEXT NOT NULL,
    at TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX timeline_item ON timeline (seq);

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    issues TEXT,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX deliveries_open ON deliveries (state) WHERE state IN ('OPEN', 'READ');

CREATE TABLE cursors (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE inbox (
    message_id TEXT PRIMARY KEY,
    mailbox_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    sender TEXT NOT NULL,
    digest TEXT NOT NULL,
    content_type TEXT NOT NULL,
    subjects TEXT NOT NULL,
    person TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    body BLOB,
    errors TEXT NOT NULL DEFAULT '[]',
    receipts TEXT NOT NULL DEFAULT '{}',
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL DEFAULT 0,
    error_text TEXT,
    received_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX inbox_work ON inbox (state) WHERE state NOT IN ('PROCESSED', 'BUSINESS_ERROR', 'WITHDRAWN');
CREATE INDEX inbox_person ON inbox (person) WHERE state IN ('STORED', 'RECEIVED', 'STAGED');
"""

_VIEW = """
CREATE VIEW messages AS SELECT
    seq, message_id, source, kind, mapping, route, state, held, delivery, row_number, file_name, content_type, size,
    row, certificate, credential, business_key, content_digest, supersedes, needs_consent, recipient, attempts, due_at,
    stage, error_code, error_text, submission_id, receipt, issue_receipt, hub_state, issues, reported, created_at, updated_at
    FROM items
"""
# A held document stops the newer documents of its source: the hub takes the last it hears for the newest.
STOPPED = """stopped AS (SELECT source, min(seq) AS first FROM items
    WHERE state = 'READY' AND route = 'raw' AND held IS NOT NULL GROUP BY source)"""
BEHIND = """state = 'READY' AND route = 'raw' AND EXISTS (
    SELECT 1 FROM stopped WHERE stopped.source = items.source AND stopped.first < items.seq)"""
# How a file of an earlier version is brought to the next; the view is made anew afterwards.
_UPGRADES = {
    1: ("ALTER TABLE items ADD COLUMN issue_receipt TEXT",),
    2: (
        "ALTER TABLE inbox ADD COLUMN person TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX inbox_person ON inbox (person) WHERE state IN ('STORED', 'RECEIVED', 'STAGED')",
    ),
}


class Store:
    """The open file. Reads and writes from any thread; every write is one transaction."""

    def __init__(self, path: Path, *, exclusive: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock_file = _own(path.with_name(path.name + ".lock")) if exclusive else None
        self._mutex = threading.RLock()
        try:
            self._db = _connect(path)
        except BaseException:
            if self._lock_file is not None:
                self._lock_file.close()
            raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction; rolled back if the block raises."""
        with self._mutex:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # SQLite itself has rolled back what a full disk or an I/O error broke off.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        with self._mutex:
            yield self._db

    def close(self) -> None:
        with self._mutex:
            self._db.close()
        if self._lock_file is not None:
            self._lock_file.close()


def _own(path: Path) -> IO[bytes]:
    handle = path.open("ab")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise ConfigError(
            f"another gateway process already works on {path.parent}; stop it first", code="spool-in-use"
        ) from None
    return handle


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA foreign_keys=ON")
    # Forgotten plaintext (rows and credentials once sealed) must not stay behind in free pages.
    db.execute("PRAGMA secure_delete=ON")
    _migrate(db, path)
    return db


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN IMMEDIATE")
    found = version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version == 0:
        for statement in _SCHEMA.split(";"):
            if statement.strip():
                db.execute(statement)
        version = VERSION
    while version in _UPGRADES:
        for statement in _UPGRADES[version]:
            db.execute(statement)
        version += 1
    if found != version == VERSION:
        db.execute("DROP VIEW IF EXISTS messages")
        db.execute(_VIEW)
        db.execute(f"PRAGMA user_version={VERSION}")
    db.execute("COMMIT")
    if version != VERSION:
        db.close()
        raise ConfigError(f"{path} was written by another gateway version (schema {found})", code="spool-version")
