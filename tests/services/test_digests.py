"""The daily digest: one for each slot however many clocks tick, in the partner's mailbox and on its way to webhooks."""

import asyncio
from datetime import UTC, datetime, time, timedelta

import orjson

from hub.domain.messages import State
from hub.jobs.clock import Clock as Ticking
from hub.jobs.schedules import digest_at
from hub.runtime import Hub
from hub.services import auditing, digests, mailboxes
from hub.storage import deliveries, members
from tests.hubs import Clock, Enrolled, enrol

SLOT = datetime(2025, 6, 2, 23, 0, tzinfo=UTC)


async def partner(hub: Hub) -> Enrolled:
    found = await enrol(hub, "jinjiang", ["350582000000"], kind="partner", display="Jinjiang", display_zh="晋江市")
    async with hub.database.begin() as connection:
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        await members.put_endpoint(connection, hub.vault, found.member.id, "webhook", "https://hooks.example/", secret)
    return found


async def test_a_partner_is_told_by_webhook_and_finds_the_digest_in_its_mailbox(hub: Hub, yongkang: Enrolled) -> None:
    jinjiang = await partner(hub)
    assert await digests.digest(hub, SLOT) == {"digests": 1, "letters": 1}

    (letter,) = await mailboxes.lease(hub, jinjiang.member, most=10, seconds=60)
    content = orjson.loads(letter.body)
    assert (letter.sender, letter.item.kind, letter.media_type) == ("hub", "digest", "application/json")
    assert content == {
        "type": "lianqiao.digest",
        "from": (SLOT - timedelta(days=1)).isoformat(),
        "until": SLOT.isoformat(),
        "items": {},
        "answers": {},
    }
    _, state = await mailboxes.acknowledge(
        hub, jinjiang.member, letter.item.id, State.PROCESSED, letter.item.digest, []
    )
    assert state is State.PROCESSED
    assert await mailboxes.lease(hub, yongkang.member, most=10, seconds=60) == []


async def test_the_same_slot_again_tells_nobody_twice(hub: Hub) -> None:
    await partner(hub)
    await digests.digest(hub, SLOT)
    assert await digests.digest(hub, SLOT) == {"digests": 0, "letters": 0}
    assert await digests.digest(hub, SLOT + timedelta(days=1)) == {"digests": 1, "letters": 1}


async def test_of_many_clocks_one_makes_the_digest(hub: Hub, clock: Clock) -> None:
    await partner(hub)
    due = clock.advance(hours=1)
    schedule = digest_at(time(due.hour, due.minute, due.second), "UTC")
    clocks = [Ticking(hub, f"clock-{number}", [schedule]) for number in range(4)]
    done = await asyncio.gather(*(one.catch_up("digest") for one in clocks))
    assert sorted(done) == [False, False, False, True]
    assert not await clocks[0].catch_up("digest")
    async with hub.database.read() as connection:
        assert await deliveries.totals(connection) == {("digest", "QUEUED"): 1}


async def test_a_digest_is_in_the_log_like_any_message(hub: Hub) -> None:
    await partner(hub)
    await digests.digest(hub, SLOT)
    while await auditing.sequence(hub):
        pass
    assert (await auditing.verify(hub)).ok
