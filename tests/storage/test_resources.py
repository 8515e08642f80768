"""Resources: versions are immutable and in order of what was received, equal content is no version, members are apart."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from hub.domain.messages import State
from hub.runtime import Hub
from hub.storage import resources, submissions
from hub.storage.database import driver
from hub.storage.resources import Incoming, Stored
from hub.storage.submissions import NewSubmission
from tests.documents import number_of
from tests.hubs import Clock, Enrolled

KEY = b"k" * 16


def _incoming(body: str, key: bytes = KEY, *identifiers: bytes) -> Incoming:
    raw = body.encode()
    return Incoming("Patient", key, raw, hashlib.sha256(raw).digest(), identifiers or (b"i" * 16,), 1)


async def _document(hub: Hub, owner: Enrolled) -> UUID:
    new = NewSubmission(
        uuid4(), owner.member.id, uuid4(), "person", "huiji/person.v1", "text/csv", "", bytes(32), 1, State.ACCEPTED,
        b"{}", bytes(32), None, None, hub.now(),
    )  # fmt: skip
    async with hub.database.begin() as connection:
        await submissions.add(connection, hub.vault, new, [])
    return new.id


async def _put(hub: Hub, owner: Enrolled, *items: Incoming, document: UUID | None = None) -> list[Stored]:
    async with hub.database.begin() as connection:
        received_at = None
        if document is not None:
            found = await submissions.by_id(connection, hub.vault, document)
            assert found is not None
            received_at = found.received_at
        return await resources.upsert(
            connection, hub.vault, owner.member.id, document, items, hub.now(), received_at=received_at
        )


async def _newest(hub: Hub, id_: UUID) -> tuple[int, bytes]:
    async with hub.database.read() as connection:
        found = (await resources.newest(connection, hub.vault, [id_]))[id_]
    return found.version, found.body


async def test_new_changed_and_the_same(hub: Hub, huiji: Enrolled) -> None:
    (first,) = await _put(hub, huiji, _incoming("a"))
    (same,) = await _put(hub, huiji, _incoming("a"))
    (changed,) = await _put(hub, huiji, _incoming("b"))
    assert (first.change, same, changed.change) == ("new", Stored(first.id, 1, "same"), "changed")
    assert await _newest(hub, first.id) == (2, b"b")
    assert await number_of(hub, "resource_version") == 2


async def test_a_key_twice_in_one_batch_is_two_versions_in_order(hub: Hub, huiji: Enrolled) -> None:
    stored = await _put(hub, huiji, _incoming("a"), _incoming("b"), _incoming("b"), _incoming("c", b"o" * 16))
    assert [(one.version, one.change) for one in stored] == [(1, "new"), (2, "changed"), (2, "same"), (1, "new")]
    assert await _newest(hub, stored[0].id) == (2, b"b")


async def test_what_was_received_later_stays(hub: Hub, huiji: Enrolled, clock: Clock) -> None:
    old = await _document(hub, huiji)
    clock.advance(seconds=1)
    new = await _document(hub, huiji)
    (first,) = await _put(hub, huiji, _incoming("new"), document=new)
    (late,) = await _put(hub, huiji, _incoming("old"), document=old)
    assert late == Stored(first.id, 1, "older")
    assert not late.counts
    assert await _newest(hub, first.id) == (1, b"new")
    (known,) = await _put(hub, huiji, _incoming("new"), document=old)
    assert known.change == "same"
    (again,) = await _put(hub, huiji, _incoming("newer"), document=new)
    assert (again.version, again.change) == (2, "changed")


async def test_what_was_said_again_later_stays_too(hub: Hub, huiji: Enrolled, clock: Clock) -> None:
    documents = []
    for _ in range(3):
        documents.append(await _document(hub, huiji))
        clock.advance(seconds=1)
    first, between, last = documents
    (one,) = await _put(hub, huiji, _incoming("a"), document=first)
    (again,) = await _put(hub, huiji, _incoming("a"), document=last)
    assert again.change == "same"
    (late,) = await _put(hub, huiji, _incoming("b"), document=between)
    assert late == Stored(one.id, 1, "older")
    assert await _newest(hub, one.id) == (1, b"a")


async def test_identifiers_are_those_of_the_newest_version(hub: Hub, huiji: Enrolled) -> None:
    before, after = b"1" * 16, b"2" * 16
    await _put(hub, huiji, _incoming("a", KEY, before, before))
    await _put(hub, huiji, _incoming("b", KEY, after))
    async with hub.database.read() as connection:
        assert await resources.by_identifier(connection, hub.vault, "Patient", before) == []
        (found,) = await resources.by_identifier(connection, hub.vault, "Patient", after)
        assert await resources.by_identifier(connection, hub.vault, "Consent", after) == []
    assert found.body == b"b"


async def test_members_keys_do_not_meet(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    (one,), (other,) = await _put(hub, huiji, _incoming("a")), await _put(hub, yongkang, _incoming("b"))
    assert one.id != other.id
    assert (await _newest(hub, one.id), await _newest(hub, other.id)) == ((1, b"a"), (1, b"b"))


async def test_bodies_are_sealed(hub: Hub, huiji: Enrolled) -> None:
    await _put(hub, huiji, _incoming("王小明的住址"))
    async with hub.database.read() as connection:
        raw = (await connection.execute(text("SELECT body FROM resource_version"))).scalar_one()
    assert "王小明".encode() not in raw
    assert hub.vault.open(raw).decode() == "王小明的住址"


async def test_nothing_is_stored_of_an_act_that_fails(hub: Hub, huiji: Enrolled) -> None:
    async def act() -> None:
        async with hub.database.begin() as connection:
            await resources.upsert(connection, hub.vault, huiji.member.id, None, [_incoming("a")], hub.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await act()
    assert await number_of(hub, "resource") == await number_of(hub, "resource_version") == 0


async def test_many_at_once_are_each_stored_once(hub: Hub, huiji: Enrolled, clock: Clock) -> None:
    batch = [_incoming(f"{number}", f"{number:016}".encode(), f"{number:016}".encode()) for number in range(500)]
    assert {one.change for one in await _put(hub, huiji, *batch)} == {"new"}
    clock.advance(seconds=int(timedelta(hours=1).total_seconds()))
    assert {one.change for one in await _put(hub, huiji, *batch)} == {"same"}
    assert await number_of(hub, "resource_identifier") == 500


async def test_resources_of_several_types_are_stored_at_once(hub: Hub, huiji: Enrolled) -> None:
    one, other = _incoming("a"), replace(_incoming("b", b"o" * 16), type="Observation")
    first = await _put(hub, huiji, one, other)
    again = await _put(hub, huiji, replace(other, body=b"c", digest=bytes(32)), one)
    assert [stored.change for stored in (*first, *again)] == ["new", "new", "changed", "same"]
    assert [stored.id for stored in again] == [first[1].id, first[0].id]
    async with hub.database.read() as connection:
        rows = await driver(connection).fetch(
            "SELECT resource_id, type, version FROM resource_version ORDER BY type, version"
        )
        found = await resources.newest(connection, hub.vault, [stored.id for stored in first])
    assert [tuple(row) for row in rows] == [
        (first[1].id, "Observation", 1),
        (first[1].id, "Observation", 2),
        (first[0].id, "Patient", 1),
    ]
    assert {one.type: one.body for one in found.values()} == {"Patient": b"a", "Observation": b"c"}
