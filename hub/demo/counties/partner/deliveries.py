"""The partner's ledger of what reached its webhook: every arrival, also unsigned and repeated ones, in one SQLite file."""

import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY,
    webhook_id TEXT NOT NULL,
    webhook_timestamp TEXT NOT NULL,
    digest TEXT NOT NULL,
    body BLOB NOT NULL,
    verdict TEXT NOT NULL,
    arrived_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_by_id ON deliveries (webhook_id);
"""
ACCEPTED, REFUSED, FAILED = "accepted", "refused", "failed"


@dataclass(frozen=True, slots=True)
class Summary:
    """Distinct notices accepted; arrivals by verdict; accepted arrivals beyond the first; ids that came with two contents."""

    notices: int
    accepted: int
    refused: int
    failed: int
    duplicates: int
    conflicting: int


class Ledger:
    """One SQLite file; what a call has returned survives kill -9."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None, timeout=30, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def record(self, webhook_id: str, timestamp: str, body: bytes, verdict: str, now: str) -> None:
        digest = hashlib.sha256(body).hexdigest()
        self._db.execute(
            "INSERT INTO deliveries (webhook_id, webhook_timestamp, digest, body, verdict, arrived_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (webhook_id, timestamp, digest, body, verdict, now),
        )

    def seen(self, webhook_id: str) -> int:
        """How often this id has arrived so far, whatever was answered."""
        found = self._db.execute("SELECT count(*) FROM deliveries WHERE webhook_id = ?", (webhook_id,)).fetchone()
        return int(found[0])

    def bodies(self) -> list[bytes]:
        """The accepted notices, once each, oldest first."""
        found = self._db.execute(
            "SELECT body FROM deliveries WHERE seq IN "
            "(SELECT min(seq) FROM deliveries WHERE verdict = 'accepted' GROUP BY webhook_id) ORDER BY seq"
        )
        return [bytes(body) for (body,) in found]

    def summary(self) -> Summary:
        verdicts = dict(self._db.execute("SELECT verdict, count(*) FROM deliveries GROUP BY verdict"))
        notices, contents = self._db.execute(
            "SELECT count(DISTINCT webhook_id), count(DISTINCT webhook_id || digest) FROM deliveries "
            "WHERE verdict = 'accepted'"
        ).fetchone()
        accepted = verdicts.get(ACCEPTED, 0)
        return Summary(
            notices=notices,
            accepted=accepted,
            refused=verdicts.get(REFUSED, 0),
            failed=verdicts.get(FAILED, 0),
            duplicates=accepted - notices,
            conflicting=contents - notices,
        )
