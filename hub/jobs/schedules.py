"""The schedules: what is done when. The one list that the clock, the console and `hub doctor` read."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import structlog
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from hub.runtime import Hub
from hub.services import (
    applications,
    digests,
    drift,
    model_change,
    notices,
    ordering,
    proposals,
    reconciliation,
    samples,
    trust,
)
from hub.settings import Settings
from hub.storage import retention

log = structlog.get_logger(__name__)

HEARTBEAT = "heartbeat"
Job = Callable[[Hub, datetime], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job and when it is due. Every moment it is due is one slot, done once by one process."""

    name: str
    trigger: BaseTrigger
    job: Job


async def _reconcile(hub: Hub, due_at: datetime) -> dict[str, Any]:
    report = await reconciliation.run(hub, f"nightly {due_at.isoformat()}", whole=False)
    return {"examined": report.examined, "moved": report.moved, "duplicates": report.duplicates}


async def _digest(hub: Hub, due_at: datetime) -> dict[str, Any]:
    return await digests.digest(hub, due_at)


async def _deadlines(hub: Hub, _: datetime) -> dict[str, Any]:
    # What is given up or over is not warned of as well.
    ended = await notices.give_up(hub) | await notices.expire(hub)
    lapsed = {"lapsed": await proposals.lapse(hub)}
    if hub.settings.sandbox:
        lapsed["left"] = await applications.lapse(hub)
    return await notices.escalate(hub) | ended | await notices.warn(hub) | lapsed


async def _order(hub: Hub, _: datetime) -> dict[str, Any]:
    return {"ordered": await ordering.refresh(hub)}


async def _sample(hub: Hub, _: datetime) -> dict[str, Any]:
    return {"round": str(await samples.draw(hub, "hub"))}


async def _drift(hub: Hub, _: datetime) -> dict[str, Any]:
    return {"moved": len(await drift.measure(hub))}


async def _forget(hub: Hub, _: datetime) -> dict[str, Any]:
    now = hub.now()
    before = now - timedelta(days=hub.settings.retention_days)
    total: Counter[str] = Counter()
    if retired := await model_change.retire_old(hub, before):
        total["linkage_model"] = retired
    while True:
        async with hub.database.begin() as connection:
            deleted = await retention.forget(connection, now=now, before=before)
        total.update(deleted)
        if max(deleted.values(), default=0) < retention.BATCH:
            return dict(total)


async def _heartbeat(_: Hub, due_at: datetime) -> dict[str, Any]:
    log.info("heartbeat", due_at=due_at.isoformat())
    return {}


async def _trust(hub: Hub, _: datetime) -> dict[str, Any]:
    return {"version": await trust.publish_if_due(hub)}


def digest_at(at: time, timezone: str) -> Schedule:
    """The partners' digest, every day at that local time."""
    return Schedule("digest", _daily(at, timezone), _digest)


def _daily(at: time, timezone: str) -> CronTrigger:
    return CronTrigger(hour=at.hour, minute=at.minute, second=at.second, timezone=timezone)


def schedules(settings: Settings) -> list[Schedule]:
    """All schedules under these settings, in their local time."""

    def daily(at: str) -> CronTrigger:
        return _daily(time.fromisoformat(at), settings.timezone)

    def every(*, seconds: float) -> IntervalTrigger:
        # A fixed start, so that every process computes the same moments.
        return IntervalTrigger(seconds=seconds, start_date="2020-01-01 00:00:00", timezone=settings.timezone)

    found = [
        Schedule("reconcile", daily(settings.reconcile_at), _reconcile),
        digest_at(time.fromisoformat(settings.digest_at), settings.timezone),
        Schedule("deadlines", every(seconds=600), _deadlines),
        Schedule("review-order", every(seconds=600), _order),
        Schedule("drift", CronTrigger(day_of_week="mon", hour=5, minute=30, timezone=settings.timezone), _drift),
        # On the first of the month: a round is as much as a region's stewards judge beside their work.
        Schedule("sample", CronTrigger(day=1, hour=5, timezone=settings.timezone), _sample),
        Schedule("trust-list", every(seconds=3600), _trust),
        Schedule("retention", daily("04:00"), _forget),
    ]
    if settings.heartbeat_seconds:
        found.append(Schedule(HEARTBEAT, every(seconds=settings.heartbeat_seconds), _heartbeat))
    return found
