"""Notices on their way to webhooks, and the deadlines of what was delivered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.ids import new_id
from hub.storage.tables import delivery, mailbox_item, notice


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice to one endpoint; `id` is the webhook id and stays the same over attempts."""

    id: UUID
    endpoint_id: int
    topic: str
    payload: bytes
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """An answer that is owed: `member_id` owes it to `to_member`."""

    id: int
    mailbox_item_id: UUID | None
    member_id: int
    to_member: int
    kind: str
    state: str
    opened_at: datetime
    due_at: datetime


async def queue(
    connection: AsyncConnection, endpoint_id: int, topic: str, dedupe: str, payload: bytes, now: datetime
) -> UUID | None:
    """Queue a notice; None when one with this `dedupe` value is known to the endpoint already."""
    made: UUID | None = (
        await connection.execute(
            upsert(delivery)
            .values(
                id=new_id(),
                endpoint_id=endpoint_id,
                topic=topic,
                dedupe=dedupe,
                payload=payload,
                state="QUEUED",
                next_at=now,
            )
            .on_conflict_do_nothing()
            .returning(delivery.c.id)
        )
    ).scalar_one_or_none()
    return made


_CLAIM = text("""
    -- claim: notices that are due; next_at moves behind the attempt, so a crash only delays it
    UPDATE delivery SET attempts = attempts + 1, next_at = :until
    WHERE id IN (SELECT d.id FROM delivery d JOIN endpoint e ON e.id = d.endpoint_id
                 WHERE d.state = 'QUEUED' AND d.next_at <= :now AND e.state <> 'disabled'
                 ORDER BY d.next_at LIMIT :limit FOR UPDATE OF d SKIP LOCKED)
    RETURNING id, endpoint_id, topic, payload, attempts, created_at""")


async def claim(connection: AsyncConnection, now: datetime, *, seconds: int, limit: int) -> list[Delivery]:
    """Take up to `limit` notices for `seconds`."""
    rows = await connection.execute(_CLAIM, {"now": now, "until": now + timedelta(seconds=seconds), "limit": limit})
    return [Delivery(r.id, r.endpoint_id, r.topic, bytes(r.payload), r.attempts, r.created_at) for r in rows]


async def settle(
    connection: AsyncConnection,
    delivery_id: UUID,
    *,
    state: str,
    now: datetime,
    next_at: datetime | None = None,
    error: str | None = None,
) -> None:
    """PUSHED, DEAD, or QUEUED again for `next_at`."""
    await connection.execute(
        update(delivery)
        .where(delivery.c.id == delivery_id)
        .values(
            state=state,
            next_at=next_at or now,
            last_error=error[:300] if error else None,
            pushed_at=now if state == "PUSHED" else None,
        )
    )


async def abandon(connection: AsyncConnection, endpoint_id: int, now: datetime, error: str) -> None:
    """What waits for an endpoint that wants no more is not sent."""
    await connection.execute(
        update(delivery)
        .where(delivery.c.endpoint_id == endpoint_id, delivery.c.state == "QUEUED")
        .values(state="DEAD", next_at=now, last_error=error)
    )


async def totals(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """Notices by (topic, state)."""
    rows = await connection.execute(
        select(delivery.c.topic, delivery.c.state, func.count()).group_by(delivery.c.topic, delivery.c.state)
    )
    return {(topic, state): int(number) for topic, state, number in rows}


async def open_notice(
    connection: AsyncConnection,
    item_id: UUID,
    *,
    member_id: int,
    to_member: int,
    kind: str,
    now: datetime,
    due: datetime,
) -> None:
    """An answer to the item is owed by `due`."""
    await connection.execute(
        upsert(notice)
        .values(
            mailbox_item_id=item_id,
            member_id=member_id,
            to_member=to_member,
            kind=kind,
            state="OPEN",
            opened_at=now,
            due_at=due,
        )
        .on_conflict_do_nothing()
    )


async def answer_notice(connection: AsyncConnection, item_id: UUID, now: datetime) -> None:
    """The answer has come, in time or late."""
    await connection.execute(
        update(notice)
        .where(notice.c.mailbox_item_id == item_id, notice.c.state.in_(["OPEN", "OVERDUE"]))
        .values(state="ANSWERED", answered_at=now)
    )


async def void_notice(connection: AsyncConnection, item_id: UUID) -> None:
    """No answer is owed any more: the message is not handed over."""
    await connection.execute(
        update(notice)
        .where(notice.c.mailbox_item_id == item_id, notice.c.state.in_(["OPEN", "OVERDUE"]))
        .values(state="VOIDED")
    )


async def overdue(connection: AsyncConnection, now: datetime, limit: int) -> list[Notice]:
    """Turn open notices whose time has passed into overdue ones; each is answered here once."""
    due = (
        select(notice.c.id)
        .where(notice.c.state == "OPEN", notice.c.due_at <= now)
        .order_by(notice.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = await connection.execute(
        update(notice).where(notice.c.id.in_(due)).values(state="OVERDUE", escalated_at=now).returning(notice)
    )
    return [_notice(row) for row in rows]


def _notice(row: Any) -> Notice:
    return Notice(
        row.id, row.mailbox_item_id, row.member_id, row.to_member, row.kind, row.state, row.opened_at, row.due_at
    )


async def notices(
    connection: AsyncConnection, member_ids: Sequence[int] | None, *, states: Sequence[str], limit: int
) -> list[Notice]:
    """Notices in `states`, the most pressing first."""
    statement = select(notice).where(notice.c.state.in_(list(states))).order_by(notice.c.due_at).limit(limit)
    if member_ids is not None:
        ids = list(member_ids)
        statement = statement.where(notice.c.member_id.in_(ids) | notice.c.to_member.in_(ids))
    return [_notice(row) for row in await connection.execute(statement)]


async def digest_counts(
    connection: AsyncConnection, member_id: int, since: datetime, until: datetime
) -> dict[str, Any]:
    """What a day brought to a member: items by kind, answers owed, answers overdue. Numbers only."""
    kinds = await connection.execute(
        select(mailbox_item.c.kind, func.count())
        .where(
            mailbox_item.c.recipient_id == member_id,
            mailbox_item.c.queued_at >= since,
            mailbox_item.c.queued_at < until,
        )
        .group_by(mailbox_item.c.kind)
    )
    owed = await connection.execute(
        select(notice.c.state, func.count())
        .where(notice.c.member_id == member_id, notice.c.state.in_(["OPEN", "OVERDUE"]))
        .group_by(notice.c.state)
    )
    return {
        "items": {kind: int(number) for kind, number in kinds},
        "answers": {state.lower(): int(number) for state, number in owed},
    }
