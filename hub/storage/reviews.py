"""Review tasks: pairs of records about which a person decides."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import review_task

OPEN_STATES = ("REVIEW", "DEFERRED")
PROPOSED = "PROPOSED"


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
    approved_by: str | None
    decision_seq: int | None
    reopened_seq: int | None
    proposed: Literal["same", "different"] | None
    assignee: str | None
    held_by: str | None
    bulk_id: UUID | None
    priority: int
    ordering: dict[str, Any]
    opened_at: datetime
    deferred_until: datetime | None
    decided_at: datetime | None
    expires_at: datetime | None
    held_until: datetime | None

    def is_held(self, now: datetime, *, against: str) -> bool:
        """Has somebody else than `against` it open?"""
        return self.held_until is not None and self.held_until > now and self.held_by != against


COLUMNS = [review_task.c[field.name] for field in fields(Review)]


def read(row: Any) -> Review:
    """The task behind a row of `COLUMNS`."""
    return Review(**{**row._mapping, "member_ids": tuple(row.member_ids)})


def _visible(member_ids: Sequence[int] | None) -> Any:
    """Tasks a region may see are those that compare a record of its own."""
    if member_ids is None:
        return text("true")
    return review_task.c.member_ids.overlap(list(member_ids))


def _chosen(
    member_ids: Sequence[int] | None,
    states: Sequence[str],
    reason: str | None,
    due: datetime | None,
    assignee: str | None,
) -> list[Any]:
    """`due`: of the deferred ones only those whose time has come by then; `assignee`: only hers."""
    conditions = [review_task.c.state.in_(list(states)), _visible(member_ids)]
    if reason is not None:
        conditions.append(review_task.c.reason == reason)
    if assignee is not None:
        conditions.append(review_task.c.assignee == assignee)
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
    assignee: str | None = None,
) -> list[Review]:
    """Tasks in `states` (opened for `reason`, not deferred beyond `due`, of `assignee`), in the order of `domain.ordering`."""
    rows = await connection.execute(
        select(*COLUMNS)
        .where(*_chosen(member_ids, states, reason, due, assignee))
        .order_by(review_task.c.priority.desc(), review_task.c.id)
        .limit(limit)
        .offset(offset)
    )
    return [read(row) for row in rows]


async def reasons(
    connection: AsyncConnection,
    member_ids: Sequence[int] | None,
    *,
    states: Sequence[str],
    due: datetime | None = None,
    assignee: str | None = None,
) -> dict[str, int]:
    """How many tasks in `states` were opened for which reason."""
    rows = await connection.execute(
        select(review_task.c.reason, func.count())
        .where(*_chosen(member_ids, states, None, due, assignee))
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
    due: datetime,
    name: str,
) -> tuple[UUID | None, UUID | None]:
    """The tasks before and behind `task` in the queue, whether or not `task` is (still) in it; none that others than
    `name` have open.
    """
    free = or_(review_task.c.held_until.is_(None), review_task.c.held_until <= due, review_task.c.held_by == name)
    conditions = [*_chosen(member_ids, states, reason, due, None), free]
    place = tuple_(-review_task.c.priority, review_task.c.id)
    here = tuple_(-task.priority, task.id)
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


async def to_approve(connection: AsyncConnection, member_ids: Sequence[int] | None, name: str) -> int:
    """Proposals of others than `name`."""
    statement = (
        select(func.count())
        .select_from(review_task)
        .where(review_task.c.state == PROPOSED, review_task.c.decided_by != name, _visible(member_ids))
    )
    return int((await connection.execute(statement)).scalar_one())


async def get(
    connection: AsyncConnection, task_id: UUID, member_ids: Sequence[int] | None, *, lock: bool = False
) -> Review | None:
    """The task, if this region may see it."""
    statement = select(*COLUMNS).where(review_task.c.id == task_id, _visible(member_ids))
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return read(row) if row else None


async def of_pair(connection: AsyncConnection, a: int, b: int, *, lock: bool = False) -> Review | None:
    """The task about the records `a` < `b`, whoever may see it."""
    statement = select(*COLUMNS).where(review_task.c.a == a, review_task.c.b == b)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return read(row) if row else None


async def between(
    connection: AsyncConnection, first: Sequence[int], second: Sequence[int], member_ids: Sequence[int] | None
) -> Review | None:
    """The open task, if this region may see it, that compares a record of `first` with one of `second`; locked."""
    a, b = review_task.c.a, review_task.c.b
    either = or_(a.in_(first) & b.in_(second), a.in_(second) & b.in_(first))
    statement = select(*COLUMNS).where(either, review_task.c.state.in_(OPEN_STATES), _visible(member_ids))
    rows = await connection.execute(statement.order_by(review_task.c.weight.desc()).limit(1).with_for_update())
    row = rows.one_or_none()
    return read(row) if row else None


async def touching(connection: AsyncConnection, ids: Sequence[int], member_ids: Sequence[int] | None) -> bool:
    """Is there an open task about one of these records that this region may see?"""
    either = or_(review_task.c.a.in_(ids), review_task.c.b.in_(ids))
    statement = select(review_task.c.id).where(either, review_task.c.state.in_(OPEN_STATES), _visible(member_ids))
    return (await connection.execute(statement.limit(1))).one_or_none() is not None


async def alike(
    connection: AsyncConnection,
    member_ids: Sequence[int] | None,
    *,
    reason: str,
    low: float | None,
    high: float | None,
    limit: int,
) -> list[Review]:
    """Conflicts that wait, opened for `reason`, of weights from `low` up to `high`; none that evidence reopened."""
    conditions = [*_chosen(member_ids, ("REVIEW",), reason, None, None), review_task.c.reopened_seq.is_(None)]
    if low is not None:
        conditions.append(review_task.c.weight >= low)
    if high is not None:
        conditions.append(review_task.c.weight < high)
    statement = select(*COLUMNS).where(*conditions).order_by(review_task.c.id).limit(limit)
    return [read(row) for row in await connection.execute(statement)]


async def of_lot(connection: AsyncConnection, lot_id: UUID, member_ids: Sequence[int] | None) -> list[UUID]:
    """Conflicts whose newest decision is part of the lot."""
    statement = select(review_task.c.id).where(review_task.c.bulk_id == lot_id, _visible(member_ids))
    return list((await connection.execute(statement.order_by(review_task.c.id))).scalars())


async def lapsed(connection: AsyncConnection, now: datetime, limit: int) -> list[Review]:
    """Proposals whose time is over, locked; what others are just deciding is left to them."""
    rows = await connection.execute(
        select(*COLUMNS)
        .where(review_task.c.state == PROPOSED, review_task.c.expires_at <= now)
        .order_by(review_task.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [read(row) for row in rows]


async def settle(
    connection: AsyncConnection,
    task_id: UUID,
    *,
    state: str,
    by: str | None,
    seq: int | None,
    now: datetime,
    approved_by: str | None = None,
    proposed: str | None = None,
    reopened_seq: int | None = None,
    deferred_until: datetime | None = None,
    expires_at: datetime | None = None,
    bulk_id: UUID | None = None,
) -> None:
    """Record a decision, a proposal, a deferral or its undoing; whoever had it open lets go of it."""
    await connection.execute(
        update(review_task)
        .where(review_task.c.id == task_id)
        .values(
            state=state,
            version=review_task.c.version + 1,
            decided_by=by,
            decision_seq=seq,
            approved_by=approved_by,
            reopened_seq=reopened_seq,
            proposed=proposed,
            bulk_id=bulk_id,
            decided_at=now if state not in OPEN_STATES else None,
            deferred_until=deferred_until,
            expires_at=expires_at,
            held_by=None,
            held_until=None,
        )
    )
