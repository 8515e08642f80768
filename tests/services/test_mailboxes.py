"""Handing over: nobody reads what another reads, nothing is lost, and what may not be handed over any more is not."""

import asyncio
import base64
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from adapters.client.answers import MAX_ANSWER
from certs import tokens
from certs.seal import MAX_ENVELOPE, open_sealed
from hub.domain.messages import State
from hub.errors import Conflict, Invalid, NotFound
from hub.runtime import HUB_NAME, Hub
from hub.services import mailboxes, notices, receipts, trust
from hub.services.blinds import subject_of
from hub.services.mailboxes import Handed
from hub.services.routing import Envelope
from hub.services.voiding import void
from hub.storage import access
from tests.documents import PERSON_PAGE, Beside, page, record, row, sheet, taken_in, told
from tests.hubs import Clock, Enrolled, acts, enrol
from tests.messages import CONTENT, REPORT, agree, allow, answered, lent, posted, three_posted

ERROR = {"code": "unknown-person", "text": "No such person here.", "path": None}


@pytest.fixture
async def letters(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> list[Envelope]:
    """Three reports that wait for Huiji."""
    return await three_posted(hub, yongkang, huiji, clock)


async def test_what_was_sealed_is_handed_over_byte_for_byte(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope]
) -> None:
    handed = await lent(hub, huiji)
    assert [some.body for some in handed] == [letter.body for letter in letters]
    first = handed[0]
    opened = open_sealed(first.body, huiji.enc, yongkang.sig.public, hub.now())
    assert opened.payload == CONTENT
    assert (first.sender, first.item.kind, first.item.attempt) == ("yongkang", REPORT, 1)
    assert first.media_type == "application/vnd.lianqiao.sealed+json"
    assert first.item.expires_at == first.item.queued_at + timedelta(days=30)


async def test_a_large_message_is_handed_over_whole(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    made = await posted(hub, yongkang, huiji, content=bytes(range(256)) * 12_000)  # more than three parts
    (handed,) = await lent(hub, huiji)
    assert handed.body == made.body


async def test_large_messages_are_lent_a_few_at_a_time_and_none_is_too_large(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [len(letter.body) for letter in letters]
    as_sent = [len(base64.b64encode(letter.body)) for letter in letters]
    monkeypatch.setattr(mailboxes, "ANSWER_BYTES", sum(as_sent[:2]) + 2 * 1024)
    assert [len(some.body) for some in await lent(hub, huiji)] == sizes[:2]
    await posted(hub, yongkang, huiji, 1, content=bytes(200_000))
    assert [len(some.body) for some in await lent(hub, huiji)] == sizes[2:]
    (large,) = await lent(hub, huiji)
    assert len(large.body) > 200_000
    assert large.item.attempt == 1


def test_a_full_lease_of_the_largest_messages_fits_into_what_the_gateway_reads() -> None:
    longest = -(-MAX_ENVELOPE // 3) * 4
    assert mailboxes.ANSWER_BYTES + longest < MAX_ANSWER


async def test_a_lease_passes_and_the_message_is_lent_again(
    hub: Hub, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    first = await lent(hub, huiji, most=2, seconds=60)
    assert len(first) == 2
    assert [some.item.message_id for some in await lent(hub, huiji)] == [letters[2].message_id]
    clock.advance(seconds=60)
    assert await lent(hub, huiji) == []
    clock.advance(seconds=1)
    again = await lent(hub, huiji)
    assert [some.item.message_id for some in again] == [letter.message_id for letter in letters]
    assert [some.item.attempt for some in again] == [2, 2, 2]


async def test_readers_at_once_never_hold_the_same_message(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope]
) -> None:
    for number in range(4, 13):
        await allow(hub, yongkang, number)
        await posted(hub, yongkang, huiji, number)
    found = await asyncio.gather(*(lent(hub, huiji, most=3) for _ in range(6)))
    ids = [some.item.id for part in found for some in part]
    assert len(ids) == len(set(ids)) == 12


async def test_a_reader_that_dies_in_the_middle_costs_nothing(
    hub: Hub, huiji: Enrolled, letters: list[Envelope], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: Any) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(mailboxes, "_hand", dies)
        with pytest.raises(Exception, match="unavailable"):
            await lent(hub, huiji)
    assert [some.item.attempt for some in await lent(hub, huiji)] == [1, 1, 1]


async def test_received_then_processed(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    (handed, *_) = await lent(hub, huiji)
    receipt, state = await answered(hub, huiji, handed, State.RECEIVED)
    assert state is State.RECEIVED
    found = await told(hub, yongkang, handed.item.message_id)
    assert (found["state"], found["application_ack"]) == ("RECEIVED", None)
    clock.advance(seconds=5)
    final, state = await answered(hub, huiji, handed)
    assert state is State.PROCESSED
    assert final != receipt
    found = await told(hub, yongkang, handed.item.message_id)
    assert found["application_ack"] == {"state": "PROCESSED", "at": hub.now(), "errors": [], "warnings": []}
    assert [step["state"] for step in found["timeline"]][-2:] == ["RECEIVED", "PROCESSED"]
    clock.advance(hours=1)
    assert handed.item.id not in [some.item.id for some in await lent(hub, huiji)]
    assert len(await acts(hub, "acknowledge")) == 2


async def test_the_receipt_is_the_hubs_and_names_the_bytes(hub: Hub, huiji: Enrolled, letters: list[Envelope]) -> None:
    (handed, *_) = await lent(hub, huiji)
    receipt, _ = await answered(hub, huiji, handed)
    key = (await trust.current(hub)).verify_key(
        hub.signer.public.kid, member=HUB_NAME, typ="receipt", signed_at=hub.now()
    )
    claims = tokens.verify(receipt, key, typ=receipts.TYPE)
    assert (claims["what"], claims["sub"], claims["id"]) == ("mailbox", "huiji", str(handed.item.id))
    assert claims["digest"] == f"sha-256:{letters[0].digest.hex()}"


async def test_the_same_answer_again_gets_the_same_receipt(
    hub: Hub, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    (handed, *_) = await lent(hub, huiji)
    first = await answered(hub, huiji, handed)
    clock.advance(hours=5)
    assert await answered(hub, huiji, handed) == first
    assert await answered(hub, huiji, handed, State.RECEIVED) == first  # a late copy of the earlier answer
    at_once = await asyncio.gather(*(answered(hub, huiji, handed) for _ in range(5)))
    assert set(at_once) == {first}
    assert len(await acts(hub, "acknowledge")) == 1


async def test_a_receipt_for_other_bytes_is_refused(hub: Hub, huiji: Enrolled, letters: list[Envelope]) -> None:
    (handed, *_) = await lent(hub, huiji)
    with pytest.raises(Conflict) as refused:
        await answered(hub, huiji, handed, digest=bytes(32))
    assert refused.value.code == "digest-conflict"
    assert (await told_state(hub, handed)) == "AVAILABLE"


async def told_state(hub: Hub, handed: Handed) -> str:
    async with hub.database.read() as connection:
        state: str = (
            await connection.execute(text("SELECT state FROM mailbox_item WHERE id = :id"), {"id": handed.item.id})
        ).scalar_one()
    return state


async def test_a_business_error_reaches_the_sender(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope]
) -> None:
    (handed, *_) = await lent(hub, huiji)
    await answered(hub, huiji, handed, State.BUSINESS_ERROR, [ERROR])
    found = await told(hub, yongkang, handed.item.message_id)
    assert found["state"] == "BUSINESS_ERROR"
    assert found["application_ack"]["errors"] == [ERROR]
    assert found["application_ack"]["warnings"] == []
    async with hub.database.read() as connection:
        sealed = (await connection.execute(text("SELECT errors FROM mailbox_item WHERE errors IS NOT NULL"))).scalar()
    assert sealed is not None
    assert b"unknown-person" not in sealed


@pytest.mark.parametrize(
    ("state", "errors"),
    [(State.BUSINESS_ERROR, []), (State.PROCESSED, [ERROR]), (State.RECEIVED, [ERROR]), (State.VOIDED, [])],
)
async def test_acknowledgement_and_error_exclude_each_other(
    hub: Hub, huiji: Enrolled, letters: list[Envelope], state: State, errors: list[dict[str, Any]]
) -> None:
    (handed, *_) = await lent(hub, huiji)
    with pytest.raises(Invalid):
        await answered(hub, huiji, handed, state, errors)
    assert await told_state(hub, handed) == "AVAILABLE"


async def test_what_is_processed_cannot_become_an_error(hub: Hub, huiji: Enrolled, letters: list[Envelope]) -> None:
    (handed, *_) = await lent(hub, huiji)
    await answered(hub, huiji, handed)
    with pytest.raises(Conflict) as refused:
        await answered(hub, huiji, handed, State.BUSINESS_ERROR, [ERROR])
    assert refused.value.code == "state-conflict"


async def test_what_is_an_error_cannot_become_processed(hub: Hub, huiji: Enrolled, letters: list[Envelope]) -> None:
    (handed, *_) = await lent(hub, huiji)
    await answered(hub, huiji, handed, State.BUSINESS_ERROR, [ERROR])
    with pytest.raises(Conflict) as refused:
        await answered(hub, huiji, handed)
    assert refused.value.code == "state-conflict"


async def test_two_answers_at_once_are_one(hub: Hub, huiji: Enrolled, letters: list[Envelope]) -> None:
    (handed, *_) = await lent(hub, huiji)
    results = await asyncio.gather(
        answered(hub, huiji, handed),
        answered(hub, huiji, handed, State.BUSINESS_ERROR, [ERROR]),
        return_exceptions=True,
    )
    states = [result[1] for result in results if isinstance(result, tuple)]
    # A business error may still turn out well (its recipient tried again); what is processed stays so.
    assert states in ([State.PROCESSED], [State.PROCESSED, State.BUSINESS_ERROR])
    assert await told_state(hub, handed) == "PROCESSED"


async def test_the_recipient_is_given_its_own_record_ids_of_the_person_and_no_others(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    third = await enrol(hub, "jinjiang", ["350582000000"])
    await taken_in(hub, huiji, Beside(), sheet([row(1), row(2), {**row(1), "登记编号": "HJ-TWICE"}]))
    await taken_in(hub, third, Beside(), sheet([{**row(1), "登记编号": "JJ-1"}]))
    await taken_in(hub, yongkang, Beside(), page([record(1)]), PERSON_PAGE)
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    await posted(hub, yongkang, huiji)
    (handed,) = await lent(hub, huiji)
    assert handed.subjects == ["HJ0000001", "HJ-TWICE"]


async def test_a_person_the_recipient_does_not_know_has_no_record_ids(
    hub: Hub, huiji: Enrolled, letters: list[Envelope]
) -> None:
    assert [some.subjects for some in await lent(hub, huiji)] == [[], [], []]


async def test_what_is_anothers_is_as_missing_as_what_is_not(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope]
) -> None:
    (handed, *_) = await lent(hub, huiji)
    answers = []
    for caller in (yongkang, await enrol(hub, "jinjiang", ["350582000000"])):
        assert await lent(hub, caller) == []
        for item_id in (handed.item.id, uuid4()):
            for act in (_read_as, _answer_as):
                with pytest.raises(NotFound) as refused:
                    await act(hub, caller, item_id)
                answers.append((refused.value.code, refused.value.detail, refused.value.retry))
    assert len(set(answers)) == 1
    assert await told_state(hub, handed) == "AVAILABLE"


async def _read_as(hub: Hub, caller: Enrolled, item_id: UUID) -> None:
    await mailboxes.read(hub, caller.member, item_id)


async def _answer_as(hub: Hub, caller: Enrolled, item_id: UUID) -> None:
    await mailboxes.acknowledge(hub, caller.member, item_id, State.PROCESSED, bytes(32), [])


async def test_reading_again_is_noted_each_time(hub: Hub, huiji: Enrolled, letters: list[Envelope]) -> None:
    (handed, *_) = await lent(hub, huiji, most=1)
    again = await mailboxes.read(hub, huiji.member, handed.item.id)
    assert again.body == handed.body
    async with hub.database.read() as connection:
        looked = await access.about(connection, [], [subject_of(hub, "yongkang", "YK0000001")])
    assert [event.act for event in looked] == ["hand-over", "hand-over", "send"]
    assert len(await acts(hub, "hand-over")) == 2


async def test_an_answer_settles_the_notice_in_time_or_late(
    hub: Hub, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    first, second, _ = await lent(hub, huiji)
    await answered(hub, huiji, first)
    clock.advance(days=29)
    assert await notices.escalate(hub) == {"overdue": 2}
    await answered(hub, huiji, second)
    async with hub.database.read() as connection:
        rows = await connection.execute(text("SELECT state, count(*) FROM notice GROUP BY state ORDER BY state"))
        assert [tuple(found) for found in rows] == [("ANSWERED", 2), ("OVERDUE", 1)]


async def test_a_notice_whose_message_is_void_is_not_said_to_be_answered(
    hub: Hub, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    first, *_ = await lent(hub, huiji)
    async with hub.database.begin() as connection:
        await void(hub, connection, first.item, "no-consent", "huiji", hub.now())
        rows = await connection.execute(text("SELECT state, count(*) FROM notice GROUP BY state ORDER BY state"))
        assert [tuple(found) for found in rows] == [("OPEN", 2), ("VOIDED", 1)]
    with pytest.raises(Conflict, match="cannot become"):
        async with hub.database.begin() as connection:
            await void(hub, connection, first.item, "no-consent", "huiji", hub.now())
