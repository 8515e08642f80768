"""What ends while it waits in a mailbox: withdrawn, corrected, expired, or lent in vain; both sides are told the truth of it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import text

from certs.seal import open_trusted
from hub.domain.messages import State
from hub.errors import Conflict, NotFound
from hub.runtime import Hub
from hub.services import enrolment, mailboxes, notices, submitted, terms, trust
from hub.services.blinds import subject_of
from hub.services.routing import Envelope
from hub.storage import access, deliveries, members
from tests.documents import told
from tests.hubs import Clock, Enrolled, acts, enrol
from tests.messages import (
    CONTENT,
    REPORT,
    agree,
    allow,
    answered,
    lent,
    letter,
    post,
    posted,
    three_posted,
    withdraw,
)

ERROR = {"code": "unknown-person", "text": "No such person here.", "path": None}


@pytest.fixture
async def letters(hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock) -> list[Envelope]:
    """Three reports that wait for Huiji."""
    return await three_posted(hub, yongkang, huiji, clock)


async def _ended(hub: Hub) -> None:
    ((_, agreement, _, _),) = await terms.listed(hub)
    await terms.end(hub, agreement.id)


async def test_consent_withdrawn_while_it_waits_voids_it(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    await withdraw(hub, yongkang, 2)
    found = await told(hub, yongkang, letters[1].message_id)
    assert (found["state"], found["application_ack"]["errors"]) == (
        "VOIDED",
        [{"code": "consent-withdrawn", "text": "consent-withdrawn"}],
    )
    assert [some.item.message_id for some in await lent(hub, huiji)] == [
        letters[0].message_id,
        letters[2].message_id,
    ]
    # Nobody owes an answer to what was never handed over.
    clock.advance(days=90)
    async with hub.database.begin() as connection:
        late = await deliveries.overdue(connection, hub.now(), 10)
    assert len(late) == 2


async def _endpoint(hub: Hub, owner: Enrolled) -> None:
    async with hub.database.begin() as connection:
        await members.put_endpoint(connection, hub.vault, owner.member.id, "webhook", "https://b.example/", "secret")


async def _told_of_withdrawal(hub: Hub) -> list[dict[str, Any]]:
    async with hub.database.read() as connection:
        rows = await connection.execute(text("SELECT payload FROM delivery WHERE topic = 'withdrawn'"))
        return [orjson.loads(bytes(row.payload)) for row in rows]


@pytest.mark.parametrize("state", [State.RECEIVED, State.PROCESSED, State.BUSINESS_ERROR])
async def test_what_was_received_stays_so_when_the_consent_is_withdrawn_and_its_recipient_is_told(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock, state: State
) -> None:
    await _endpoint(hub, huiji)
    (handed,) = await lent(hub, huiji, most=1)
    errors = [ERROR] if state is State.BUSINESS_ERROR else []
    await answered(hub, huiji, handed, state, errors)
    await withdraw(hub, yongkang, 1)
    await withdraw(hub, yongkang, 1)  # her county says it once more
    assert await _told_of_withdrawal(hub) == [
        {
            "type": "lianqiao.withdrawn",
            "kind": REPORT,
            "mailbox_id": str(handed.item.id),
            "message_id": str(letters[0].message_id),
            "reason": "consent-withdrawn",
        }
    ]
    found = await told(hub, yongkang, letters[0].message_id)
    assert found["state"] == state
    assert [(step["state"], step["detail"]) for step in found["timeline"]][-1] == (state, "consent-withdrawn")
    assert len(await acts(hub, "recall")) == 1
    clock.advance(seconds=120)
    assert handed.item.id not in [some.item.id for some in await lent(hub, huiji)]
    with pytest.raises(NotFound):
        await mailboxes.read(hub, huiji.member, handed.item.id)
    if state is State.RECEIVED:
        assert (await answered(hub, huiji, handed))[1] is State.PROCESSED
        assert (await told(hub, yongkang, letters[0].message_id))["state"] == "PROCESSED"


async def test_what_was_received_is_not_handed_over_again_once_the_agreement_ended(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    (handed, *_) = await lent(hub, huiji)
    await answered(hub, huiji, handed, State.RECEIVED)
    await _ended(hub)
    for _ in range(3):
        clock.advance(seconds=120)
        assert await lent(hub, huiji) == []
    found = await told(hub, yongkang, letters[0].message_id)
    assert [(step["state"], step["detail"]) for step in found["timeline"]][-2:] == [
        ("RECEIVED", "by huiji"),
        ("RECEIVED", "no-agreement"),
    ]
    assert [act["reason"] for act in await acts(hub, "void")] == ["no-agreement"] * 2
    assert (await answered(hub, huiji, handed))[1] is State.PROCESSED


async def test_policy_is_asked_again_at_the_hand_over(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    await _ended(hub)
    clock.advance(seconds=1)
    assert await lent(hub, huiji) == []
    found = await told(hub, yongkang, letters[0].message_id)
    assert (found["state"], found["timeline"][-1]["detail"]) == ("VOIDED", "no-agreement")
    assert [act["reason"] for act in await acts(hub, "void")] == ["no-agreement"] * 3
    async with hub.database.read() as connection:
        looked = await access.about(connection, [], [subject_of(hub, "yongkang", "YK0000001")])
    assert [(event.act, event.outcome) for event in looked] == [("hand-over", "no-agreement"), ("send", "permit")]


async def test_consent_that_runs_out_while_it_waits_voids_it(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> None:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang, jzrq=f"{hub.now() + timedelta(days=5):%Y-%m-%d}")
    made = await posted(hub, yongkang, huiji)
    clock.advance(days=10)
    assert await lent(hub, huiji) == []
    assert (await told(hub, yongkang, made.message_id))["timeline"][-1]["detail"] == "consent-expired"


async def test_a_voided_message_cannot_be_read_or_acknowledged(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope]
) -> None:
    (handed, *_) = await lent(hub, huiji, most=1)
    await withdraw(hub, yongkang, 1)
    with pytest.raises(NotFound):
        await mailboxes.read(hub, huiji.member, handed.item.id)
    with pytest.raises(Conflict) as refused:
        await answered(hub, huiji, handed)
    assert refused.value.code == "state-conflict"


async def test_a_correction_takes_the_place_of_what_was_not_handed_over(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    corrected = letters[0].message_id
    made = await posted(hub, yongkang, huiji, supersedes=corrected)
    found = await told(hub, yongkang, corrected)
    assert (found["state"], found["timeline"][-1]["detail"]) == ("SUPERSEDED", f"by {made.message_id}")
    assert found["application_ack"] == {"state": "SUPERSEDED", "at": hub.now(), "errors": [], "warnings": []}
    assert [(act["message"], act["by"]) for act in await acts(hub, "supersede")] == [
        (str(corrected), str(made.message_id))
    ]
    assert [some.item.message_id for some in await lent(hub, huiji)] == [
        letters[1].message_id,
        letters[2].message_id,
        made.message_id,
    ]
    clock.advance(days=90)
    async with hub.database.begin() as connection:
        assert len(await deliveries.overdue(connection, hub.now(), 10)) == 3
    assert await notices.expire(hub) == {"expired": 3}


async def test_a_lent_message_that_was_corrected_is_not_received_any_more(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope]
) -> None:
    (handed,) = await lent(hub, huiji, most=1)
    await posted(hub, yongkang, huiji, supersedes=letters[0].message_id)
    with pytest.raises(Conflict, match="SUPERSEDED"):
        await answered(hub, huiji, handed, State.RECEIVED)


@pytest.mark.parametrize("state", [State.RECEIVED, State.PROCESSED])
async def test_a_correction_leaves_alone_what_was_received_what_is_unknown_and_what_is_anothers(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], state: State
) -> None:
    (handed,) = await lent(hub, huiji, most=1)
    await answered(hub, huiji, handed, state)
    third = await enrol(hub, "jinjiang", ["350582000000"])
    await agree(hub, third, huiji)
    await allow(hub, third)
    await posted(hub, third, huiji, supersedes=letters[1].message_id)
    for message_id in (letters[0].message_id, uuid4()):
        await posted(hub, yongkang, huiji, supersedes=message_id)
    assert (await told(hub, yongkang, letters[0].message_id))["state"] == state
    assert (await told(hub, yongkang, letters[1].message_id))["state"] == "AVAILABLE"
    assert await acts(hub, "supersede") == []


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_correction_that_overtakes_what_it_corrects_counts(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, at_once: bool
) -> None:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    original = letter(hub, yongkang, huiji)
    correction = letter(hub, yongkang, huiji, supersedes=original.message_id)
    if at_once:
        await asyncio.gather(post(hub, yongkang, correction), post(hub, yongkang, original))
    else:
        await post(hub, yongkang, correction)
        await post(hub, yongkang, original)
    assert (await told(hub, yongkang, original.message_id))["state"] == "SUPERSEDED"
    assert [some.item.message_id for some in await lent(hub, huiji)] == [correction.message_id]


async def test_what_was_received_and_not_decided_keeps_nothing_new_from_its_recipient(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    for handed in await lent(hub, huiji, most=2):
        await answered(hub, huiji, handed, State.RECEIVED)
    clock.advance(seconds=120)
    again = await lent(hub, huiji, most=2)
    assert letters[2].message_id in {some.item.message_id for some in again}
    assert len(again) == 2


async def test_a_correction_and_a_hand_over_at_once_do_not_wait_for_each_other(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    """Both lock what waits before its sender's changes; the other way round they would stand still for ever."""
    await _ended(hub)
    await agree(hub, yongkang, huiji, kinds=[REPORT])
    clock.advance(seconds=1)
    corrections = [letter(hub, yongkang, huiji, supersedes=some.message_id) for some in letters]
    await asyncio.gather(*(post(hub, yongkang, some) for some in corrections), *(lent(hub, huiji) for _ in range(3)))
    states = [(await told(hub, yongkang, some.message_id))["state"] for some in letters]
    assert set(states) <= {"SUPERSEDED", "AVAILABLE"}


async def test_messages_expire_and_their_sender_sees_it(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    handed = await lent(hub, huiji, most=1)
    clock.advance(days=30)
    assert await lent(hub, huiji) == []
    with pytest.raises(NotFound):
        await mailboxes.read(hub, huiji.member, handed[0].item.id)
    assert await notices.expire(hub) == {"expired": 3}
    assert await notices.expire(hub) == {"expired": 0}
    found = await told(hub, yongkang, letters[0].message_id)
    assert (found["state"], found["application_ack"]["state"]) == ("EXPIRED", "EXPIRED")
    assert len(await acts(hub, "expire")) == 3
    clock.advance(days=60)
    assert await notices.escalate(hub) == {"overdue": 0}


async def test_a_sender_is_warned_once_a_week_before_its_message_expires(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    await _endpoint(hub, yongkang)
    (handed, *_) = await lent(hub, huiji, most=1)
    await answered(hub, huiji, handed, State.RECEIVED)
    clock.advance(days=22, hours=23)
    await posted(hub, yongkang, huiji, exp=hub.now() + timedelta(days=5))  # what lives so short is no surprise
    assert await notices.warn(hub) == {"expiring": 0}
    clock.advance(hours=2)
    cursor = (await submitted.changed(hub, yongkang.member, 0, 100))[1]
    assert await notices.warn(hub) == {"expiring": 2}
    assert await notices.warn(hub) == {"expiring": 0}
    changed, _ = await submitted.changed(hub, yongkang.member, cursor, 100)
    assert {(some["message_id"], some["state"], some["application_ack"]) for some in changed} == {
        (str(some.message_id), "EXPIRING", None) for some in letters[1:]
    }
    async with hub.database.read() as connection:
        rows = await connection.execute(text("SELECT payload FROM delivery WHERE topic = 'expiring'"))
        notified = [orjson.loads(bytes(row.payload))["message_id"] for row in rows]
    assert sorted(notified) == sorted(str(some.message_id) for some in letters[1:])
    assert len(await acts(hub, "warn")) == 2


@pytest.mark.parametrize("end", ["PROCESSED", "BUSINESS_ERROR", "VOIDED", "SUPERSEDED", "EXPIRED", "DEAD"])
async def test_what_was_warned_of_ends_as_it_would_have(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock, end: str
) -> None:
    clock.advance(days=25)
    await notices.warn(hub)
    if end in ("PROCESSED", "BUSINESS_ERROR"):
        (handed,) = await lent(hub, huiji, most=1)
        await answered(hub, huiji, handed, State(end), [ERROR] if end == "BUSINESS_ERROR" else [])
    elif end == "VOIDED":
        await withdraw(hub, yongkang, 1)
    elif end == "SUPERSEDED":
        await posted(hub, yongkang, huiji, supersedes=letters[0].message_id)
    elif end == "EXPIRED":
        clock.advance(days=6)
        await notices.expire(hub)
    else:
        await _lent_in_vain(hub, huiji, clock, hub.settings.mailbox_lendings)
        await notices.give_up(hub)
    assert (await told(hub, yongkang, letters[0].message_id))["state"] == end


async def _lent_in_vain(hub: Hub, owner: Enrolled, clock: Clock, times: int) -> None:
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE mailbox_item SET attempt = :times - 1"), {"times": times})
    await lent(hub, owner, seconds=60)
    clock.advance(seconds=61)


async def test_what_is_never_receipted_is_given_up_and_its_sender_sees_an_error(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    (handed, *_) = await lent(hub, huiji)
    await answered(hub, huiji, handed, State.RECEIVED)
    clock.advance(seconds=61)
    await _lent_in_vain(hub, huiji, clock, hub.settings.mailbox_lendings)
    await posted(hub, yongkang, huiji)
    # What was received is asked for again however often, and what is new is not held up.
    assert len(await lent(hub, huiji)) == 2
    assert await notices.give_up(hub) == {"dead": 2}
    assert await notices.give_up(hub) == {"dead": 0}
    found = await told(hub, yongkang, letters[1].message_id)
    (error,) = found["application_ack"]["errors"]
    assert (found["state"], error["code"], error["retry"]) == ("DEAD", "no-receipt", "CONTACT")
    assert f"{hub.settings.mailbox_lendings} times" in error["text"]
    assert (await told(hub, yongkang, letters[0].message_id))["state"] == "RECEIVED"
    assert len(await acts(hub, "give-up")) == 2


async def test_a_message_is_not_given_up_while_its_last_lease_lasts(
    hub: Hub, huiji: Enrolled, letters: list[Envelope]
) -> None:
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE mailbox_item SET attempt = 999"))
    (handed, *_) = await lent(hub, huiji)
    assert await notices.give_up(hub) == {"dead": 0}
    assert (await answered(hub, huiji, handed))[1] is State.PROCESSED


async def test_a_message_never_outlives_its_own_time(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> None:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    await posted(hub, yongkang, huiji, exp=hub.now() + timedelta(hours=2))
    clock.advance(hours=2)
    assert await lent(hub, huiji) == []
    assert await notices.expire(hub) == {"expired": 1}


async def test_what_a_stolen_key_signed_is_not_handed_over_and_what_was_logged_before_is(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, letters: list[Envelope], clock: Clock
) -> None:
    theft = clock.advance(hours=1)
    await allow(hub, yongkang, 4)
    forged = await posted(hub, yongkang, huiji, 4)
    clock.advance(hours=1)
    await enrolment.report_stolen(hub, yongkang.sig.kid, theft)
    handed = await lent(hub, huiji)
    assert {some.item.message_id for some in handed} == {letter.message_id for letter in letters}
    found = await told(hub, yongkang, forged.message_id)
    assert (found["state"], found["timeline"][-1]["detail"]) == ("VOIDED", "key-compromised")
    believed = await trust.current(hub)
    for some in handed:
        keys = {huiji.enc.kid: huiji.enc}
        assert open_trusted(some.body, keys, believed, hub.now(), logged_at=some.item.queued_at).payload == CONTENT
