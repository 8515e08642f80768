"""The worker: does work or sets it aside, tells members and subscribers, places audit leaves, tells the search index, keeps
the clock.

Exports are made in a loop of their own. Any number of workers may run. Each loop sleeps when there is nothing, and slows
down when the database is away. Told to end, a worker ends after the batch in hand and leaves the rest of the document to
another.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import structlog

from hub.errors import HubError
from hub.jobs.clock import Clock
from hub.jobs.schedules import schedules
from hub.runtime import Hub
from hub.services import auditing, notices, translating
from hub.services.exchange import export_making, indexing
from hub.services.notifying import numbering, pushing
from hub.services.preparation import Preparer, Stopped
from hub.storage import work
from hub.storage.work import Work

log = structlog.get_logger(__name__)

_IDLE = 0.25
_AWAY = 2.0
_PATIENCE = 1.0
ROUNDS = 8
"""Rounds of sending that go on beside each other, each as long as its slowest receiver."""


async def work_until_stopped(hub: Hub, stop: asyncio.Event | None = None) -> None:
    """Run the loops and the clock until `stop` is set or the process is told to end."""
    ended = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(name, ended.set)
    clock = Clock(hub, uuid4().hex, schedules(hub.settings))
    await clock.start()
    preparer = Preparer()
    tasks = [
        asyncio.create_task(_repeat(ended, lambda: do_one(hub, preparer, ended.is_set), "work")),
        asyncio.create_task(_overlapping(ended, lambda: notices.push(hub), "notices")),
        asyncio.create_task(_repeat(ended, lambda: numbering.number(hub), "events")),
        asyncio.create_task(_overlapping(ended, lambda: pushing.push(hub), "subscriptions")),
        asyncio.create_task(_repeat(ended, lambda: auditing.sequence(hub), "log")),
        asyncio.create_task(_repeat(ended, lambda: indexing.catch_up(hub), "search")),
        asyncio.create_task(_repeat(ended, lambda: export_making.make_one(hub, ended.is_set), "export")),
    ]
    await ended.wait()
    await clock.stop()
    await asyncio.gather(*tasks)
    preparer.close()


async def _repeat(ended: asyncio.Event, act: Callable[[], Awaitable[int]], name: str) -> None:
    """Do `act` again and again; it answers how much it did, and nothing to do means a short rest."""
    while not ended.is_set():
        await _rest(ended, await _once(act, name))


async def _overlapping(ended: asyncio.Event, act: Callable[[], Awaitable[int]], name: str) -> None:
    """As `_repeat`, for what waits for others: beside a round that takes long the next begins, up to ROUNDS of them."""
    rounds: set[asyncio.Task[float]] = set()
    while not ended.is_set():
        rounds.add(asyncio.create_task(_once(act, name)))
        patience = _PATIENCE if len(rounds) < ROUNDS else None
        done, rounds = await asyncio.wait(rounds, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        await _rest(ended, min((one.result() for one in done), default=0.0))
    if rounds:
        await asyncio.wait(rounds)


async def _once(act: Callable[[], Awaitable[int]], name: str) -> float:
    """Do `act`; how long to rest afterwards, in seconds."""
    try:
        return 0.0 if await act() else _IDLE
    except HubError as error:
        log.warning("loop waits", loop=name, code=error.code)
    except Exception:
        log.exception("loop failed", loop=name)
    return _AWAY


async def _rest(ended: asyncio.Event, seconds: float) -> None:
    if seconds:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), seconds)


async def do_one(hub: Hub, preparer: Preparer, stop: Callable[[], bool] = lambda: False) -> int:
    """Claim one piece of work and do it, or as much of it as is done when `stop` says so; 0 when there is none."""
    async with hub.database.begin() as connection:
        claimed = await work.claim(connection, KINDS, hub.now(), seconds=hub.settings.lease_seconds, limit=1)
    for item in claimed:
        await _do(hub, item, preparer, stop)
    return len(claimed)


async def drain(hub: Hub, preparer: Preparer) -> int:
    """Do everything that can be done now; answers how many pieces."""
    done = 0
    while await do_one(hub, preparer):
        done += 1
    return done


KINDS = ("translate", "replay")


async def _do(hub: Hub, item: Work, preparer: Preparer, stop: Callable[[], bool]) -> None:
    try:
        if item.attempts > hub.settings.work_attempts:
            # Every try ended with its worker, and none came to this line's end.
            await _give_back(hub, item, "worker-died")
        elif item.kind == "translate":
            await translating.translate(hub, item, preparer, stop=stop)
        else:
            await translating.replay(hub, item, stop=stop)
    except Stopped:
        await _lay_down(hub, item)
    except Exception as error:
        code = error.code if isinstance(error, HubError) else type(error).__name__
        if code == work.LEASE_LOST:
            # Somebody else holds it now; whatever was not committed is undone.
            log.info("work passed on", work=item.id)
            return
        log.exception("work failed", work=item.id, kind=item.kind, attempt=item.attempts)
        await _give_back(hub, item, code)


async def _lay_down(hub: Hub, item: Work) -> None:
    """Told to end in the middle: another worker goes on behind the last stored batch."""
    with contextlib.suppress(HubError):  # if it cannot be said, the lease runs out
        await translating.lay_down(hub, item)
        log.info("work laid down", work=item.id)


async def _give_back(hub: Hub, item: Work, code: str) -> None:
    retry_at = hub.now() + timedelta(seconds=min(300, 2**item.attempts))
    if await translating.give_back(hub, item, code, retry_at=retry_at):
        log.error("work set aside", work=item.id, kind=item.kind, code=code)
