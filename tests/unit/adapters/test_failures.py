"""What a failure means for a message: again later, refused for good with the reason told, or set aside for a person."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.client.answers import Answer
from adapters.client.problems import problem
from adapters.errors import GatewayError, HubError, HubUnreachable, ReceiptRefused, Retry
from adapters.gateway.config import RunSettings
from adapters.gateway.failures import MOST_RECEIPTS_REFUSED, Failures
from adapters.gateway.records import Entry, Item, Route, State
from adapters.gateway.spool import Change, Spool

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "gateway.db")
    yield opened
    opened.close()


def ready(spool: Spool, route: Route) -> Item:
    raw = route is Route.RAW
    spool.outgoing.put([Entry("k", "s", "x", "m", route, 1, body=b"x", row="{}", row_number=4)], now=NOW)
    if not raw:
        spool.outgoing.move([Change(1, State.SPOOLED, State.READY)], now=NOW)
    (item,) = spool.outgoing.to_submit(1, NOW, consents_through=9, person_floor=None)
    return item


def answered(status: int, code: str, retry: Retry, retry_after: float | None = None) -> HubError:
    return HubError("no", code=code, retry=retry, status=status, retry_after=retry_after)


@pytest.mark.parametrize(
    ("route", "error", "state", "held"),
    [
        (Route.SEALED, answered(403, "no-consent", Retry.CONTACT), State.REFUSED, None),
        (Route.SEALED, answered(403, "no-agreement", Retry.CONTACT), State.REFUSED, None),
        (Route.SEALED, answered(400, "expired", Retry.FIX_FIRST), State.REFUSED, None),
        (Route.SEALED, answered(403, "invalid-signature", Retry.CONTACT), State.READY, "invalid-signature"),
        (Route.SEALED, answered(401, "invalid-token", Retry.CONTACT), State.READY, "invalid-token"),
        (Route.RAW, answered(400, "unknown-mapping", Retry.FIX_FIRST), State.READY, "unknown-mapping"),
        (Route.RAW, answered(413, "too-large", Retry.FIX_FIRST), State.REFUSED, None),
        (Route.RAW, answered(503, "unavailable", Retry.NORMAL), State.READY, None),
        (Route.RAW, answered(400, "digest-mismatch", Retry.NORMAL), State.READY, None),
        (Route.RAW, HubUnreachable("gone", sent=True), State.READY, None),
        (Route.RAW, GatewayError("odd"), State.READY, None),
    ],
)
def test_the_fate_of_a_message(route: Route, error: GatewayError, state: State, held: str | None, spool: Spool) -> None:
    item = ready(spool, route)
    Failures(spool, RunSettings(), lambda: NOW, lambda: 0.0).of(item, error)
    after = spool.outgoing.get(item.message_id)
    assert after is not None
    assert (after.state, after.held, after.error_code) == (state, held, error.code)
    if state is State.REFUSED:
        assert after.row is None
        assert spool.outgoing.timeline(item.message_id)[-1][0] == "REFUSED"
    elif held is None:
        assert spool.outgoing.to_submit(9, NOW, consents_through=9, person_floor=None) == []
        assert len(spool.outgoing.to_submit(9, NOW + timedelta(seconds=2), consents_through=9, person_floor=None)) == 1


def test_retry_after_is_honoured(spool: Spool) -> None:
    item = ready(spool, Route.RAW)
    Failures(spool, RunSettings(), lambda: NOW, lambda: 0.0).of(item, answered(429, "too-many", Retry.NORMAL, 600))
    assert spool.outgoing.to_submit(9, NOW + timedelta(seconds=599), consents_through=9, person_floor=None) == []
    assert len(spool.outgoing.to_submit(9, NOW + timedelta(seconds=601), consents_through=9, person_floor=None)) == 1


def test_a_receipt_that_never_verifies_is_not_asked_for_without_end(spool: Spool) -> None:
    item = ready(spool, Route.RAW)
    failures = Failures(spool, RunSettings(), lambda: NOW, lambda: 0.0)

    def held_after(error: GatewayError, times: int) -> str | None:
        for _ in range(times):
            failures.of(item, error)
        found = spool.outgoing.get(item.message_id)
        assert found is not None
        return found.held

    assert held_after(answered(503, "unavailable", Retry.NORMAL), 40) is None, "other troubles do not count"
    for _ in range(2):
        assert held_after(ReceiptRefused("not the hub's", code="key-withdrawn"), MOST_RECEIPTS_REFUSED - 1) is None
        assert held_after(ReceiptRefused("not the hub's", code="key-withdrawn"), 1) == "key-withdrawn"
        (stuck,) = spool.stuck()
        assert "ask the hub's operator" in stuck["error_text"]
        assert spool.outgoing.release(now=NOW) == 1, "and after a person's word it is tried as often again"


def answer(status: int, document: object, **headers: str) -> Answer:
    return Answer(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(document).encode()
    )


def test_a_problem_document_speaks_for_itself() -> None:
    said = {"code": "no-case", "detail": "no open case", "retry": "CONTACT", "trace_id": "t1"}
    error = problem(answer(403, said), NOW)
    assert (error.code, error.retry, error.status, error.trace_id) == ("no-case", Retry.CONTACT, 403, "t1")
    assert "no open case" in error.text


@pytest.mark.parametrize(
    ("status", "retry"),
    [
        *((status, Retry.FIX_FIRST) for status in (400, 404, 409, 413, 422)),
        *((status, Retry.CONTACT) for status in (401, 403)),
        *((status, Retry.NORMAL) for status in (408, 429, 500, 503)),
    ],
)
def test_without_one_the_status_decides(status: int, retry: Retry) -> None:
    error = problem(Answer(status, {"retry-after": "7"}, b"<html>"), NOW)
    assert (error.code, error.retry, error.retry_after) == (f"http-{status}", retry, 7)
    assert problem(answer(status, {"retry": "NEVER"}), NOW).retry is retry
