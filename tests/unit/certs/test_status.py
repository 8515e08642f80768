"""A status list says what was set, is believed only while it is fresh and signed, and never takes a revocation back."""

import random
import zlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import tokens
from certs.encoding import b64url
from certs.errors import (
    BadSignature,
    MalformedStatusList,
    NotYetValid,
    RollbackRefused,
    StatusFinal,
    StatusListStale,
    StatusUnavailable,
    UnknownKey,
)
from certs.instants import seconds
from certs.keys import SigningKey
from certs.status import SIZE, TYP, Standing, Status, StatusList, StatusRef, check_change, draw_index
from tests.unit.certs.world import HUB, NOW, STATUS_URI

HOUR = timedelta(hours=1)


def signed(claims: dict[str, object] | None = None, /, **changes: object) -> str:
    usual = {
        "sub": STATUS_URI,
        "iat": seconds(NOW),
        "exp": seconds(NOW + HOUR),
        "status_list": {"bits": 2, "lst": b64url(zlib.compress(bytes(16)))},
    }
    return tokens.sign((usual if claims is None else claims) | changes, typ=TYP, signer=HUB)


@given(st.dictionaries(st.integers(0, 4095), st.sampled_from(Status), max_size=40))
def test_what_is_set_is_read_after_a_round_trip(statuses: dict[int, Status]) -> None:
    token = StatusList(STATUS_URI, 4096, statuses).sign(HUB, NOW)
    found = StatusList.verify(token, HUB.public, NOW, uri=STATUS_URI)
    assert found.size == 4096
    assert all(found.get(index) == statuses.get(index, Status.VALID) for index in range(4096))


def test_a_list_holds_a_million_and_stays_small() -> None:
    rows = random.Random(7)
    statuses = {rows.randrange(SIZE): Status.REVOKED for _ in range(2000)}
    token = StatusList(STATUS_URI, statuses=statuses).sign(HUB, NOW)
    assert len(token) < 20_000
    found = StatusList.verify(token, HUB.public, NOW)
    assert found.size == SIZE >= 1 << 20
    assert all(found.get(index) is Status.REVOKED for index in statuses)


def test_a_list_full_of_noise_is_still_readable() -> None:
    rows = random.Random(8)
    statuses = {index: Status(rows.randrange(4)) for index in range(0, SIZE, 53)}
    found = StatusList.verify(StatusList(STATUS_URI, SIZE, statuses).sign(HUB, NOW), HUB.public, NOW)
    assert all(found.get(index) == status for index, status in statuses.items())


@pytest.mark.parametrize("old", [Status.REVOKED, Status.SUPERSEDED])
def test_a_final_status_stays(old: Status) -> None:
    statuses = StatusList(STATUS_URI, 64, {3: old})
    for new in set(Status) - {old}:
        with pytest.raises(StatusFinal):
            statuses.set(3, new)
        with pytest.raises(StatusFinal):
            check_change(old, new)
    statuses.set(3, old)
    assert statuses.get(3) is old


def test_a_suspension_ends() -> None:
    statuses = StatusList(STATUS_URI, 64, {3: Status.SUSPENDED})
    statuses.set(3, Status.VALID)
    assert statuses.get(3) is Status.VALID
    assert statuses.get(2) is statuses.get(4) is Status.VALID


@pytest.mark.parametrize("index", [-1, 64, 1 << 40])
def test_an_index_outside_the_list_is_refused(index: int) -> None:
    with pytest.raises(MalformedStatusList):
        StatusList(STATUS_URI, 64).get(index)


@pytest.mark.parametrize("size", [0, 3, 6, -4, (1 << 26) + 4])
def test_a_list_has_a_sensible_size(size: int) -> None:
    with pytest.raises(ValueError, match="four"):
        StatusList(STATUS_URI, size)


def test_a_list_is_usable_until_it_expires() -> None:
    token = StatusList(STATUS_URI, 64).sign(HUB, NOW)
    last = NOW + timedelta(hours=12)
    assert StatusList.verify(token, HUB.public, last - timedelta(seconds=1)).issued_at == NOW
    with pytest.raises(StatusListStale):
        StatusList.verify(token, HUB.public, last)


def test_a_list_from_the_future_is_refused() -> None:
    token = StatusList(STATUS_URI, 64).sign(HUB, NOW)
    with pytest.raises(NotYetValid):
        StatusList.verify(token, HUB.public, NOW - HOUR)


def test_an_older_list_than_one_already_seen_is_refused() -> None:
    token = StatusList(STATUS_URI, 64).sign(HUB, NOW)
    StatusList.verify(token, HUB.public, NOW + HOUR, newest=NOW)
    with pytest.raises(RollbackRefused):
        StatusList.verify(token, HUB.public, NOW + HOUR, newest=NOW + timedelta(seconds=1))


def test_another_list_is_refused() -> None:
    with pytest.raises(MalformedStatusList, match="another"):
        StatusList.verify(signed(), HUB.public, NOW, uri="https://hub.example/status/2")


def test_a_certificate_of_another_list_has_no_status_here() -> None:
    found = StatusList.verify(signed(), HUB.public, NOW)
    assert found.standing(StatusRef(STATUS_URI, 5), NOW) == Standing(Status.VALID, NOW)
    with pytest.raises(StatusUnavailable):
        found.standing(StatusRef("https://hub.example/status/2", 5), NOW)
    with pytest.raises(MalformedStatusList):
        found.standing(StatusRef(STATUS_URI, 64), NOW)
    with pytest.raises(StatusListStale):
        found.standing(StatusRef(STATUS_URI, 5), NOW + HOUR)


def test_a_list_that_was_never_verified_answers_nothing() -> None:
    with pytest.raises(StatusListStale):
        StatusList(STATUS_URI, 64).standing(StatusRef(STATUS_URI, 5), NOW)


def test_somebody_elses_list_is_refused() -> None:
    other = SigningKey.generate()
    with pytest.raises(UnknownKey):
        StatusList.verify(signed(), other.public, NOW)
    head, payload, _ = signed().split(".")
    with pytest.raises(BadSignature):
        StatusList.verify(f"{head}.{payload}.{b64url(other.sign(b'x'))}", HUB.public, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"status_list": {"bits": 1, "lst": b64url(zlib.compress(bytes(16)))}},
        {"status_list": {"bits": 2, "lst": b64url(bytes(16))}},
        {"status_list": {"bits": 2, "lst": b64url(zlib.compress(b""))}},
        {"status_list": {"bits": 2, "lst": b64url(zlib.compress(bytes(16))[:-1])}},
        {"status_list": {"bits": 2, "lst": b64url(zlib.compress(bytes(16)) + b"x")}},
        {"status_list": {"bits": 2, "lst": "!"}},
        {"status_list": {"bits": 2}},
        {"sub": 1},
        {"iat": "2026"},
        {"exp": 1.5},
        {"exp": True},
    ],
)
def test_a_damaged_list_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedStatusList):
        StatusList.verify(signed(**changes), HUB.public, NOW)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(bytes(64 << 20), 9)
    assert len(bomb) < 70_000
    with pytest.raises(MalformedStatusList, match="too long"):
        StatusList.verify(signed(status_list={"bits": 2, "lst": b64url(bomb)}), HUB.public, NOW)


def test_indexes_are_drawn_from_the_whole_list() -> None:
    drawn = {draw_index() for _ in range(200)}
    assert len(drawn) > 190
    assert 0 <= min(drawn) < SIZE // 8
    assert SIZE * 7 // 8 < max(drawn) < SIZE


def test_what_is_no_status_list_is_refused() -> None:
    usual = {"sub": STATUS_URI, "iat": seconds(NOW), "exp": seconds(NOW + HOUR)}
    for token in ("", "a.b.c", tokens.sign(usual, typ="JWT", signer=HUB)):
        with pytest.raises(MalformedStatusList):
            StatusList.verify(token, HUB.public, NOW)


def test_clocks_may_differ_by_five_minutes() -> None:
    token = StatusList(STATUS_URI, 64).sign(HUB, NOW)
    assert StatusList.verify(token, HUB.public, NOW - timedelta(minutes=5)).issued_at == NOW
    with pytest.raises(NotYetValid):
        StatusList.verify(token, HUB.public, NOW - timedelta(minutes=5, seconds=1))
