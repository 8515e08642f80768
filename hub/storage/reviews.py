"""Review tasks: pairs of records about which a person decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.database import driver
from hub.storage.linkage_models import OF_MODEL_IN_FORCE
from hub.storage.tables import review_task

OPEN_STATES = ("REVIEW", "DEFERRED")


@dataclass(frozen=True, slots=True)
class Review:
    """One task; `version` rises with every change, so that a decision on a stale view is refused."""

    id: UUID
    a: int
    b: int
    reason: str
    weight: float
    state: str
    version: int
    member_ids: tuple[int, ...]
    decided_by: str | None
    decision_seq: int | None
    opened_at: datetime
    deferred_until: datetime | None
    decided_at: datetime | None


def _review(row: Any) -> Review:
    return Review(
        row.id,
        row.a,
        row.b,
        row.reason,
        row.weight,
        row.state,
        row.version,
        tuple(row.member_ids),
        row.decided_by,
        row.decision_seq,
        row.opened_at,
        row.deferred_until,
        row.decided_at,
    )


async def open_tasks(
    connection: AsyncConnection,
    tasks: Sequence[tuple[int, int, str, float, Sequence[int]]],
    now: datetime,
    *,
    keep_deferred: bool = False,
) -> int:
    """Open tasks (a, b, reason, weight, member ids) for pairs that have none; a withdrawn one is opened again.

    Somebody may have put that off: new evidence ends it, unless `keep_deferred`.
    """
    if not tasks:
        return 0
    raw = await driver(connection)
    opened = await raw.fetch(
        """
        -- open_tasks: one row a pair; of those known already only the withdrawn are opened again
        INSERT INTO review_task (id, a, b, reason, weight, state, member_ids, opened_at)
        SELECT gen_random_uuid(), t.a, t.b, t.reason, t.weight, 'REVIEW',
               CASE WHEN t.one = t.other THEN ARRAY[t.one] ELSE ARRAY[LEAST(t.one, t.other), GREATEST(t.one, t.other)] END,
               $7
        FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::real[], $5::bigint[], $6::bigint[])
             AS t(a, b, reason, weight, one, other)
        ON CONFLICT (a, b) DO UPDATE SET reason = excluded.reason, weight = excluded.weight,
            member_ids = excluded.member_ids, version = review_task.version + 1, opened_at = excluded.opened_at,
            state = CASE WHEN $8 AND review_task.deferred_until > $7 THEN 'DEFERRED' ELSE 'REVIEW' END,
            deferred_until = CASE WHEN $8 AND review_task.deferred_until > $7 THEN review_task.deferred_until END
        WHERE review_task.state = 'WITHDRAWN' RETURNING id""",
        [a for a, _, _, _, _ in tasks],
        [b for _, b, _, _, _ in tasks],
        [reason for _, _, reason, _, _ in tasks],
        [weight for _, _, _, weight, _ in tasks],
        [members[0] for _, _, _, _, members in tasks],
        [members[-1] for _, _, _, _, members in tasks],
        now,
        keep_deferred,
    )
    return len(opened)


async def withdraw(connection: AsyncConnection, pairs: Sequence[tuple[int, int]]) -> None:
    """Close open tasks of pairs that need no decision any more."""
    if not pairs:
        return
    raw = await driver(connection)
    await raw.execute(
        """
        -- withdraw: tasks nobody has to decide now
        UPDATE review_task SET state = 'WITHDRAWN', version = version + 1
        FROM unnest($1::bigint[], $2::bigint[]) AS p(a, b)
        WHERE review_task.a = p.a AND review_task.b = p.b AND state IN ('REVIEW', 'DEFERRED')""",
        [a for a, _ in pairs],
        [b for _, b in pairs],
    )


async def withdraw_unfounded(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Close open tasks about the records `ids` whose pair no longer speaks for one person at all."""
    raw = await driver(connection)
    await raw.execute(
        f"""
        -- withdraw_unfounded: open tasks without a score behind them
        UPDATE review_task t SET state = 'WITHDRAWN', version = version + 1
        WHERE state IN ('REVIEW', 'DEFERRED') AND (a = ANY($1::bigint[]) OR b = ANY($1::bigint[]))
          AND NOT EXISTS (SELECT 1 FROM pair_score p WHERE p.model = {OF_MODEL_IN_FORCE} AND p.a = t.a AND p.b = t.b)""",  # noqa: S608
        list(ids),
    )


def _visible(member_ids: Sequence[int] | None) -> Any:
    """Tasks a region may see are those that compare a record of its own."""
    if member_ids is None:
        return text("true")
    return review_task.c.member_ids.overlap(list(member_ids))


def _chosen(
    member_ids: Sequence[int] | None, states: Sequence[str], reason: str | None, due: datetime | None
) -> list[Any]:
    """`due`: of the deferred ones only those whose time has come by then."""
    conditions = [review_task.c.state.in_(list(states)), _visible(member_ids)]
    if reason is not None:
        conditions.append(review_task.c.reason == reason)
    if due is not None:
        conditions.append(or_(review_task.c.deferred_until.is_(None), review_task.c.deferred_until <= due))
    return conditions


async def queue(
    connection: AsyncConnection,
    member_ids: Sequence[int] | None,
    *,
    states: Sequence[str],
    limit: int,
    offset: int = 0,
    reason: str | None = None,
    due: datetime | None = None,
) -> list[Review]:
    """Tasks in `states` (opened for `reason`, not deferred beyond `due`), most likely the same person first."""
    rows = await connection.execute(
        select(review_task)
        .where(*_chosen(member_ids, states, reason, due))
        .order_by(review_task.c.weight.desc(), review_task.c.id)
        .limit(limit)
        .offset(offset)
    )
    return [_review(row) for row in rows]


async def reasons(
    connection: AsyncConnection, member_ids: Sequence[int] | None, *, states: Sequence[str], due: datetime | None = None
) -> dict[str, int]:
    """How many tasks in `states` were opened for which reason."""
    rows = await connection.execute(
        select(review_task.c.reason, func.count())
        .where(*_chosen(member_ids, states, None, due))
        .group_by(review_task.c.reason)
    )
    return {reason: int(number) for reason, number in rows}


async def neighbours(
    connection: AsyncConnection,
    member_ids: Sequence[int] | None,
    task: Review,
    *,
    states: Sequence[str],
    reason: str | None = None,
    due: datetime | None = None,
) -> tuple[UUID | None, UUID | None]:
    """The tasks before and behind `task` in the queue, whether or not `task` is (still) in it."""
    conditions = _chosen(member_ids, states, reason, due)
    place = tuple_(-review_task.c.weight, review_task.c.id)
    here = tuple_(-task.weight, task.id)
    before = select(review_task.c.id).where(*conditions, place < here).order_by(place.desc()).limit(1)
    behind = select(review_task.c.id).where(*conditions, place > here).order_by(place).limit(1)
    found = [(await connection.execute(statement)).scalar_one_or_none() for statement in (before, behind)]
    return found[0], found[1]


async def totals(connection: AsyncConnection, member_ids: Sequence[int] | None) -> dict[str, int]:
    """How many tasks are in which state."""
    rows = await connection.execute(
        select(review_task.c.state, func.count()).where(_visible(member_ids)).group_by(review_task.c.state)
    )
    return {state: int(number) for state, number in rows}


async def get(
    connection: AsyncConnection, task_id: UUID, member_ids: Sequence[int] | None, *, lock: bool = False
) -> Review | None:
    """The task, if this region may see it."""
    statement = select(review_task).where(review_task.c.id == task_id, _visible(member_ids))
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return _review(row) if row else None


async def exists(connection: AsyncConnection, task_id: UUID) -> bool:
    """Is there such a task at all? Only for telling a refused look-up from a mistyped id in the audit log."""
    return (
        await connection.execute(select(review_task.c.id).where(review_task.c.id == task_id))
    ).one_or_none() is not None


async def settle(
    connection: AsyncConnection,
    task_id: UUID,
    *,
    state: str,
    by: str | None,
    seq: int | None,
    now: datetime,
    deferred_until: datetime | None = None,
) -> None:
    """Record a decision, a deferral or its undoing."""
    await connection.execute(
        update(review_task)
        .where(review_task.c.id == task_id)
        .values(
            state=state,
            version=review_task.c.version + 1,
            decided_by=by,
            decision_seq=seq,
            decided_at=now if state not in OPEN_STATES else None,
            deferred_until=deferred_until,
        )
    )
