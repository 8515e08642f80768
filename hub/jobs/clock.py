"""The clock: APScheduler in every process, each due moment claimed once in the database before it is done.

(One job store shared by several APSchedulers runs a tick in each of them; the slot table's unique key does not.)
A job whose process died is taken over when its lease has passed, and goes on from what it stored; a moment that nobody
claimed because the database was away is made up for.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from hub.errors import HubError
from hub.jobs.schedules import Schedule
from hub.runtime import Hub
from hub.storage import schedules as slots
from hub.storage.schedules import Slot

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
ATTEMPTS = 5
_SAMPLE = 300


class Clock:
    """Runs the schedules of one process until it is stopped. `worker` is unique to the process."""

    def __init__(self, hub: Hub, worker: str, schedules: Sequence[Schedule]) -> None:
        self._hub = hub
        self._worker = worker
        self._schedules = {schedule.name: schedule for schedule in schedules}
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._missed: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to tick, after doing what was due while no process ran."""
        for schedule in self._schedules.values():
            self._scheduler.add_job(
                self._try,
                schedule.trigger,
                args=[schedule],
                id=schedule.name,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=3600,
            )
        self._scheduler.add_job(
            self._look_after, "interval", seconds=LEASE.total_seconds() / 2, id="look-after", max_instances=1
        )
        self._scheduler.start()
        self._missed = [asyncio.create_task(self._try(schedule)) for schedule in await self._known()]

    async def stop(self) -> None:
        """Stop ticking; a job in hand is left to its lease."""
        self._scheduler.shutdown(wait=False)
        for task in self._missed:
            task.cancel()
        await asyncio.gather(*self._missed, return_exceptions=True)

    async def catch_up(self, name: str) -> bool:
        """Do the last due moment of the schedule `name` now; False when somebody has it or had it."""
        return await self._tick(self._schedules[name])

    async def _tick(self, schedule: Schedule) -> bool:
        due_at = last_due(schedule, self._hub.now())
        async with self._hub.database.begin() as connection:
            slot = await slots.claim(connection, schedule.name, due_at, self._worker, self._hub.now() + LEASE)
        if slot is not None:
            await self.do(slot)
        return slot is not None

    async def _try(self, schedule: Schedule) -> None:
        """A tick; without a database it is made up for later."""
        try:
            await self._tick(schedule)
        except HubError as error:
            log.warning("schedule waits", schedule=schedule.name, code=error.code)

    async def _known(self) -> list[Schedule]:
        """The schedules that have run before: a new hub does nothing before it is due."""
        async with self._hub.database.read() as connection:
            names = {slot["schedule"] for slot in await slots.last(connection)}
        return [self._schedules[name] for name in sorted(names & self._schedules.keys())]

    async def _look_after(self) -> None:
        """Take over what a dead process left, and do what nobody claimed."""
        try:
            await self.take_over()
            known = await self._known()
        except HubError as error:
            log.warning("clock waits", code=error.code)
            return
        for schedule in known:
            await self._try(schedule)

    async def take_over(self) -> bool:
        """Do one slot whose process let its lease pass; False when there is none. Too many tries in vain end it."""
        async with self._hub.database.begin() as connection:
            now = self._hub.now()
            for lost in await slots.give_up(connection, now, attempts=ATTEMPTS):
                log.error("schedule given up", schedule=lost.schedule, attempt=lost.attempts)
            slot = await slots.take_over(
                connection, self._worker, now, now + LEASE, attempts=ATTEMPTS, names=list(self._schedules)
            )
        if slot is not None:
            await self.do(slot)
        return slot is not None

    async def do(self, slot: Slot) -> None:
        """Do the slot's job while renewing its lease, and write down what came of it."""
        keeper = asyncio.create_task(self._keep(slot))
        try:
            outcome = await self._schedules[slot.schedule].job(self._hub, slot.due_at)
            state = "DONE"
        except Exception as error:
            log.exception("schedule failed", schedule=slot.schedule, attempt=slot.attempts)
            state, outcome = "FAILED", {"error": type(error).__name__}
        finally:
            keeper.cancel()
        if state == "FAILED" and slot.attempts < ATTEMPTS:
            return  # the lease passes, and somebody tries again
        async with self._hub.database.begin() as connection:
            await slots.finish(connection, slot, state=state, outcome=outcome, now=self._hub.now())

    async def _keep(self, slot: Slot) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                async with self._hub.database.begin() as connection:
                    if not await slots.renew(connection, slot, self._worker, self._hub.now() + LEASE):
                        return
            except HubError as error:
                log.warning("lease not renewed", schedule=slot.schedule, code=error.code)


def last_due(schedule: Schedule, now: datetime) -> datetime:
    """The latest moment not after `now` at which the schedule was due: the same in every process."""
    back = timedelta(seconds=1)
    while True:
        previous: datetime | None = None
        moment = schedule.trigger.get_next_fire_time(None, now - back)
        for _ in range(_SAMPLE):
            if moment is None or moment > now:
                break
            previous = moment
            moment = schedule.trigger.get_next_fire_time(moment, moment + timedelta(microseconds=1))
        if previous is not None:
            return previous.astimezone(UTC)
        if back > timedelta(days=400):
            raise LookupError(f"schedule {schedule.name} is never due")
        back *= 4
