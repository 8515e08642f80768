"""The spool keeps every message once, whatever is put, moved, reopened or refused, and tells how each came where it is."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.errors import ConfigError, GatewayError, SpoolFull
from adapters.gateway.records import Entry, InboxState, Incoming, Route, State
from adapters.gateway.spool import Change, Spool, Step, WholeDelivery

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "gateway.db", max_items=5, max_bytes=1000)
    yield opened
    opened.close()


def entry(key: str, *, route: Route = Route.RAW, kind: str = "person", stage: int = 1, body: bytes = b"x") -> Entry:
    raw = route is Route.RAW
    return Entry(key, "s", kind, "m", route, stage, body=body if raw else None, row=None if raw else '{"a": 1}')


def accept(spool: Spool, seq: int, state: State = State.READY) -> None:
    spool.outgoing.move([Change(seq, state, State.ACCEPTED)], now=NOW)


def everything(spool: Spool) -> list[str]:
    return [item.message_id for item in spool.outgoing.to_submit(100, NOW, consents_through=2**40, person_floor=None)]


def test_the_file_is_the_owners_alone(spool: Spool, tmp_path: Path) -> None:
    assert (tmp_path / "gateway.db").stat().st_mode & 0o777 == 0o600


def test_two_processes_cannot_own_one_spool(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="another gateway process"):
        Spool(tmp_path / "gateway.db")
    looking = Spool(tmp_path / "gateway.db", exclusive=False)
    assert looking.counts() == {}
    looking.close()


def test_a_spool_of_another_version_is_refused(tmp_path: Path) -> None:
    made = Spool(tmp_path / "gateway.db")
    with made._store.write() as db:
        db.execute("PRAGMA user_version=99")
    made.close()
    with pytest.raises(ConfigError, match="another gateway version"):
        Spool(tmp_path / "gateway.db")


def test_the_same_key_is_one_message(spool: Spool) -> None:
    assert spool.outgoing.put([entry("a"), entry("a"), entry("b")], now=NOW).stored == 2
    put = spool.outgoing.put([entry("a"), entry("c")], now=NOW, delivery="d1")
    assert (put.stored, put.known) == (1, 1)
    assert len(everything(spool)) == 3


def test_the_cursor_moves_with_the_rows_or_not_at_all(spool: Spool) -> None:
    spool.outgoing.put([entry("a")], now=NOW, cursor=("c", "1"))
    with pytest.raises(SpoolFull):
        spool.outgoing.put([entry(f"x{n}") for n in range(5)], now=NOW, cursor=("c", "2"))
    assert spool.cursor("c") == "1"
    assert len(everything(spool)) == 1


def test_a_full_disk_is_called_so_and_undoes_what_did_not_fit(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "gateway.db")
    with spool._store.read() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count={pages + 8}")
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        spool.outgoing.put([entry("large", body=bytes(200_000))], now=NOW)
    assert spool.outgoing.put([entry("small")], now=NOW).stored == 1
    assert len(_ids(spool)) == 1
    spool.close()


def test_what_fails_at_the_commit_is_undone(spool: Spool) -> None:
    """A deferred constraint is one of the things that fail no sooner than there."""

    def orphan() -> None:
        with spool._store.write() as db:
            db.execute("PRAGMA defer_foreign_keys=ON")
            db.execute("INSERT INTO timeline VALUES (77, 'READY', 'x', '')")

    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        orphan()
    assert spool.outgoing.put([entry("k")], now=NOW).stored == 1


def test_a_full_spool_takes_more_once_messages_are_accepted(spool: Spool) -> None:
    spool.outgoing.put([entry("a", body=b"x" * 900)], now=NOW)
    with pytest.raises(SpoolFull, match="wait to be sent"):
        spool.outgoing.put([entry("b", body=b"x" * 200)], now=NOW)
    accept(spool, 1)
    assert spool.outgoing.put([entry("b", body=b"x" * 200)], now=NOW).stored == 1


def test_a_delivery_larger_than_the_spool_passes_through_an_empty_one(spool: Spool) -> None:
    big = WholeDelivery("d", "s", "big.csv")
    assert spool.outgoing.put([entry(f"k{n}") for n in range(9)], now=NOW, delivery=big).stored == 9


def test_a_step_from_a_state_that_has_passed_is_refused(spool: Spool) -> None:
    spool.outgoing.put([entry("a")], now=NOW)
    accept(spool, 1)
    with pytest.raises(GatewayError, match="no longer READY"):
        accept(spool, 1)
    with pytest.raises(ValueError, match="not set by a step"):
        spool.outgoing.move([Change(1, State.ACCEPTED, State.SETTLED, "", {"key": "other"})], now=NOW)


def test_every_step_is_in_the_timeline(spool: Spool) -> None:
    spool.outgoing.put([entry("a", route=Route.SEALED)], now=NOW)
    spool.outgoing.move([Change(1, State.SPOOLED, State.READY, "sealed for huiji", {"body": b"e"})], now=NOW)
    spool.outgoing.hold(1, code="not-allowed", text="no", now=NOW)
    assert spool.outgoing.release(now=NOW) == 1
    (message,) = everything(spool)
    steps = [(state, detail) for state, _, detail in spool.outgoing.timeline(message)]
    assert steps == [
        ("SPOOLED", ""),
        ("READY", "sealed for huiji"),
        ("READY", "held: not-allowed"),
        ("READY", "released"),
    ]


def _ids(spool: Spool) -> list[str]:
    with spool._store.read() as db:
        return [row["message_id"] for row in db.execute("SELECT message_id FROM items")]


def test_consents_go_before_persons_before_the_rest(spool: Spool) -> None:
    spool.outgoing.put([entry("r", stage=2, kind="birth-certificate")], now=NOW)
    spool.outgoing.put([entry("p")], now=NOW)
    spool.outgoing.put([entry("c", stage=0, kind="consent")], now=NOW)
    order = spool.outgoing.to_submit(9, NOW, consents_through=9, person_floor=None)
    assert [item.kind for item in order] == ["consent", "person", "birth-certificate"]
    assert spool.outgoing.unsettled("person") == 2
    waiting = spool.outgoing.to_submit(9, NOW, consents_through=9, person_floor=1)
    assert [item.kind for item in waiting] == ["consent", "person"]


def test_a_report_waits_for_the_consents(spool: Spool) -> None:
    spool.outgoing.put([entry("r", route=Route.SEALED, stage=2)], now=NOW)
    spool.outgoing.move([Change(1, State.SPOOLED, State.READY, "", {"body": b"e", "needs_consent": 1})], now=NOW)
    assert spool.outgoing.to_submit(9, NOW, consents_through=0, person_floor=None) == []
    assert len(spool.outgoing.to_submit(9, NOW, consents_through=1, person_floor=None)) == 1


def test_a_row_handed_over_again_after_its_refusal_is_a_new_message(spool: Spool) -> None:
    spool.outgoing.put([entry("a", route=Route.SEALED)], now=NOW, delivery="first")
    spool.outgoing.move([Change(1, State.SPOOLED, State.REFUSED)], now=NOW)
    assert spool.outgoing.put([entry("a", route=Route.SEALED)], now=NOW, delivery="second").stored == 0
    assert spool.outgoing.put([entry("a", route=Route.SEALED)], now=NOW, delivery="first", resend=True).stored == 0
    assert spool.outgoing.put([entry("a", route=Route.SEALED)], now=NOW, delivery="second", resend=True).stored == 1
    assert len(_ids(spool)) == 2


def test_a_quarantined_row_handed_over_again_is_looked_at_again(spool: Spool) -> None:
    spool.outgoing.put([entry("a", route=Route.SEALED)], now=NOW, delivery="first")
    spool.outgoing.move([Change(1, State.SPOOLED, State.QUARANTINED, "", {"issues": "[]"})], now=NOW)
    assert spool.outgoing.put([entry("a", route=Route.SEALED)], now=NOW, delivery="second", resend=True).stored == 0
    (again,) = spool.outgoing.to_prepare(9, NOW)
    assert (again.state, again.delivery) == (State.SPOOLED, "second")


def test_rows_of_a_delivery_that_is_still_read_wait(spool: Spool) -> None:
    spool.deliveries.open("d", "s", "file.csv", now=NOW)
    spool.outgoing.put([entry("a", route=Route.SEALED)], now=NOW, delivery="d")
    assert spool.outgoing.to_prepare(9, NOW) == []
    spool.deliveries.finish("d")
    assert len(spool.outgoing.to_prepare(9, NOW)) == 1


def test_an_abandoned_delivery_leaves_nothing(spool: Spool) -> None:
    spool.deliveries.open("d", "s", "file.csv", now=NOW)
    spool.outgoing.put([entry("a", route=Route.SEALED)], now=NOW, delivery="d")
    spool.deliveries.abandon("d")
    assert _ids(spool) == []
    assert spool.deliveries.opened("s") == []
    assert spool.deliveries.owed() == []


def test_what_is_committed_while_the_report_is_written_is_owed_however_it_is_dated(spool: Spool) -> None:
    """A refusal gets its time before its turn to write: by its time alone it would count as told."""
    entries = [entry("a"), entry("b")]
    spool.outgoing.put(entries, now=NOW, delivery=WholeDelivery("d", "s", "file.csv", ()))
    for seq in (1, 2):
        accept(spool, seq)
    first, second = _ids(spool)

    def answered(message_id: str, at: datetime) -> None:
        found = json.dumps([{"code": "no-consent", "row": 1}])
        update = {
            "message_id": message_id,
            "hub_state": "REJECTED",
            "hub_answer": "{}",
            "issues": found,
            "settled": True,
        }
        assert spool.apply_statuses([update], cursor=("c", "5"), now=at) == 1

    answered(first, NOW + timedelta(seconds=5))
    report = spool.deliveries.report("d")
    answered(second, NOW + timedelta(seconds=4))
    spool.deliveries.mark_reported("d", report.told)
    (owed,) = spool.deliveries.owed()
    assert {complaint.message_id for complaint in spool.deliveries.report(owed.id).complaints} == {first, second}


def test_a_refusal_is_owed_although_a_warning_was_told_before(spool: Spool) -> None:
    warned = json.dumps([{"code": "id-malformed", "severity": "warning"}])
    refused = json.dumps([{"code": "no-consent", "severity": "error"}])
    spool.outgoing.put([entry("a", route=Route.SEALED)], now=NOW, delivery=WholeDelivery("d", "s", "file.csv", ()))
    spool.outgoing.move([Change(1, State.SPOOLED, State.READY, columns={"body": b"x", "issues": warned})], now=NOW)
    spool.deliveries.mark_reported("d", spool.deliveries.report("d").told)
    assert spool.deliveries.owed() == []
    spool.outgoing.move([Change(1, State.READY, State.REFUSED, columns={"issues": refused})], now=NOW)
    (owed,) = spool.deliveries.owed()
    assert [complaint.code for complaint in spool.deliveries.report(owed.id).complaints] == ["no-consent"]


def test_what_changed_after_the_report_is_owed_again(spool: Spool) -> None:
    spool.outgoing.put([entry("a")], now=NOW, delivery=WholeDelivery("d", "s", "file.csv", ({"code": "totals"},)))
    (owed,) = spool.deliveries.owed()
    report = spool.deliveries.report(owed.id)
    assert [complaint.code for complaint in report.complaints] == ["totals"]
    spool.deliveries.mark_reported("d", report.told)
    assert spool.deliveries.owed() == []
    accept(spool, 1)
    later = NOW + timedelta(seconds=1)
    found = json.dumps([{"code": "unmapped-code", "row": 7}])
    update = {
        "message_id": _ids(spool)[0],
        "hub_state": "PROCESSED",
        "hub_answer": "{}",
        "issues": found,
        "settled": True,
    }
    assert spool.apply_statuses([update], cursor=("c", "5"), now=later) == 1
    assert spool.apply_statuses([update], cursor=("c", "5"), now=later) == 0
    (owed,) = spool.deliveries.owed()
    codes = [(complaint.code, complaint.row) for complaint in spool.deliveries.report(owed.id).complaints]
    assert codes == [("totals", None), ("unmapped-code", 7)]


def test_the_hubs_last_word_before_its_acknowledgement_is_not_lost(spool: Spool) -> None:
    spool.outgoing.put([entry("c", kind="consent", stage=0)], now=NOW)
    update = {
        "message_id": _ids(spool)[0],
        "hub_state": "PROCESSED",
        "hub_answer": "{}",
        "issues": None,
        "settled": True,
    }
    spool.apply_statuses([update], cursor=("c", "1"), now=NOW)
    accept(spool, 1)
    assert spool.outgoing.unsettled("consent") is None
    item = spool.outgoing.get(_ids(spool)[0])
    assert item is not None
    assert item.state is State.SETTLED


def test_plaintext_is_gone_from_the_file_once_forgotten(spool: Spool, tmp_path: Path) -> None:
    secret = "金丝雀字条" * 3
    sealed = Entry("k", "s", "contraception-report", "m", Route.SEALED, 2, row=json.dumps([secret], ensure_ascii=False))
    spool.outgoing.put([sealed], now=NOW)
    spool.outgoing.move([Change(1, State.SPOOLED, State.READY, "", {"row": None, "body": b"sealed"})], now=NOW)
    with spool._store.read() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert not any(secret.encode() in content for content in files)


def incoming(
    message: str = "m1", *, digest: str = "sha-256:aa", sender: str = "huiji", mailbox: str = "b1"
) -> Incoming:
    return Incoming(
        message, mailbox, "person", sender, digest, "application/json", (), InboxState.STORED, (), NOW, b"{}"
    )


def test_a_message_is_stored_once_and_follows_the_newest_lease(spool: Spool) -> None:
    assert spool.inbox.put([incoming()]) == ([], [])
    assert spool.inbox.put([incoming(mailbox="b2")]) == ([], [])
    (stored,) = spool.inbox.open_messages(9, NOW)
    assert stored.mailbox_id == "b2"


def test_a_known_id_with_other_content_is_handed_back(spool: Spool) -> None:
    spool.inbox.put([incoming()])
    stranger, impostor = incoming(digest="sha-256:bb", mailbox="b2"), incoming(sender="other", mailbox="b3")
    assert spool.inbox.put([stranger, impostor]) == ([stranger, impostor], [])
    (stored,) = spool.inbox.open_messages(9, NOW)
    assert (stored.mailbox_id, stored.digest) == ("b1", "sha-256:aa")


def test_a_withdrawn_message_that_is_lent_again_begins_anew(spool: Spool) -> None:
    spool.inbox.put([incoming()])
    spool.inbox.move([Step("m1", InboxState.STORED, InboxState.WITHDRAWN, receipt="not taken")], now=NOW)
    assert spool.inbox.forget_bodies(NOW + timedelta(days=1)) == 1
    assert spool.inbox.put([incoming(mailbox="b2")]) == ([], [])
    (stored,) = spool.inbox.open_messages(9, NOW)
    assert (stored.state, stored.mailbox_id, stored.body) == (InboxState.STORED, "b2", b"{}")


def test_receipts_are_kept_and_finished_messages_are_left_alone(spool: Spool) -> None:
    spool.inbox.put([incoming()])
    first = Step("m1", InboxState.STORED, InboxState.RECEIVED, receipt="r1")
    spool.inbox.move([first], now=NOW)
    with pytest.raises(GatewayError, match="no longer STORED"):
        spool.inbox.move([first], now=NOW)
    spool.inbox.move([Step("m1", InboxState.RECEIVED, InboxState.PROCESSED, receipt="r2")], now=NOW)
    assert spool.inbox.receipts("m1") == {"RECEIVED": "r1", "PROCESSED": "r2"}
    assert spool.inbox.open_messages(9, NOW) == []
    assert not spool.inbox.unfinished()
    strangers, (again,) = spool.inbox.put([incoming(mailbox="b2")])
    assert (strangers, again.state, again.mailbox_id) == ([], InboxState.PROCESSED, "b2")
    assert spool.inbox.forget_bodies(NOW + timedelta(days=1)) == 1
