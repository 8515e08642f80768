"""A spool written by the gateway before is brought up to date; one written by a later gateway is left alone."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.errors import ConfigError
from adapters.gateway.spool import Spool
from adapters.gateway.spool.schema import VERSION


@pytest.mark.parametrize("version", [1, 2])
def test_a_spool_of_a_version_before_is_brought_up_to_date(version: int, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    Spool(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP INDEX inbox_person")
        db.execute("ALTER TABLE inbox DROP COLUMN person")
        view = db.execute("SELECT sql FROM sqlite_master WHERE name = 'messages'").fetchone()[0]
        db.execute("DROP VIEW messages")
        if version == 1:
            db.execute("ALTER TABLE items DROP COLUMN issue_receipt")
            view = view.replace("issue_receipt, ", "")
        db.execute(view)
        db.execute(f"PRAGMA user_version={version}")
        db.commit()
    for _ in range(2):
        spool = Spool(path)
        assert spool.outgoing.get("none") is None
        assert spool.stuck() == []
        with spool._store.read() as db:
            assert db.execute("SELECT issue_receipt FROM messages").fetchall() == []
        assert spool.inbox.open_messages(9, datetime.now(UTC)) == []
        spool.close()


@pytest.mark.parametrize("version", [99, VERSION + 1])
def test_a_spool_of_a_later_version_is_left_alone(version: int, tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    Spool(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={version}")
    with pytest.raises(ConfigError, match="another gateway version"):
        Spool(path)
