"""A held document keeps back the newer ones of its source, and nothing else, until it is sent or given up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.gateway.records import Entry, Route, State
from adapters.gateway.spool import Change, Spool

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "gateway.db")
    yield opened
    opened.close()


def document(key: str, source: str = "s") -> Entry:
    return Entry(key, source, "person", "m", Route.RAW, 1, body=b"x")


def sealed(spool: Spool, seq: int) -> None:
    spool.outgoing.put([Entry(f"sealed {seq}", "z", "x", "m", Route.SEALED, 2, row="{}")], now=NOW)
    spool.outgoing.move([Change(seq, State.SPOOLED, State.READY, "", {"body": b"e"})], now=NOW)


def sendable(spool: Spool, now: datetime = NOW) -> list[int]:
    return [item.seq for item in spool.outgoing.to_submit(9, now, consents_through=9, person_floor=None)]


def in_order(spool: Spool) -> list[str]:
    with spool._store.read() as db:
        return [row["message_id"] for row in db.execute("SELECT message_id FROM items ORDER BY seq")]


def test_a_held_document_stops_its_own_source_only_until_it_is_given_up(spool: Spool) -> None:
    entries = [document("a", "t"), document("b"), document("c"), document("d", "t")]
    spool.outgoing.put(entries, now=NOW)
    sealed(spool, 5)
    spool.outgoing.hold(2, code="unknown-mapping", text="no", now=NOW)
    assert sendable(spool) == [1, 4, 5]
    assert (spool.waiting(), spool.outgoing.unsettled("person")) == (3, 1)
    spool.outgoing.move([Change(seq, State.READY, State.ACCEPTED) for seq in (1, 4)], now=NOW)
    longer = NOW + timedelta(hours=1)
    assert spool.outgoing.unsettled("person", longer, held=False) is None, "sealed records do not wait for it"
    ids = in_order(spool)
    (stuck,) = spool.stuck()
    assert "1 newer document of the source s" in stuck["error_text"]
    assert ids[1] in stuck["error_text"]
    issue = {"severity": "error", "code": "given-up", "text": "given up"}
    assert spool.outgoing.give_up([ids[1], ids[2], ids[4], "x"], now=NOW, issue=issue) == [ids[1]]
    state, _, detail = spool.outgoing.timeline(ids[1])[-1]
    assert (state, "unknown-mapping" in detail) == ("REFUSED", True)
    assert (sendable(spool), spool.stuck()) == ([3, 5], [])
    again = replace(document("b"), file_name="again.csv")
    assert spool.outgoing.put([again], now=NOW, delivery="d2", resend=True).stored == 1
    assert sendable(spool) == [3, 6, 5], "handed over again, it is the newest"


def test_a_held_document_that_is_sent_after_all_goes_before_the_newer_ones(spool: Spool) -> None:
    spool.outgoing.put([document("a"), document("b")], now=NOW)
    spool.outgoing.hold(1, code="unknown-mapping", text="no", now=NOW)
    assert sendable(spool) == []
    assert spool.outgoing.release(now=NOW) == 1
    assert sendable(spool) == [1, 2]


def test_what_is_deferred_keeps_the_newer_ones_behind_it_too(spool: Spool) -> None:
    spool.outgoing.put([document("a"), document("b"), document("c")], now=NOW)
    spool.outgoing.hold(1, code="not-allowed", text="no", now=NOW)
    spool.outgoing.defer(2, code="unavailable", text="later", due=NOW + timedelta(minutes=5), now=NOW)
    later = NOW + timedelta(minutes=6)
    assert sendable(spool, later) == []
    assert {entry["message_id"] for entry in spool.stuck()} == set(in_order(spool)[:2])
    spool.outgoing.release(now=NOW)
    assert (sendable(spool), sendable(spool, later)) == ([1], [1, 2, 3])
