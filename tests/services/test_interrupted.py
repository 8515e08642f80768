"""Documents whose workers die, hang or are beaten to it: every row is stored once all the same."""

import asyncio
import os
import signal
from typing import Any

import pytest

from hub.errors import Conflict
from hub.jobs import worker
from hub.runtime import Hub, open_hub
from hub.services import translating
from hub.services.preparation import Preparer, never
from hub.settings import Settings
from hub.storage import submissions, work
from tests.documents import (
    PERSON_PAGE,
    PERSON_SHEET,
    Beside,
    claim,
    facts,
    forget_documents,
    mixed,
    number_of,
    page,
    patients,
    receive,
    record,
    rows,
    sent,
    sheet,
    taken_in,
    told,
    work_off,
)
from tests.hubs import Clock, Enrolled, acts


@pytest.fixture
def small(hub_settings: Settings) -> Settings:
    """Settings under which a document is many batches."""
    return hub_settings.model_copy(update={"batch_rows": 7, "lease_seconds": 5, "work_attempts": 3})


class Killed(BaseException):
    """The worker is gone in the middle of a document: nothing catches it on the way."""


async def _translate_until(hub: Hub, preparer: Preparer, batches: int) -> bool:
    """Work until the worker dies behind the commit of that many batches; False when the document ended before."""
    left = batches

    def progress(_: int) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise Killed

    try:
        await translating.translate(hub, await claim(hub), preparer, progress=progress)
    except Killed:
        return True
    return False


async def test_a_worker_that_dies_behind_any_batch_costs_nothing(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    body = mixed(40)
    async with open_hub(small, now=clock) as patient:
        await taken_in(patient, yongkang, preparer, page([record(number) for number in range(1, 12)]), PERSON_PAGE)
        whole = await taken_in(patient, huiji, preparer, body)
        versions, records = await number_of(hub, "resource_version"), await patients(hub)
        # The same sheet of a member that is new to the hub, and a worker that dies behind every batch.
        await forget_documents(patient)
        await taken_in(patient, yongkang, preparer, page([record(number) for number in range(1, 12)]), PERSON_PAGE)
        what = sent(body)
        await receive(patient, huiji, what)
        deaths = 0
        while await _translate_until(patient, preparer, 1):
            deaths += 1
            clock.advance(seconds=small.lease_seconds + 1)
        assert deaths == 6
        assert facts(await told(patient, huiji, what.document.message_id)) == facts(whole)
        assert await number_of(hub, "resource_version") == versions
        assert await patients(hub) == records
        assert await number_of(hub, "work_item") == 0


async def test_who_lost_the_lease_stores_nothing_more(
    hub: Hub, huiji: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    async with open_hub(small, now=clock) as patient:
        what = sent(sheet(rows(30)))
        await receive(patient, huiji, what)
        first = await claim(patient)
        taken_over = False

        async def take_over() -> None:
            clock.advance(seconds=small.lease_seconds + 1)
            await translating.translate(patient, await claim(patient), preparer)

        class Stalls(Beside):
            """Falls asleep behind its second batch, long enough for another worker to do it all."""

            async def next(self, fetch: Any, stop: Any = never) -> Any:
                nonlocal taken_over
                found = await super().next(fetch, stop)
                async with patient.database.read() as connection:
                    stored = await submissions.by_id(connection, patient.vault, first.subject)
                if stored and stored.rows >= 14 and not taken_over:
                    taken_over = True
                    await take_over()
                return found

        stalling = Stalls()
        with pytest.raises(Conflict) as lost:
            await translating.translate(patient, first, stalling)
        assert lost.value.code == "lease-lost"
        found = await told(patient, huiji, what.document.message_id)
        assert found["counts"]["rows"] == found["counts"]["translated"] == 30
        assert await number_of(hub, "resource_version") == 30


async def test_a_preparer_that_is_killed_is_replaced_and_the_document_tried_again(
    hub: Hub, huiji: Enrolled, small: Settings, clock: Clock
) -> None:
    async with open_hub(small, now=clock) as patient:
        what = sent(sheet(rows(40)))
        await receive(patient, huiji, what)
        killed = 0

        class Mortal(Preparer):
            """Its child is killed from outside before its fourth batch, once."""

            asked = 0

            async def next(self, fetch: Any, stop: Any = never) -> Any:
                nonlocal killed
                self.asked += 1
                if self.asked == 10 and not killed and self._process is not None and self._process.pid:
                    killed += 1
                    os.kill(self._process.pid, signal.SIGKILL)
                    self._process.join(5)
                return await super().next(fetch, stop)

        mortal = Mortal()
        await work_off(patient, mortal)
        async with hub.database.read() as connection:
            waiting, _, dead = await work.health(connection)
        assert (killed, waiting, dead) == (1, 1, 0)
        clock.advance(minutes=1)
        await work_off(patient, mortal)
        mortal.close()
        found = await told(patient, huiji, what.document.message_id)
        assert (found["state"], found["counts"]["rows"]) == ("PROCESSED", 40)
        assert await number_of(hub, "resource_version") == 40


class Poisoned(Beside):
    """One document of its kind makes every process fall that reads it."""

    async def begin(self, task: Any) -> None:
        if task.file_name == "poison.csv":
            raise RuntimeError("the process fell")
        await super().begin(task)


async def test_a_poisoned_document_is_set_aside_and_blocks_nobody(
    hub: Hub, huiji: Enrolled, small: Settings, clock: Clock
) -> None:
    poisoned = Poisoned()
    async with open_hub(small, now=clock) as patient:
        poison, good = sent(sheet(rows(3)), file_name="poison.csv"), sent(sheet(rows(3, 10)))
        await receive(patient, huiji, poison)
        await receive(patient, huiji, good)
        await work_off(patient, poisoned)
        assert (await told(patient, huiji, good.document.message_id))["state"] == "PROCESSED"
        assert (await told(patient, huiji, poison.document.message_id))["state"] == "ACCEPTED"
        for _ in range(small.work_attempts):
            clock.advance(minutes=10)
            await work_off(patient, poisoned)
        found = await told(patient, huiji, poison.document.message_id)
        assert (found["state"], found["timeline"][-1]["detail"]) == ("DEAD", "RuntimeError")
        assert found["application_ack"]["errors"] == [{"code": "RuntimeError", "text": "RuntimeError"}]
        assert [act["code"] for act in await acts(hub, "set-aside")] == ["RuntimeError"]
        clock.advance(days=1)
        assert await work_off(patient, poisoned) == 0


async def test_a_document_that_takes_a_workers_whole_patience_is_tried_twice(
    hub: Hub, huiji: Enrolled, small: Settings, clock: Clock
) -> None:
    async with open_hub(small, now=clock) as patient:
        what = sent(sheet(rows(3)))
        await receive(patient, huiji, what)
        given_up = []
        for _ in range(2):
            given_up.append(
                await translating.give_back(patient, await claim(patient), "preparer-slow", retry_at=clock())
            )
            clock.advance(minutes=10)
        assert given_up == [False, True]
        assert (await told(patient, huiji, what.document.message_id))["state"] == "DEAD"


async def test_a_document_that_kills_every_worker_is_set_aside_too(
    hub: Hub, huiji: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    async with open_hub(small, now=clock) as patient:
        what, other = sent(sheet(rows(3))), sent(sheet(rows(3, 10)))
        await receive(patient, huiji, what)
        await receive(patient, huiji, other)
        for _ in range(small.work_attempts):
            assert (await claim(patient)).subject is not None  # and nothing is heard of it any more
            clock.advance(seconds=small.lease_seconds + 1)
        await work_off(patient, preparer)
        assert (await told(patient, huiji, what.document.message_id))["state"] == "DEAD"
        assert (await told(patient, huiji, other.document.message_id))["state"] == "PROCESSED"


async def test_long_work_survives_more_deaths_than_tries(
    hub: Hub, huiji: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    async with open_hub(small, now=clock) as patient:
        what = sent(sheet(rows(7 * 8)))
        await receive(patient, huiji, what)
        deaths = 0
        while await _translate_until(patient, preparer, 1):
            deaths += 1
            clock.advance(seconds=small.lease_seconds + 1)
        assert deaths > small.work_attempts
        assert (await told(patient, huiji, what.document.message_id))["state"] == "PROCESSED"


async def test_what_was_set_aside_can_be_asked_for_again(
    hub: Hub, huiji: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    poisoned = Poisoned()
    async with open_hub(small, now=clock) as patient:
        what = sent(sheet(rows(3)), file_name="poison.csv")
        await receive(patient, huiji, what)
        for _ in range(small.work_attempts):
            await work_off(patient, poisoned)
            clock.advance(minutes=10)
        await translating.ask_replay(patient, PERSON_SHEET)
        await work_off(patient, preparer)
        found = await told(patient, huiji, what.document.message_id)
        assert (found["state"], found["counts"]["translated"]) == ("PROCESSED", 3)


async def test_a_reading_longer_than_the_lease_keeps_it(
    hub: Hub, huiji: Enrolled, hub_settings: Settings, preparer: Preparer
) -> None:
    class Slow(Beside):
        """Takes longer over its first batch than a lease lasts."""

        async def next(self, fetch: Any, stop: Any = never) -> Any:
            await asyncio.sleep(2.6)
            return await super().next(fetch, stop)

    hasty = hub_settings.model_copy(update={"lease_seconds": 2})
    async with open_hub(hasty) as patient:
        what = sent(sheet(rows(3)))
        await receive(patient, huiji, what)
        claimed = await claim(patient)
        working = asyncio.create_task(translating.translate(patient, claimed, Slow()))
        await asyncio.sleep(2.3)
        async with patient.database.begin() as connection:
            assert await work.claim(connection, worker.KINDS, patient.now(), seconds=2) == []
        await working
        assert (await told(patient, huiji, what.document.message_id))["state"] == "PROCESSED"


async def test_a_document_without_rows_is_told_once_whoever_dies(
    hub: Hub, huiji: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    body = sheet([{"登记编号": "合计", "姓名": "0人"}])
    async with open_hub(small, now=clock) as patient:
        what = sent(body)
        await receive(patient, huiji, what)
        assert await _translate_until(patient, preparer, 1)
        clock.advance(seconds=small.lease_seconds + 1)
        await work_off(patient, preparer)
        found = await told(patient, huiji, what.document.message_id)
    assert [issue["code"] for issue in found["issues"]] == ["row-is-total"]
    assert (found["state"], found["counts"]["rows"]) == ("PROCESSED", 0)
