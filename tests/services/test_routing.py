"""Sealed messages on their way in: nothing moves without agreement and consent, every refusal leaves its traces."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import text

from certs.errors import MalformedEnvelope
from hub.errors import Conflict, Invalid, NotAllowed, TooLarge
from hub.runtime import Hub
from hub.services import terms
from hub.services.blinds import subject_of
from hub.services.routing import Envelope
from hub.storage import access, members
from hub.storage.access import Access
from mappings import vocabulary
from tests.documents import PERSON_PAGE, Beside, number_of, page, record, taken_in, told
from tests.hubs import Clock, Enrolled, acts, enrol
from tests.messages import CARE, REPORT, agree, allow, letter, post, posted, withdraw

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
Prepare = Callable[[Hub, Enrolled, Enrolled, Clock], Any]


async def _ledger(hub: Hub, record_id: str = "YK0000001", member: str = "yongkang") -> list[Access]:
    async with hub.database.read() as connection:
        return await access.about(connection, [], [subject_of(hub, member, record_id)])


async def _nothing_moved(hub: Hub) -> bool:
    async with hub.database.read() as connection:
        sealed = await connection.execute(text("SELECT count(*) FROM submission WHERE mapping IS NULL"))
        return [sealed.scalar_one(), await number_of(hub, "mailbox_item"), await number_of(hub, "notice")] == [0, 0, 0]


async def test_with_consent_and_agreement_a_report_waits_for_its_recipient(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    agreement = await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    made = letter(hub, yongkang, huiji)
    answer = await post(hub, yongkang, made)
    found = await told(hub, yongkang, made.message_id)
    assert orjson.loads(answer.body)["state"] == "ACCEPTED"
    assert (found["state"], found["kind"], found["mapping"]) == ("AVAILABLE", REPORT, None)
    assert [step["state"] for step in found["timeline"]] == ["ACCEPTED", "VALIDATED", "QUEUED", "AVAILABLE"]
    assert found["application_ack"] is None
    (routed,) = await acts(hub, "route")
    assert (routed["to"], routed["agreement"]) == ("huiji", str(agreement))
    assert routed["consent"]
    (looked,) = await _ledger(hub)
    assert (looked.actor, looked.region, looked.act, looked.purpose) == ("yongkang", "huiji", "send", CARE)
    assert (looked.fields, looked.outcome) == ((REPORT,), "permit")


async def test_certificates_need_an_agreement_but_no_consent(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    await agree(hub, yongkang, huiji, kinds=[vocabulary.MARRIAGE_CERTIFICATE], purposes=["certificate-service"])
    typ, purpose = vocabulary.MARRIAGE_CERTIFICATE, "certificate-service"
    made = await posted(hub, yongkang, huiji, typ=typ, purpose=purpose, consent_ref=None)
    assert (await told(hub, yongkang, made.message_id))["state"] == "AVAILABLE"


async def _no_agreement(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await allow(hub, yongkang)
    return {}


async def _other_direction(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, huiji, yongkang)
    await allow(hub, yongkang)
    return {}


async def _agreement_ended(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await allow(hub, yongkang)
    await terms.end(hub, await agree(hub, yongkang, huiji))
    return {}


async def _agreement_over(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await allow(hub, yongkang)
    await agree(hub, yongkang, huiji, days=1)
    clock.advance(days=1)
    return {}


async def _agreement_of_another_kind(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await allow(hub, yongkang)
    await agree(hub, yongkang, huiji, kinds=[vocabulary.MARRIAGE_CERTIFICATE])
    return {}


async def _agreement_of_another_purpose(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await allow(hub, yongkang)
    await agree(hub, yongkang, huiji, purposes=["entitlement"])
    return {}


async def _no_consent(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji)
    return {}


async def _consent_not_named(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    return {"consent_ref": None}


async def _consent_of_another_person(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang, 2)
    return {"consent_ref": "C0000002"}


async def _consent_given_to_another_county(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> dict[str, Any]:
    """Its number and person exist, at another member."""
    await agree(hub, yongkang, huiji)
    await allow(hub, huiji)
    return {}


async def _consent_withdrawn(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    await withdraw(hub, yongkang)
    return {}


async def _consent_expired(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang, jzrq=f"{hub.now() - timedelta(days=2):%Y-%m-%d}")
    return {}


async def _consent_to_come(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang, sxrq=f"{hub.now() + timedelta(days=3):%Y-%m-%d}")
    return {}


async def _consent_for_another_region(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang, jsdq="350582")
    return {}


async def _consent_for_another_purpose(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang, sqmd="entitlement")
    return {}


async def _consent_to_another_kind(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang, sjlx="birth-certificate")
    return {}


async def _unknown_recipient(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await allow(hub, yongkang)
    return {"to": "nobody"}


async def _purpose_of_no_agreement(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    return {"purpose": "王小明的私事"}


async def _to_itself(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await allow(hub, yongkang)
    return {"to": "yongkang"}


async def _case_required(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> dict[str, Any]:
    await agree(hub, yongkang, huiji, case_required=True)
    await allow(hub, yongkang)
    return {}


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (_no_agreement, "no-agreement"),
        (_other_direction, "no-agreement"),
        (_agreement_ended, "no-agreement"),
        (_agreement_over, "no-agreement"),
        (_agreement_of_another_kind, "no-agreement"),
        (_agreement_of_another_purpose, "no-agreement"),
        (_no_consent, "no-consent"),
        (_consent_not_named, "no-consent"),
        (_consent_of_another_person, "no-consent"),
        (_consent_given_to_another_county, "no-consent"),
        (_consent_withdrawn, "consent-withdrawn"),
        (_consent_expired, "consent-expired"),
        (_consent_to_come, "no-consent"),
        (_consent_for_another_region, "no-consent"),
        (_consent_for_another_purpose, "no-consent"),
        (_consent_to_another_kind, "no-consent"),
        (_unknown_recipient, "unknown-recipient"),
        (_purpose_of_no_agreement, "not-allowed"),
        (_to_itself, "not-allowed"),
        (_case_required, "no-case"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else value,
)
async def test_refused_with_its_reason_a_leaf_and_an_entry_for_the_person(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock, prepare: Prepare, reason: str
) -> None:
    changed = await prepare(hub, yongkang, huiji, clock)
    made = letter(hub, yongkang, huiji, **changed)
    with pytest.raises(NotAllowed) as refused:
        await post(hub, yongkang, made)
    assert refused.value.code == reason
    assert await _nothing_moved(hub)
    (leaf,) = await acts(hub, "refuse")
    assert (leaf["actor"], leaf["message"], leaf["reason"]) == ("yongkang", str(made.message_id), reason)
    (looked,) = await _ledger(hub)
    assert (looked.act, looked.outcome) == ("send", reason)
    assert "王小明" not in looked.purpose


async def test_what_is_no_envelope_is_refused(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    for body in (b"", b"{}", b"\x00" * 100, b'{"header":"e30","ciphertext":""}', b"[" * 5000):
        with pytest.raises(MalformedEnvelope):
            await post(hub, yongkang, Envelope(uuid4(), hashlib.sha256(body).digest(), body))
    assert await _nothing_moved(hub)
    assert [act["reason"] for act in await acts(hub, "refuse")] == 5 * [MalformedEnvelope.code]


async def test_an_envelope_has_its_size_and_its_digest(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    made = letter(hub, yongkang, huiji)
    with pytest.raises(TooLarge):
        await post(hub, yongkang, Envelope(made.message_id, made.digest, bytes(7 << 20)))
    with pytest.raises(Invalid) as refused:
        await post(hub, yongkang, Envelope(made.message_id, made.digest, made.body + b" "))
    assert (refused.value.code, refused.value.retry) == ("digest-mismatch", "NORMAL")
    assert await _nothing_moved(hub)
    assert [act["reason"] for act in await acts(hub, "refuse")] == ["too-large", "digest-mismatch"]


async def test_sent_ten_times_at_once_it_waits_once(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    made = letter(hub, yongkang, huiji)
    answers = await asyncio.gather(*(post(hub, yongkang, made) for _ in range(10)))
    assert len({answer.body for answer in answers}) == 1
    assert (await number_of(hub, "mailbox_item"), await number_of(hub, "notice")) == (1, 1)
    assert len(await acts(hub, "route")) == 1
    assert [looked.outcome for looked in await _ledger(hub)] == ["permit"]


async def test_a_repeat_is_answered_even_when_its_time_is_over(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> None:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    made = letter(hub, yongkang, huiji)
    first = await post(hub, yongkang, made)
    clock.advance(days=61)
    second = await post(hub, yongkang, made)
    assert (second.repeated, second.body) == (True, first.body)
    other = letter(hub, yongkang, huiji, id=str(made.message_id), content=b"{}")
    with pytest.raises(Conflict):
        await post(hub, yongkang, other)
    assert [act["reason"] for act in await acts(hub, "refuse")] == ["digest-conflict"]


async def test_the_hub_keeps_nothing_readable_of_the_person(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    await posted(hub, yongkang, huiji)
    async with hub.database.read() as connection:
        tables = await connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        )
        for name in [row.table_name for row in tables]:
            for (line,) in await connection.execute(text(f'SELECT t::text FROM "{name}" t')):  # noqa: S608
                for secret in ("YK0000001", "C0000001", "金丝雀"):
                    assert secret not in line, name
                    assert secret.encode().hex() not in line, name


async def test_a_recipient_with_a_webhook_is_told_once_and_without_content(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    async with hub.database.begin() as connection:
        await members.put_endpoint(
            connection, hub.vault, huiji.member.id, "webhook", "https://huiji.example/told", SECRET
        )
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    made = await posted(hub, yongkang, huiji)
    await post(hub, yongkang, made)
    async with hub.database.read() as connection:
        (row,) = await connection.execute(text("SELECT d.*, m.id AS item FROM delivery d, mailbox_item m"))
    assert (row.topic, row.state) == ("mailbox", "QUEUED")
    assert orjson.loads(row.payload) == {
        "type": "lianqiao.mailbox",
        "kind": REPORT,
        "mailbox_id": str(row.item),
        "message_id": str(made.message_id),
    }


async def test_the_ledger_knows_the_person_where_the_hub_does(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    await taken_in(hub, yongkang, Beside(), page([record(1)]), PERSON_PAGE)
    with pytest.raises(NotAllowed):
        await posted(hub, yongkang, huiji)
    (looked,) = await _ledger(hub)
    assert isinstance(looked.person_id, UUID)


async def test_what_one_member_says_says_nothing_about_anothers_people(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    """A consent under the same numbers at a third member permits nothing."""
    third = await enrol(hub, "jinjiang", ["350582000000"])
    await agree(hub, yongkang, huiji)
    await agree(hub, third, huiji)
    await allow(hub, third)
    with pytest.raises(NotAllowed) as refused:
        await posted(hub, yongkang, huiji)
    assert refused.value.code == "no-consent"
