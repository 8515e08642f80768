"""The conformance gate sees each item in what a member does, and in nothing less."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import rehearsal
from hub.domain.rehearsal import ITEMS, Exchange, missing, new, step

T0 = datetime(2026, 3, 1, 8, tzinfo=UTC)


def exchange(method: str, path: str, status: int, *, at: float = 0, **more: Any) -> Exchange:
    return Exchange(method, path, status, T0 + timedelta(seconds=at), T0 + timedelta(seconds=at + 0.01), **more)


def seen(*exchanges: Exchange) -> set[str]:
    state = new()
    for one in exchanges:
        state = step(state, one)
    return set(state["seen"])


def token(key: str, at: float = 0) -> Exchange:
    return exchange("POST", "/auth/token", 200, at=at, key=key)


def sent(id_: str, path: str = "/submissions", status: int = 202) -> Exchange:
    return exchange("POST", path, status, submission=id_)


def test_signing_in_and_with_another_key() -> None:
    assert seen(token("a"), token("a")) == {"sign-in"}
    assert seen(token("a"), token("b")) == {"sign-in", "key-change"}
    assert seen(exchange("POST", "/auth/token", 401, key="a")) == set()
    assert seen(exchange("POST", "/auth/token", 200)) == set()  # nobody's key: a token that the operator took


def test_the_same_message_again_is_told_from_another_one() -> None:
    assert seen(sent("m1"), sent("m2")) == {"submission"}
    assert seen(sent("m1"), sent("m1", status=200)) == {"submission", "resend"}
    assert seen(exchange("POST", "/submissions", 202)) == set()


def test_a_correction_follows_a_refusal_at_the_same_address() -> None:
    bad = exchange("POST", "/submissions", 400)
    assert "correction" not in seen(sent("m1"), bad)
    assert "correction" in seen(bad, sent("m1"))
    assert "correction" not in seen(bad, sent("m1", "/fhir", 200))
    assert "correction" not in seen(sent("m1"), bad, sent("m1", status=200))  # an old one again corrects nothing


def test_reading_what_became_of_ones_own_message() -> None:
    assert "outcome" not in seen(exchange("GET", "/submissions", 200))
    assert "outcome" not in seen(sent("m1"), exchange("GET", "/submissions/m2", 404))
    assert "outcome" in seen(sent("m1"), exchange("GET", "/submissions/m1", 200))
    assert "outcome" in seen(sent("m1"), exchange("GET", "/submissions", 200))


def test_reading_the_mailbox_and_answering_both_ways() -> None:
    assert seen(exchange("POST", "/mailbox", 200, handed=0)) == set()
    assert seen(exchange("POST", "/mailbox", 200, handed=1)) == {"lease"}
    assert seen(exchange("POST", "/mailbox/1/receipt", 200, outcome="PROCESSED")) == {"receipt"}
    assert seen(exchange("POST", "/mailbox/1/receipt", 200, outcome="BUSINESS_ERROR")) == {"error-receipt"}
    assert seen(exchange("POST", "/mailbox/1/receipt", 409)) == set()


@pytest.mark.parametrize(
    ("then", "is_honoured"),
    [
        ([exchange("GET", "/submissions", 200, at=3.5)], True),
        ([exchange("GET", "/submissions", 200, at=1.0), exchange("GET", "/submissions", 200, at=9.0)], False),
        ([exchange("GET", "/submissions", 429, at=3.5, retry_after=2)], False),
        ([exchange("GET", "/submissions", 200, at=-1.0), exchange("GET", "/submissions", 200, at=3.5)], True),
        ([], False),
    ],
)  # fmt: skip
def test_waiting_as_long_as_was_asked(then: list[Exchange], is_honoured: bool) -> None:
    assert ("retry-after" in seen(exchange("GET", "/x", 429, retry_after=3), *then)) is is_honoured


def test_who_did_not_wait_may_show_it_another_time() -> None:
    hasty = [exchange("GET", "/x", 429, retry_after=3), exchange("GET", "/x", 200, at=1)]
    patient = [exchange("GET", "/x", 429, at=10, retry_after=3), exchange("GET", "/x", 200, at=14)]
    assert "retry-after" in seen(*hasty, *patient)


def test_what_one_does_not_have_need_not_be_shown() -> None:
    assert missing(new(), has_webhook=True, opens=True) == list(ITEMS)
    assert set(ITEMS) - set(missing(new(), has_webhook=False, opens=True)) == {"webhook"}
    assert set(ITEMS) - set(missing(new(), has_webhook=True, opens=False)) == {"opening"}
    assert missing(rehearsal.saw(new(), "webhook", T0), has_webhook=True, opens=True) == list(ITEMS[:-1])


def test_what_was_sealed_comes_back_once() -> None:
    assert rehearsal.opened(new(), "", T0) is None
    state = rehearsal.challenged(new(), "key", "digest")
    assert rehearsal.opened(state, "other", T0) is None
    after = rehearsal.opened(state, "digest", T0)
    assert after is not None
    assert (list(after["seen"]), after["opened"]) == (["opening"], ["key"])
    assert rehearsal.opened(after, "digest", T0) is None


_EXCHANGES = st.builds(
    exchange,
    st.sampled_from(["GET", "POST", "PUT"]),
    st.sampled_from(["/auth/token", "/submissions", "/fhir", "/mailbox", "/mailbox/1/receipt", "/submissions/m1"]),
    st.sampled_from([200, 202, 400, 422, 429]),
    at=st.floats(0, 1e6),
    key=st.text(max_size=3),
    submission=st.text(max_size=3),
    handed=st.integers(0, 2),
    outcome=st.sampled_from(["", "PROCESSED", "BUSINESS_ERROR"]),
    retry_after=st.integers(0, 9),
)


@given(st.lists(_EXCHANGES, max_size=200))
def test_what_was_seen_stays_with_its_time_and_the_state_stays_small(exchanges: list[Exchange]) -> None:
    state = new()
    for one in exchanges:
        after = step(state, one)
        assert after["seen"].items() >= state["seen"].items()
        assert set(after["seen"]) <= set(ITEMS)
        assert len(after["sent"]) <= 50
        assert len(after["keys"]) <= 8
        state = after
