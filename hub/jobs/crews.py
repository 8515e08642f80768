"""Several workers under one parent: told to end together, and all ended when one of them fails.

The parent does no work of its own. Workers that do not end in time are killed, which costs the batch in hand only; if
the parent is killed itself, they end too (`hub.jobs.leash`).
"""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Sequence

from hub.jobs import leash

PATIENCE = 25.0
"""Seconds that workers are given to end."""

WORKER = leash.command("hub", "work")


async def run(
    count: int, *, command: Sequence[str] = WORKER, patience: float = PATIENCE, told: asyncio.Event | None = None
) -> int:
    """Run `count` workers until told to end (by SIGTERM, SIGINT or `told`), or until all have ended or one has failed.

    Answers the exit code: that of the worker that failed first (128 and the signal's number if one killed it), or 0.
    """
    ended = told or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    held, leashed = os.pipe()
    try:
        workers = [await asyncio.create_subprocess_exec(*command, stdin=held) for _ in range(count)]
        return await _attend(workers, ended, patience)
    finally:
        os.close(held)
        os.close(leashed)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _attend(workers: Sequence[Process], ended: asyncio.Event, patience: float) -> int:
    telling = asyncio.create_task(ended.wait())
    waiting = {asyncio.create_task(worker.wait()) for worker in workers}
    code = 0
    while waiting and not code and not ended.is_set():
        done, _ = await asyncio.wait({telling, *waiting}, return_when=asyncio.FIRST_COMPLETED)
        for one in done & waiting:
            code = code or _code(one.result())
        waiting -= done
    telling.cancel()
    # Who has not begun yet dies of the word itself: that is an end in order too.
    for number in (signal.SIGTERM, signal.SIGKILL):
        for worker in workers:
            if worker.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    worker.send_signal(number)
        if waiting:
            done, waiting = await asyncio.wait(waiting, timeout=patience)
            for one in done:
                code = code or (0 if one.result() == -signal.SIGTERM else _code(one.result()))
    return code


def _code(found: int) -> int:
    """As a shell says it."""
    return 128 - found if found < 0 else found
