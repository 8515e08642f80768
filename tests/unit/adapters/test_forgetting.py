"""The content of what is done with is forgotten; of what may still be sent, never."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.gateway.records import Entry, Route, State
from adapters.gateway.spool import Change, Spool

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "gateway.db")
    yield opened
    opened.close()


def content(spool: Spool) -> list[tuple[object, object]]:
    with spool._store.read() as db:
        return [tuple(row) for row in db.execute("SELECT body, row FROM items")]


@pytest.mark.parametrize("state", [State.ACCEPTED, State.SETTLED, State.REFUSED, State.NOT_SENT])
def test_a_document_that_is_done_with_is_forgotten_after_its_time(state: State, spool: Spool) -> None:
    spool.outgoing.put([Entry("a", "s", "person", "m", Route.RAW, 1, body=b"x" * 50, row="{}")], now=NOW)
    spool.outgoing.move([Change(1, State.READY, state)], now=NOW)
    assert spool.forget_bodies(NOW) == 0
    assert spool.forget_bodies(LATER) == 1
    assert (content(spool), spool.outgoing.stored_bytes()) == ([(None, None)], 0)
    assert spool.forget_bodies(LATER) == 0


def test_what_may_still_be_sent_is_not_forgotten(spool: Spool) -> None:
    entries = [Entry(key, "s", "x", "m", Route.SEALED, 2, row="{}") for key in ("waits", "quarantined")]
    spool.outgoing.put([*entries, Entry("held", "t", "person", "m", Route.RAW, 1, body=b"x")], now=NOW)
    spool.outgoing.move([Change(2, State.SPOOLED, State.QUARANTINED, "", {"issues": "[]"})], now=NOW)
    spool.outgoing.hold(3, code="unknown-mapping", text="no", now=NOW)
    assert spool.forget_bodies(LATER) == 0
    assert content(spool) == [(None, "{}"), (None, "{}"), (b"x", None)]


def test_a_quarantined_row_that_is_released_keeps_no_issues_and_goes_its_way(spool: Spool) -> None:
    spool.outgoing.put([Entry("a", "s", "x", "m", Route.SEALED, 2, row="{}")], now=NOW)
    spool.outgoing.move([Change(1, State.SPOOLED, State.QUARANTINED, "", {"issues": '[{"value": "x"}]'})], now=NOW)
    assert spool.outgoing.release(now=NOW) == 1
    (item,) = spool.outgoing.to_prepare(9, NOW)
    with spool._store.read() as db:
        assert db.execute("SELECT issues FROM items").fetchone()[0] is None
    spool.outgoing.move([Change(item.seq, item.state, State.REFUSED)], now=NOW)
    assert spool.forget_bodies(LATER) == 1
    assert content(spool) == [(None, None)]
