"""The schedules: what is done when. The one list that the clock, the console and `hub doctor` read."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from hub.runtime import Hub
from hub.services import digests, notices, reconciliation, trust
from hub.settings import Settings
from hub.storage import retention

Job = Callable[[Hub, datetime], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job and when it is due. Every moment it is due is one slot, done once by one process."""

    name: str
    trigger: BaseTrigger
    job: Job


async def _reconcile(hub: Hub, due_at: datetime) -> dict[str, Any]:
    report = await reconciliation.run(hub, f"nightly {due_at.isoformat()}")
    return {"examined": report.examined, "moved": report.moved, "duplicates": report.duplicates}


async def _digest(hub: Hub, due_at: datetime) -> dict[str, Any]:
    return await digests.digest(hub, due_at)


async def _deadlines(hub: Hub, _: datetime) -> dict[str, Any]:
    return await notices.escalate(hub) | await notices.expire(hub)


async def _forget(hub: Hub, _: datetime) -> dict[str, Any]:
    now = hub.now()
    before = now - timedelta(days=hub.settings.retention_days)
    async with hub.database.begin() as connection:
        return dict(await retention.forget(connection, now=now, day=now - timedelta(days=1), before=before))


async def _trust(hub: Hub, _: datetime) -> dict[str, Any]:
    return {"version": await trust.publish_if_due(hub)}


def schedules(settings: Settings) -> list[Schedule]:
    """All schedules under these settings, in their local time."""

    def daily(at: str) -> CronTrigger:
        hour, minute = at.split(":")
        return CronTrigger(hour=int(hour), minute=int(minute), timezone=settings.timezone)

    def every(minutes: int) -> IntervalTrigger:
        # A fixed start, so that every process computes the same moments.
        return IntervalTrigger(minutes=minutes, start_date="2020-01-01 00:00:00", timezone=settings.timezone)

    return [
        Schedule("reconcile", daily(settings.reconcile_at), _reconcile),
        Schedule("digest", daily(settings.digest_at), _digest),
        Schedule("deadlines", every(10), _deadlines),
        Schedule("trust-list", every(60), _trust),
        Schedule("retention", daily("04:00"), _forget),
    ]
