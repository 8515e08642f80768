"""What the console's overview pages ask across tables: states, times and counts, never content.

`member_ids` None is every region; otherwise only what these members send or receive.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.domain.messages import State
from hub.storage.tables import mailbox_item, notice, quarantined_row, submission, submission_event

WAITING = (State.AVAILABLE, State.PUSHED, State.EXPIRING)
TAKEN = (State.RECEIVED,)
DONE = (State.PROCESSED,)
FAILED = (State.BUSINESS_ERROR, State.DEAD, State.EXPIRED, State.VOIDED)


@dataclass(frozen=True, slots=True)
class Movement:
    """One message between two members. `due_at` is when its answer is owed, where one is."""

    id: UUID
    submission_id: UUID
    message_id: UUID
    sender_id: int
    recipient_id: int
    kind: str
    state: State
    attempt: int
    received_at: datetime
    queued_at: datetime
    state_at: datetime
    expires_at: datetime
    due_at: datetime | None
    answered_at: datetime | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one member's mailbox."""

    recipient_id: int
    number: int
    since: datetime


def _of(member_ids: Sequence[int] | None) -> list[Any]:
    if member_ids is None:
        return []
    ids = list(member_ids)
    return [mailbox_item.c.sender_id.in_(ids) | mailbox_item.c.recipient_id.in_(ids)]


def _overdue(now: datetime) -> Any:
    """An answer is overdue when the clock says so, whether or not a schedule has noticed yet."""
    return and_(
        notice.c.id.is_not(None),
        notice.c.answered_at.is_(None),
        or_(notice.c.state == "OVERDUE", notice.c.due_at <= now),
    )


def _chosen(
    member_ids: Sequence[int] | None, states: Sequence[str], kind: str | None, overdue: bool, now: datetime
) -> list[Any]:
    conditions = _of(member_ids)
    if states:
        conditions.append(mailbox_item.c.state.in_(list(states)))
    if kind is not None:
        conditions.append(mailbox_item.c.kind == kind)
    if overdue:
        conditions.append(_overdue(now))
    return conditions


async def movements(
    connection: AsyncConnection,
    member_ids: Sequence[int] | None,
    *,
    now: datetime,
    states: Sequence[str] = (),
    kind: str | None = None,
    overdue: bool = False,
    limit: int,
    offset: int = 0,
) -> list[Movement]:
    """Messages in `states` (all when empty), newest first."""
    rows = await connection.execute(
        select(
            mailbox_item,
            submission.c.received_at,
            notice.c.due_at,
            notice.c.answered_at,
            func.coalesce(_overdue(now), False).label("overdue"),
        )
        .join(submission, submission.c.id == mailbox_item.c.submission_id)
        .outerjoin(notice, notice.c.mailbox_item_id == mailbox_item.c.id)
        .where(*_chosen(member_ids, states, kind, overdue, now))
        .order_by(mailbox_item.c.queued_at.desc(), mailbox_item.c.id)
        .limit(limit)
        .offset(offset)
    )
    return [
        Movement(
            row.id,
            row.submission_id,
            row.message_id,
            row.sender_id,
            row.recipient_id,
            row.kind,
            State(row.state),
            row.attempt,
            row.received_at,
            row.queued_at,
            row.state_at,
            row.expires_at,
            row.due_at,
            row.answered_at,
            row.overdue,
        )
        for row in rows
    ]


async def count_movements(
    connection: AsyncConnection,
    member_ids: Sequence[int] | None,
    *,
    now: datetime,
    states: Sequence[str] = (),
    kind: str | None = None,
    overdue: bool = False,
) -> int:
    """How many messages `movements` would list without a limit."""
    found = await connection.execute(
        select(func.count())
        .select_from(mailbox_item)
        .outerjoin(notice, notice.c.mailbox_item_id == mailbox_item.c.id)
        .where(*_chosen(member_ids, states, kind, overdue, now))
    )
    return int(found.scalar_one())


async def kinds(connection: AsyncConnection, member_ids: Sequence[int] | None) -> list[str]:
    """Record kinds that moved."""
    rows = await connection.execute(
        select(mailbox_item.c.kind).where(*_of(member_ids)).distinct().order_by(mailbox_item.c.kind)
    )
    return [row.kind for row in rows]


async def timelines(
    connection: AsyncConnection, submission_ids: Sequence[UUID]
) -> dict[UUID, list[tuple[str, datetime, str]]]:
    """(state, at, detail) of each submission, oldest first."""
    rows = await connection.execute(
        select(submission_event)
        .where(submission_event.c.submission_id.in_(list(submission_ids)))
        .order_by(submission_event.c.id)
    )
    found: dict[UUID, list[tuple[str, datetime, str]]] = defaultdict(list)
    for row in rows:
        found[row.submission_id].append((row.state, row.at, row.detail))
    return dict(found)


async def waiting(connection: AsyncConnection, member_ids: Sequence[int] | None) -> list[Waiting]:
    """For each recipient (of `member_ids`) how many messages wait and since when, the longest first."""
    statement = (
        select(
            mailbox_item.c.recipient_id, func.count().label("number"), func.min(mailbox_item.c.queued_at).label("since")
        )
        .where(mailbox_item.c.state.in_(WAITING))
        .group_by(mailbox_item.c.recipient_id)
        .order_by(func.min(mailbox_item.c.queued_at))
    )
    if member_ids is not None:
        statement = statement.where(mailbox_item.c.recipient_id.in_(list(member_ids)))
    return [Waiting(row.recipient_id, int(row.number), row.since) for row in await connection.execute(statement)]


async def quarantined(connection: AsyncConnection, member_ids: Sequence[int] | None) -> dict[str, int]:
    """Rows set aside by their first reason, of these members' documents."""
    first = func.split_part(quarantined_row.c.codes, ",", 1)
    statement = (
        select(first.label("code"), func.count().label("number"))
        .join(submission, submission.c.id == quarantined_row.c.submission_id)
        .where(quarantined_row.c.state == "held")
        .group_by(first)
        .order_by(func.count().desc(), first)
    )
    if member_ids is not None:
        statement = statement.where(submission.c.member_id.in_(list(member_ids)))
    return {row.code: int(row.number) for row in await connection.execute(statement)}
