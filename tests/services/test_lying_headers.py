"""Sealed messages whose header says what their sender may not say: refused, and noted where it concerns."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from certs.keys import SigningKey
from hub.errors import Refused
from hub.runtime import Hub
from hub.services import enrolment
from hub.services.blinds import subject_of
from hub.services.routing import Envelope
from hub.storage import access
from hub.storage.access import Access
from mappings import vocabulary
from tests.documents import number_of
from tests.hubs import Clock, Enrolled, acts
from tests.messages import agree, allow, letter, post

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
Prepare = Callable[[Hub, Enrolled, Enrolled, Clock], Any]


async def _ledger(hub: Hub, record_id: str = "YK0000001", member: str = "yongkang") -> list[Access]:
    async with hub.database.read() as connection:
        return await access.about(connection, [], [subject_of(hub, member, record_id)])


async def _nothing_moved(hub: Hub) -> bool:
    async with hub.database.read() as connection:
        sealed = await connection.execute(text("SELECT count(*) FROM submission WHERE mapping IS NULL"))
        return [sealed.scalar_one(), await number_of(hub, "mailbox_item"), await number_of(hub, "notice")] == [0, 0, 0]


async def _key_of_another_member(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    return letter(hub, yongkang, huiji, signer=huiji.sig, sig_kid=huiji.sig.kid)


async def _key_of_nobody(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    own = SigningKey.generate()
    return letter(hub, yongkang, huiji, signer=own, sig_kid=own.kid)


async def _key_for_signing_in(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    return letter(hub, yongkang, huiji, signer=yongkang.auth, sig_kid=yongkang.auth.kid)


async def _stolen_key(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    await enrolment.report_stolen(hub, yongkang.sig.kid, hub.now())
    return letter(hub, yongkang, huiji)


async def _key_that_is_over(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    clock.advance(days=366)
    return letter(hub, yongkang, huiji)


async def _key_for_other_kinds(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    own = SigningKey.generate()
    keys = {"keys": [{**own.public.to_jwk(), "purpose": "sig"}]}
    await enrolment.add_keys(hub, "yongkang", keys, types=[vocabulary.MARRIAGE_CERTIFICATE])
    return letter(hub, yongkang, huiji, signer=own, sig_kid=own.kid)


async def _another_sender(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    return letter(hub, yongkang, huiji, from_="jinjiang")


async def _another_id(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    made = letter(hub, yongkang, huiji)
    return Envelope(uuid4(), made.digest, made.body)


async def _expired(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    made = letter(hub, yongkang, huiji, exp=hub.now() + timedelta(hours=1))
    clock.advance(hours=1)
    return made


async def _from_the_future(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    return letter(hub, yongkang, huiji, iat=hub.now() + timedelta(minutes=6))


async def _not_a_sealed_kind(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> Envelope:
    return letter(hub, yongkang, huiji, typ="person")


@pytest.mark.parametrize(
    ("lie", "code", "subject_of_"),
    [
        (_key_of_another_member, "invalid-signature", "yongkang"),
        (_key_of_nobody, "invalid-signature", "yongkang"),
        (_key_for_signing_in, "invalid-signature", "yongkang"),
        (_stolen_key, "invalid-signature", "yongkang"),
        (_key_that_is_over, "invalid-signature", "yongkang"),
        (_key_for_other_kinds, "invalid-signature", "yongkang"),
        (_another_sender, "not-allowed", "jinjiang"),
        (_another_id, "bad-request", "yongkang"),
        (_expired, "expired", "yongkang"),
        (_from_the_future, "bad-request", "yongkang"),
        (_not_a_sealed_kind, "bad-request", "yongkang"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else value,
)
async def test_a_header_that_lies_is_refused_and_noted(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock, lie: Prepare, code: str, subject_of_: str
) -> None:
    await agree(hub, yongkang, huiji, days=1000)
    await allow(hub, yongkang)
    made = await lie(hub, yongkang, huiji, clock)
    with pytest.raises(Refused) as refused:
        await post(hub, yongkang, made)
    assert refused.value.code == code
    assert await _nothing_moved(hub)
    assert [leaf["reason"] for leaf in await acts(hub, "refuse")] == [code]
    looked = [(some.actor, some.outcome) for some in await _ledger(hub, member=subject_of_)]
    # Whoever speaks for another leaves no trace in the ledger of that other's person.
    assert looked == ([("yongkang", code)] if subject_of_ == "yongkang" else [])
