"""The worker: claims work, does it, gives it back or sets it aside; pushes notices; places audit leaves; keeps the clock.

Any number of workers may run. Each loop sleeps when there is nothing, and slows down when the database is away.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import structlog

from hub.errors import Conflict, HubError
from hub.jobs.clock import Clock
from hub.jobs.schedules import schedules
from hub.runtime import Hub
from hub.services import auditing, notices, translating
from hub.services.preparation import Preparer
from hub.storage import work
from hub.storage.work import Work

log = structlog.get_logger(__name__)

_IDLE = 0.25
_AWAY = 2.0


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
        asyncio.create_task(_repeat(ended, lambda: do_one(hub, preparer), "work")),
        asyncio.create_task(_repeat(ended, lambda: notices.push(hub), "notices")),
        asyncio.create_task(_repeat(ended, lambda: auditing.sequence(hub), "log")),
    ]
    await ended.wait()
    await clock.stop()
    await asyncio.gather(*tasks)
    preparer.close()


async def _repeat(ended: asyncio.Event, act: Callable[[], Awaitable[int]], name: str) -> None:
    """Do `act` again and again; it answers how much it did, and nothing to do means a short rest."""
    while not ended.is_set():
        try:
            rest = 0.0 if await act() else _IDLE
        except HubError as error:
            log.warning("loop waits", loop=name, code=error.code)
            rest = _AWAY
        except Exception:
            log.exception("loop failed", loop=name)
            rest = _AWAY
        if rest:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), rest)


async def do_one(hub: Hub, preparer: Preparer) -> int:
    """Claim one piece of work and do it; 0 when there is none."""
    async with hub.database.begin() as connection:
        claimed = await work.claim(connection, KINDS, hub.now(), seconds=hub.settings.lease_seconds, limit=1)
    for item in claimed:
        await _do(hub, item, preparer)
    return len(claimed)


async def drain(hub: Hub, preparer: Preparer) -> int:
    """Do everything that can be done now; answers how many pieces."""
    done = 0
    while await do_one(hub, preparer):
        done += 1
    return done


KINDS = ("translate", "replay")


async def _do(hub: Hub, item: Work, preparer: Preparer) -> None:
    try:
        if item.kind == "translate":
            await translating.translate(hub, item, preparer)
        else:
            await translating.replay(hub, item)
    except Conflict as error:
        # Somebody else holds it now; whatever was not committed is undone.
        log.info("work passed on", work=item.id, code=error.code)
    except Exception as error:
        dead = item.attempts >= hub.settings.work_attempts
        log.exception("work failed", work=item.id, kind=item.kind, attempt=item.attempts, dead=dead)
        wait = timedelta(seconds=min(300, 2**item.attempts))
        text = error.code if isinstance(error, HubError) else type(error).__name__
        async with hub.database.begin() as connection:
            await work.fail(connection, item, text, retry_at=hub.now() + wait, dead=dead)
