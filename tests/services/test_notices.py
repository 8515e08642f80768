"""Notices: told once, without content, on the schedule of WIRE.md; a receiver that is gone is left alone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from standardwebhooks import Webhook

from hub.domain.messages import State
from hub.jobs.schedules import schedules
from hub.runtime import Hub, open_hub
from hub.services import digests, mailboxes, notices
from hub.settings import Settings
from hub.storage import members
from tests.documents import number_of
from tests.hubs import Clock, Enrolled, acts
from tests.messages import REPORT, agree, allow, posted
from tests.receiving import SECRET, Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def teller(hub: Hub, hub_settings: Settings, clock: Clock) -> AsyncIterator[Hub]:
    """The hub, allowed to call loopback."""
    private = hub_settings.model_copy(update={"webhook_private": True})
    async with open_hub(private, now=clock) as opened:
        yield opened


async def _register(hub: Hub, owner: Enrolled, url: str) -> None:
    async with hub.database.begin() as connection:
        await members.put_endpoint(connection, hub.vault, owner.member.id, "webhook", url, SECRET)


async def _tell(hub: Hub, owner: Enrolled, dedupe: str = "1", **content: Any) -> int:
    async with hub.database.begin() as connection:
        return await notices.tell(hub, connection, owner.member.id, "mailbox", dedupe, content)


async def _rows(hub: Hub, statement: str) -> list[Any]:
    async with hub.database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def test_a_notice_is_signed_and_arrives_once(teller: Hub, huiji: Enrolled, receiver: Receiver) -> None:
    await _register(teller, huiji, receiver.url)
    assert await _tell(teller, huiji, kind=REPORT) == 1
    assert await _tell(teller, huiji, kind=REPORT) == 0  # the same again
    assert await notices.push(teller) == 1
    assert await notices.push(teller) == 0
    ((headers, body),) = receiver.got
    assert orjson.loads(body) == {"type": "lianqiao.mailbox", "kind": REPORT}
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert at == teller.now()
    assert headers["webhook-signature"] == Webhook(SECRET).sign(headers["webhook-id"], at, body.decode())
    assert await _rows(teller, "SELECT state, attempts FROM delivery") == [("PUSHED", 1)]


async def test_a_member_without_an_endpoint_is_not_told(hub: Hub, huiji: Enrolled) -> None:
    assert await _tell(hub, huiji) == 0
    assert await notices.push(hub) == 0


async def test_failures_are_tried_again_on_the_schedule_and_keep_their_id(
    teller: Hub, huiji: Enrolled, receiver: Receiver, clock: Clock
) -> None:
    await _register(teller, huiji, receiver.url)
    receiver.answers = [(500, {})] * 20
    await _tell(teller, huiji)
    waits = []
    last = clock()
    state = "QUEUED"
    while state == "QUEUED":
        before = len(receiver.got)
        await notices.push(teller)
        assert len(receiver.got) == before + 1
        waits.append((clock() - last).total_seconds())
        last = clock()
        ((state, next_at),) = await _rows(teller, "SELECT state, next_at FROM delivery")
        clock.moment = next_at
    wanted = [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert len(waits) == len(wanted)
    assert all(0.9 * one <= wait <= 1.1 * one + 1 for wait, one in zip(waits, wanted, strict=True))
    assert len(set(receiver.ids())) == 1
    stamps = [headers["webhook-timestamp"] for headers, _ in receiver.got]
    assert len(set(stamps)) == len(stamps)
    assert state == "DEAD"
    assert [act["state"] for act in await acts(teller, "endpoint")] == ["failing"]


async def test_retry_after_is_honoured(teller: Hub, huiji: Enrolled, receiver: Receiver, clock: Clock) -> None:
    await _register(teller, huiji, receiver.url)
    receiver.answers = [(503, {"Retry-After": "900"})]
    await _tell(teller, huiji)
    await notices.push(teller)
    clock.advance(seconds=899)
    assert await notices.push(teller) == 0
    clock.advance(seconds=2)
    assert await notices.push(teller) == 1


async def test_failing_and_recovering_are_one_act_each(
    teller: Hub, huiji: Enrolled, receiver: Receiver, clock: Clock
) -> None:
    await _register(teller, huiji, receiver.url)
    receiver.answers = [(500, {})] * 3
    for number in range(3):
        await _tell(teller, huiji, str(number))
    await notices.push(teller)
    clock.advance(minutes=10)
    assert await notices.push(teller) == 3
    assert [act["state"] for act in await acts(teller, "endpoint")] == ["failing", "active"]
    async with teller.database.read() as connection:
        (endpoint,) = await members.endpoints(connection, teller.vault)
    assert (endpoint.state, endpoint.failing_since) == ("active", None)


async def test_gone_is_taken_at_its_word_until_the_member_registers_anew(
    teller: Hub, huiji: Enrolled, receiver: Receiver, clock: Clock
) -> None:
    await _register(teller, huiji, receiver.url)
    receiver.answers = [(410, {}), (500, {})]
    for number in range(2):
        await _tell(teller, huiji, str(number))
    await notices.push(teller)
    assert [act["state"] for act in await acts(teller, "endpoint")] in (["disabled"], ["failing", "disabled"])
    clock.advance(days=2)
    assert await notices.push(teller) == 0
    assert len(receiver.got) == 2
    assert await _tell(teller, huiji, "3") == 0
    await _register(teller, huiji, receiver.url)
    assert await _tell(teller, huiji, "4") == 1
    assert await notices.push(teller) >= 1


async def test_five_days_of_failure_disable_an_endpoint_with_one_alert(
    teller: Hub, huiji: Enrolled, receiver: Receiver, clock: Clock
) -> None:
    await _register(teller, huiji, receiver.url)
    receiver.answers = [(500, {})] * 50
    for day in range(7):
        await _tell(teller, huiji, str(day))
        await notices.push(teller)
        clock.advance(days=1)
    assert [act["state"] for act in await acts(teller, "endpoint")] == ["failing", "disabled"]
    assert await _rows(teller, "SELECT DISTINCT state FROM delivery") == [("DEAD",)]


async def test_a_forbidden_address_is_never_called(hub: Hub, huiji: Enrolled, receiver: Receiver) -> None:
    await _register(hub, huiji, receiver.url)  # this hub may not call private addresses
    await _tell(hub, huiji)
    assert await notices.push(hub) == 0
    assert receiver.got == []
    assert await _rows(hub, "SELECT state FROM delivery") == [("DEAD",)]


async def test_a_slow_receiver_holds_up_nobody(
    teller: Hub, huiji: Enrolled, yongkang: Enrolled, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_SEND_SECONDS", 0.5)
    async with receiving() as slow:
        slow.delay = 5
        await _register(teller, yongkang, slow.url)
        await _register(teller, huiji, receiver.url)
        for number in range(10):
            await _tell(teller, yongkang, str(number))
        await _tell(teller, huiji)
        begun = asyncio.get_running_loop().time()
        assert await notices.push(teller) == 1
        assert asyncio.get_running_loop().time() - begun < 4
        assert await _rows(teller, "SELECT state, count(*) FROM delivery GROUP BY state ORDER BY state") == [
            ("PUSHED", 1),
            ("QUEUED", 10),
        ]


async def test_two_workers_send_a_notice_once(teller: Hub, huiji: Enrolled, receiver: Receiver) -> None:
    receiver.delay = 0.05
    await _register(teller, huiji, receiver.url)
    for number in range(30):
        await _tell(teller, huiji, str(number))
    await asyncio.gather(*(notices.push(teller) for _ in range(4)))
    assert len(receiver.ids()) == len(set(receiver.ids())) == 30


async def test_the_digest_is_told_once_a_slot_and_holds_numbers_only(
    teller: Hub, yongkang: Enrolled, huiji: Enrolled, receiver: Receiver, clock: Clock
) -> None:
    await agree(teller, yongkang, huiji)
    for number in (1, 2):
        await allow(teller, yongkang, number)
        await posted(teller, yongkang, huiji, number)
    await _register(teller, huiji, receiver.url)
    slot = clock() + timedelta(hours=1)
    assert await digests.digest(teller, slot) == {"digests": 1, "letters": 0}
    assert await digests.digest(teller, slot) == {"digests": 0, "letters": 0}
    await notices.push(teller)
    ((_, body),) = receiver.got
    content = orjson.loads(body)
    assert content["type"] == "lianqiao.digest"
    assert (content["items"], content["answers"]) == ({REPORT: 2}, {"open": 2})
    assert datetime.fromisoformat(content["until"]) - datetime.fromisoformat(content["from"]) == timedelta(days=1)
    assert await digests.digest(teller, slot + timedelta(days=1)) == {"digests": 1, "letters": 0}
    await notices.push(teller)
    assert orjson.loads(receiver.got[1][1])["items"] == {}


async def test_overdue_answers_are_told_once_to_both_sides(
    teller: Hub, yongkang: Enrolled, huiji: Enrolled, receiver: Receiver, clock: Clock
) -> None:
    await agree(teller, yongkang, huiji, answer_days=3)
    await allow(teller, yongkang)
    await posted(teller, yongkang, huiji)
    async with receiving() as other:
        await _register(teller, huiji, receiver.url)
        await _register(teller, yongkang, other.url)
        assert await notices.escalate(teller) == {"overdue": 0}
        clock.advance(days=14)
        assert await notices.escalate(teller) == {"overdue": 1}
        assert await notices.escalate(teller) == {"overdue": 0}
        await notices.push(teller)
        told = [orjson.loads(body) for _, body in (*receiver.got, *other.got)]
    assert [content["type"] for content in told] == ["lianqiao.deadline"] * 2
    assert told[0] == told[1]
    assert set(told[0]) == {"type", "notice", "kind", "due_at"}
    assert len(await acts(teller, "overdue")) == 1


async def test_what_is_answered_in_time_is_never_overdue(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> None:
    await agree(hub, yongkang, huiji, answer_days=3)
    await allow(hub, yongkang)
    made = await posted(hub, yongkang, huiji)
    (handed,) = await mailboxes.lease(hub, huiji.member, most=5, seconds=60)
    await mailboxes.acknowledge(hub, huiji.member, handed.item.id, State.PROCESSED, made.digest, [])
    clock.advance(days=60)
    assert await notices.escalate(hub) == {"overdue": 0}


async def test_the_schedules_do_these_jobs(teller: Hub, huiji: Enrolled, receiver: Receiver, clock: Clock) -> None:
    await _register(teller, huiji, receiver.url)
    jobs = {schedule.name: schedule.job for schedule in schedules(teller.settings)}
    assert await jobs["digest"](teller, clock()) == {"digests": 1, "letters": 0}
    assert await jobs["deadlines"](teller, clock()) == {
        "overdue": 0,
        "dead": 0,
        "expired": 0,
        "expiring": 0,
        "lapsed": 0,
    }
    assert await number_of(teller, "delivery") == 1
