"""A worker that is told to end does so after the batch in hand, and another goes on behind it."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.jobs import worker
from hub.runtime import Hub, open_hub
from hub.services import translating
from hub.settings import Settings
from tests.documents import NAMELESS, Beside, number_of, receive, row, rows, sent, sheet, told
from tests.hubs import Clock, Enrolled, acts
from tests.processes import Running, started

ROWS = 60
BATCH = 10


def after(questions: int) -> Callable[[], bool]:
    """A stop that is asked for when it has been looked for that many times."""
    asked = iter(range(10_000))
    return lambda: next(asked) >= questions


async def _item(hub: Hub) -> tuple[int, bool] | None:
    """(tries, is it held) of the one piece of work."""
    async with hub.database.read() as connection:
        found = (await connection.execute(text("SELECT attempts, lease FROM work_item"))).one_or_none()
    return (found.attempts, found.lease is not None) if found else None


async def _rows_done(hub: Hub) -> int:
    async with hub.database.read() as connection:
        return int((await connection.execute(text("SELECT coalesce(max(rows), 0) FROM submission"))).scalar_one())


async def test_told_to_end_it_leaves_the_rest_to_another_at_once(
    hub: Hub, huiji: Enrolled, hub_settings: Settings, clock: Clock
) -> None:
    async with open_hub(hub_settings.model_copy(update={"batch_rows": BATCH}), now=clock) as patient:
        what = sent(sheet(rows(ROWS)))
        await receive(patient, huiji, what)
        reading, batches = ROWS // BATCH, 2
        assert await worker.do_one(patient, Beside(), after(reading + batches)) == 1
        assert await _rows_done(hub) == batches * BATCH
        assert await _item(hub) == (0, False)
        assert await worker.do_one(patient, Beside()) == 1  # the clock stands still: no lease had to run out
        found = await told(patient, huiji, what.document.message_id)
    assert (found["state"], found["counts"]["translated"]) == ("PROCESSED", ROWS)
    assert await number_of(hub, "resource_version") == ROWS
    assert await _item(hub) is None


async def test_ending_is_no_failure_however_often(
    hub: Hub, huiji: Enrolled, hub_settings: Settings, clock: Clock
) -> None:
    """A document that is never read to its end by any worker is not set aside for it."""
    async with open_hub(hub_settings.model_copy(update={"batch_rows": BATCH}), now=clock) as patient:
        what = sent(sheet(rows(ROWS)))
        await receive(patient, huiji, what)
        for _ in range(patient.settings.work_attempts + 2):
            await worker.do_one(patient, Beside(), after(1))
            assert await _item(hub) == (0, False)
        await worker.do_one(patient, Beside())
        assert (await told(patient, huiji, what.document.message_id))["state"] == "PROCESSED"


async def test_a_replay_is_left_between_batches_too(
    hub: Hub, huiji: Enrolled, hub_settings: Settings, clock: Clock
) -> None:
    async with open_hub(hub_settings.model_copy(update={"batch_rows": BATCH}), now=clock) as patient:
        what = sent(sheet([*rows(1), *(row(number, **NAMELESS) for number in range(2, ROWS))]))
        await receive(patient, huiji, what)
        await worker.drain(patient, Beside())
        await translating.ask_replay(patient, what.document.mapping)
        await worker.do_one(patient, Beside(), after(1))
        assert await _item(hub) == (0, False)
        await worker.do_one(patient, Beside())
        assert await _item(hub) is None


async def _until(hub: Hub, running: Running, least: int) -> None:
    async with asyncio.timeout(90):
        while await _rows_done(hub) < least:
            assert running.process.poll() is None, running.log.read_text()
            await asyncio.sleep(0.02)


async def test_a_real_worker_ends_soon_in_the_middle_of_a_large_document(
    hub: Hub, huiji: Enrolled, hub_settings: Settings, tmp_path: Path
) -> None:
    count = 2000
    what = sent(sheet(rows(count)))
    await receive(hub, huiji, what)
    with started(hub_settings, tmp_path, "work", HUB_BATCH_ROWS="20", HUB_LOG_LEVEL="info") as running:
        await _until(hub, running, 60)
        told_at = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(running.process.wait, 30) == 0
        assert time.monotonic() - told_at < 10
    done = await _rows_done(hub)
    assert 60 <= done < count
    assert await _item(hub) == (0, False)
    assert len(running.lines("work laid down")) == 1
    with started(hub_settings, tmp_path, "work", HUB_BATCH_ROWS="500") as another:
        await _until(hub, another, count)
        another.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(another.process.wait, 30) == 0
    assert await _item(hub) is None
    assert await number_of(hub, "resource_version") == count
    assert len(await acts(hub, "process")) == 1


async def test_a_round_that_waits_for_others_keeps_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_PATIENCE", 0.01)
    ended, slow, enough, others, at_once = asyncio.Event(), asyncio.Event(), asyncio.Event(), 0, 0

    async def act() -> int:
        nonlocal others, at_once
        at_once += 1
        if at_once <= worker.ROUNDS - 1:
            await slow.wait()  # all but one wait for somebody who is slow
        others += 1
        if others == 20:
            enough.set()
        return 1

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(worker._overlapping(ended, act, "letters"))
        await enough.wait()
        ended.set()
        slow.set()
    assert at_once == others, "what was begun is ended"
