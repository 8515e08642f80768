"""Runs a gateway: one supervisor, one task for each loop, a status file, an orderly end.

`run` keeps going until it is told to stop; `drain_once` works until nothing is left that this side could do. Both are the same cycles: what
was interrupted is simply found again in the spool.
"""

import asyncio
import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from adapters.errors import GatewayError, Retry
from adapters.gateway.assembly import Gateway
from adapters.gateway.durable import write_file
from adapters.gateway.loops import Loop
from adapters.gateway.reports import write_owed

log = structlog.get_logger("gateway")

_QUIET = 0.2
_TIDY_SECONDS = 60.0
_STATUS_SECONDS = 2.0


def loops_of(gateway: Gateway) -> list[Loop]:
    """The loops, each bounded and failing by itself."""
    run, clock = gateway.config.run, gateway.clock

    def loop(name: str, cycle: Callable[[], Any], idle: float) -> Loop:
        return Loop(
            name, cycle, idle=idle, first=run.retry_first_seconds, cap=min(60, run.retry_cap_seconds), clock=clock
        )

    async def read_mailbox() -> int:
        wait = 0.0 if await asyncio.to_thread(gateway.spool.inbox.unfinished) else run.mailbox_wait_seconds
        return await gateway.mailbox.fetch(wait_seconds=wait)

    async def refresh_trust() -> int:
        await gateway.trust.refresh(gateway.client)
        return 0

    short = min(1.0, run.poll_seconds)
    return [
        loop("trust", refresh_trust, gateway.config.trust.refresh_seconds),
        loop("read", gateway.intaking.cycle, run.poll_seconds),
        loop("prepare", gateway.preparing.cycle, short),
        loop("submit", gateway.submitting.cycle, short),
        loop("statuses", gateway.statuses.cycle, run.status_seconds),
        loop("mailbox", read_mailbox, short),
        loop("write-back", gateway.mailbox.work, short),
        loop("report", lambda: report(gateway), short),
        loop("tidy", lambda: tidy(gateway), _TIDY_SECONDS),
    ]


async def report(gateway: Gateway) -> int:
    """Tell the county what is wrong with what it handed over."""
    return await asyncio.to_thread(write_owed, gateway.spool, gateway.transport)


async def tidy(gateway: Gateway) -> int:
    """Keep the spool within its bounds: bodies of finished messages go after their time, or sooner when room is short."""
    settings = gateway.config.spool
    before = gateway.clock() - timedelta(days=settings.keep_days)
    await asyncio.to_thread(gateway.spool.forget_bodies, before)
    if await asyncio.to_thread(gateway.spool.outgoing.stored_bytes) > settings.max_bytes:
        await asyncio.to_thread(gateway.spool.forget_bodies, gateway.clock())
    return 0


async def run(gateway: Gateway) -> None:
    """Until SIGTERM or SIGINT; then the cycles under way are finished, for `drain_seconds` at most."""
    stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, stop.set)
    try:
        await supervise(gateway, stop)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            running.remove_signal_handler(number)


async def supervise(gateway: Gateway, stop: asyncio.Event) -> None:
    """Run all loops until `stop` is set."""
    log.info("gateway started", member=gateway.config.member, hub=gateway.config.hub.url)
    await _first_trust(gateway)
    cut_short = await _run_loops(gateway, stop)
    log.info("gateway stopped", cut_short=cut_short)


async def _first_trust(gateway: Gateway) -> None:
    """Spare the loops a failed first round; if the hub is away they wait for it as ever."""
    try:
        await gateway.trust.refresh(gateway.client)
    except GatewayError as error:
        log.warning("no trust list yet", code=error.code, error=str(error))


async def _run_loops(gateway: Gateway, stop: asyncio.Event) -> int:
    """Run the loops until `stop`; the number that had to be cut short."""
    loops = loops_of(gateway)

    async def publish_status() -> int:
        await asyncio.to_thread(write_status, gateway, loops)
        return 0

    status = Loop("status", publish_status, idle=_STATUS_SECONDS, first=1, cap=60, clock=gateway.clock)
    tasks = {loop.state.name: asyncio.create_task(loop.run(stop), name=loop.state.name) for loop in (*loops, status)}
    stopping = asyncio.create_task(stop.wait(), name="stop")
    late: set[asyncio.Task[None]] = set()
    try:
        await asyncio.wait([stopping, *tasks.values()], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        # Waiting at the hub for mail can be given up at any moment: a lease that nobody answers is lent again.
        tasks["mailbox"].cancel()
        _, late = await asyncio.wait(tasks.values(), timeout=gateway.config.run.drain_seconds)
    finally:
        for task in (stopping, *tasks.values()):
            task.cancel()
        ends = await asyncio.gather(stopping, *tasks.values(), return_exceptions=True)
    await publish_status()
    for end in ends:
        if isinstance(end, Exception):
            raise end
    return len(late)


def write_status(gateway: Gateway, loops: list[Loop]) -> None:
    """The status file: counts, what is stuck, and each loop's health. It names messages by id, never by content."""
    document = {**summary(gateway), "loops": [loop.state.to_json() for loop in loops]}
    path = gateway.config.county.folder / "gateway-status.json"
    write_file(path, json.dumps(document, ensure_ascii=False, indent=2).encode())


def summary(gateway: Gateway) -> dict[str, Any]:
    spool = gateway.spool
    return {
        "member": gateway.config.member,
        "at": gateway.clock().isoformat(),
        "outgoing": spool.counts(),
        "mailbox": spool.inbox.counts(),
        "stuck": spool.stuck(),
        "mailbox_troubles": [{"message_id": message, "why": why} for message, why in spool.inbox.troubles()],
    }


@dataclass(frozen=True, slots=True)
class Drained:
    """How `drain_once` ended."""

    moved: int
    stuck: tuple[dict[str, Any], ...]
    errors: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.stuck and not self.errors


async def drain_once(gateway: Gateway, *, timeout: float) -> Drained:
    """Everything that can be done now: read, prepare, submit, write back, report. Ends when a round moved nothing."""
    running = asyncio.get_running_loop()
    deadline = running.time() + timeout
    moved, errors = 0, dict[str, GatewayError]()
    await gateway.trust.refresh(gateway.client)
    while True:
        errors.clear()
        progress, complete = await _round(gateway, errors)
        moved += progress
        waiting = await asyncio.to_thread(gateway.spool.waiting)
        hopeless = any(error.retry in {Retry.CONTACT, Retry.FIX_FIRST} for error in errors.values())
        finished = complete and not waiting and not errors
        if running.time() >= deadline or (not progress and (finished or hopeless)):
            break
        if not progress:
            await asyncio.sleep(_QUIET)
    stuck = await asyncio.to_thread(gateway.spool.stuck)
    told = [f"{name}: {error}" for name, error in errors.items()]
    if waiting and not stuck:
        told.append(f"{waiting} messages are still waiting")
    await asyncio.to_thread(write_status, gateway, [])
    return Drained(moved, tuple(stuck), tuple(told))


async def _round(gateway: Gateway, errors: dict[str, GatewayError]) -> tuple[int, bool]:
    progress, complete = 0, True

    async def step(name: str, cycle: Callable[[], Any]) -> Any:
        try:
            return await cycle()
        except GatewayError as error:
            errors[name] = error
            return 0

    looked = await step("read", gateway.intaking.look)
    if looked:
        progress += looked[0]
        complete = looked[1]
    for name, cycle in (
        ("prepare", gateway.preparing.cycle),
        ("submit", gateway.submitting.cycle),
        ("statuses", gateway.statuses.cycle),
        ("mailbox", lambda: gateway.mailbox.fetch(wait_seconds=0)),
        ("write-back", gateway.mailbox.work),
        ("report", lambda: report(gateway)),
    ):
        progress += await step(name, cycle)
    return progress, complete
