"""The clock's slots: each (schedule, due time) is claimed once, however many processes tick.

A slot whose holder died is taken over when its lease has passed; the job itself resumes from what it stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import schedule_slot


@dataclass(frozen=True, slots=True)
class Slot:
    """A claimed moment of a schedule."""

    schedule: str
    due_at: datetime
    attempts: int


async def claim(
    connection: AsyncConnection, schedule: str, due_at: datetime, worker: str, lease_until: datetime
) -> Slot | None:
    """Take the slot; None when anybody has it or had it."""
    row = (
        await connection.execute(
            upsert(schedule_slot)
            .values(schedule=schedule, due_at=due_at, claimed_by=worker, state="CLAIMED", lease_until=lease_until)
            .on_conflict_do_nothing()
            .returning(schedule_slot.c.attempts)
        )
    ).one_or_none()
    return Slot(schedule, due_at, row.attempts) if row else None


async def take_over(
    connection: AsyncConnection,
    worker: str,
    now: datetime,
    lease_until: datetime,
    *,
    attempts: int,
    names: Sequence[str],
) -> Slot | None:
    """Take one slot of the schedules `names` whose holder let its lease pass, at most `attempts` times."""
    chosen = (
        select(schedule_slot.c.schedule, schedule_slot.c.due_at)
        .where(
            schedule_slot.c.schedule.in_(list(names)),
            schedule_slot.c.state == "CLAIMED",
            schedule_slot.c.lease_until < now,
            schedule_slot.c.attempts < attempts,
        )
        .order_by(schedule_slot.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    row = (
        await connection.execute(
            update(schedule_slot)
            .where(schedule_slot.c.schedule == chosen.c.schedule, schedule_slot.c.due_at == chosen.c.due_at)
            .values(claimed_by=worker, lease_until=lease_until, attempts=schedule_slot.c.attempts + 1)
            .returning(schedule_slot.c.schedule, schedule_slot.c.due_at, schedule_slot.c.attempts)
        )
    ).one_or_none()
    return Slot(row.schedule, row.due_at, row.attempts) if row else None


async def give_up(connection: AsyncConnection, now: datetime, *, attempts: int) -> list[Slot]:
    """End the slots whose every holder died: FAILED, so that it is seen."""
    rows = await connection.execute(
        update(schedule_slot)
        .where(
            schedule_slot.c.state == "CLAIMED",
            schedule_slot.c.lease_until < now,
            schedule_slot.c.attempts >= attempts,
        )
        .values(state="FAILED", outcome={"error": "abandoned"}, finished_at=now, lease_until=None)
        .returning(schedule_slot.c.schedule, schedule_slot.c.due_at, schedule_slot.c.attempts)
    )
    return [Slot(row.schedule, row.due_at, row.attempts) for row in rows]


async def renew(connection: AsyncConnection, slot: Slot, worker: str, lease_until: datetime) -> bool:
    """Keep holding a slot; False when it was taken over."""
    done = await connection.execute(
        update(schedule_slot)
        .where(
            schedule_slot.c.schedule == slot.schedule,
            schedule_slot.c.due_at == slot.due_at,
            schedule_slot.c.claimed_by == worker,
            schedule_slot.c.state == "CLAIMED",
        )
        .values(lease_until=lease_until)
    )
    return bool(done.rowcount)


async def finish(
    connection: AsyncConnection, slot: Slot, *, state: str, outcome: dict[str, Any], now: datetime
) -> None:
    """The slot is DONE or FAILED, with what came of it; nothing is written for a holder that was taken over."""
    await connection.execute(
        update(schedule_slot)
        .where(
            schedule_slot.c.schedule == slot.schedule,
            schedule_slot.c.due_at == slot.due_at,
            schedule_slot.c.attempts == slot.attempts,
            schedule_slot.c.state == "CLAIMED",
        )
        .values(state=state, outcome=outcome, finished_at=now, lease_until=None)
    )


async def last(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The newest slot of each schedule: schedule, due_at, state, attempts, outcome, finished_at."""
    newest = (
        select(schedule_slot.c.schedule, func.max(schedule_slot.c.due_at).label("due_at"))
        .group_by(schedule_slot.c.schedule)
        .subquery()
    )
    rows = await connection.execute(
        select(schedule_slot)
        .join(
            newest,
            (newest.c.schedule == schedule_slot.c.schedule) & (newest.c.due_at == schedule_slot.c.due_at),
        )
        .order_by(schedule_slot.c.schedule)
    )
    return [dict(row._mapping) for row in rows]
