"""A spool written by the gateway before is brought up to date; one written by a later gateway is left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adapters.errors import ConfigError
from adapters.gateway.spool import Spool
from adapters.gateway.spool.schema import VERSION


def test_a_spool_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    Spool(path).close()
    with closing(sqlite3.connect(path)) as db:
        view = db.execute("SELECT sql FROM sqlite_master WHERE name = 'messages'").fetchone()[0]
        db.execute("DROP VIEW messages")
        db.execute("ALTER TABLE items DROP COLUMN issue_receipt")
        db.execute(view.replace("issue_receipt, ", ""))
        db.execute("PRAGMA user_version=1")
        db.commit()
    for _ in range(2):
        spool = Spool(path)
        assert spool.outgoing.get("none") is None
        assert spool.stuck() == []
        with spool._store.read() as db:
            assert db.execute("SELECT issue_receipt FROM messages").fetchall() == []
        spool.close()


@pytest.mark.parametrize("version", [99, VERSION + 1])
def test_a_spool_of_a_later_version_is_left_alone(version: int, tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    Spool(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={version}")
    with pytest.raises(ConfigError, match="another gateway version"):
        Spool(path)
