"""The county's ledger of files put into its inbox: every arrival counted, each message kept once, in one SQLite file.

A file is entered first and moved to `read/` afterwards. If the program dies in between, the file is recognised by name,
inode and time of change when it starts again, and not counted twice; the same message put there anew is.
"""

import csv
import hashlib
import io
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mappings import vocabulary

_SCHEMA = """
CREATE TABLE IF NOT EXISTS arrivals (
    seq INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE,
    message_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    digest TEXT NOT NULL,
    body BLOB NOT NULL,
    arrived_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS arrivals_by_message ON arrivals (message_id);
"""
READ = "read"
MESSAGE_COLUMN, KIND_COLUMN = "消息编号", "类别"
KINDS = {
    "避孕节育情况报告单": vocabulary.CONTRACEPTION_REPORT,
    "结婚证": vocabulary.MARRIAGE_CERTIFICATE,
    "出生医学证明": vocabulary.BIRTH_CERTIFICATE,
    "基本信息卡": vocabulary.PERSON,
    "知情同意书": vocabulary.CONSENT,
}


@dataclass(frozen=True, slots=True)
class InboxSummary:
    """Distinct messages by kind, files in all, repetitions, and messages that came with two contents."""

    messages: dict[str, int]
    arrivals: int
    repeated: int
    conflicting: int


class Inbox:
    """The ledger and the folder it watches."""

    def __init__(self, state: Path, folder: Path) -> None:
        self._folder = folder
        (folder / READ).mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(state, isolation_level=None, timeout=30)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def take_in(self) -> int:
        """Enter and move every complete file of the folder; the number of files moved."""
        files = sorted(entry for entry in self._folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
        for file in files:
            self._enter(file)
            file.replace(self._folder / READ / f"{self._place(file)}-{file.name}")
        return len(files)

    def _place(self, file: Path) -> int:
        found = self._db.execute("SELECT seq FROM arrivals WHERE identity = ?", (_identity(file),)).fetchone()
        return int(found[0])

    def _enter(self, file: Path) -> None:
        body = file.read_bytes()
        message_id, kind = _describe(file.name, body)
        self._db.execute(
            "INSERT INTO arrivals (identity, message_id, kind, file_name, digest, body, arrived_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (identity) DO NOTHING",
            (
                _identity(file),
                message_id,
                kind,
                file.name,
                hashlib.sha256(body).hexdigest(),
                body,
                datetime.now(UTC).isoformat(),
            ),
        )

    def bodies(self, kind: str = "") -> list[bytes]:
        """The contents, once for each message, oldest first."""
        found = self._db.execute(
            "SELECT body FROM arrivals WHERE seq IN (SELECT min(seq) FROM arrivals GROUP BY message_id) "
            "AND ? IN ('', kind) ORDER BY seq",
            (kind,),
        )
        return [bytes(body) for (body,) in found]

    def summary(self) -> InboxSummary:
        kinds = dict(
            self._db.execute("SELECT kind, count(DISTINCT message_id) FROM arrivals GROUP BY kind ORDER BY kind")
        )
        arrivals, distinct, contents = self._db.execute(
            "SELECT count(*), count(DISTINCT message_id), count(DISTINCT message_id || digest) FROM arrivals"
        ).fetchone()
        return InboxSummary(kinds, arrivals, arrivals - distinct, contents - distinct)


def _identity(file: Path) -> str:
    status = file.stat()
    return f"{file.name}|{status.st_ino}|{status.st_mtime_ns}"


def _describe(name: str, body: bytes) -> tuple[str, str]:
    """Message id and kind as the table's first record tells them; for any other file its name without the ending."""
    try:
        record = next(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")), {})
    except (UnicodeDecodeError, csv.Error):
        record = {}
    message_id, kind = record.get(MESSAGE_COLUMN), record.get(KIND_COLUMN)
    if not message_id:
        return name.rpartition(".")[0] or name, ""
    return message_id, KINDS.get(kind or "", kind or "")
