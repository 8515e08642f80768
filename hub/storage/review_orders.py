"""Where open review tasks stand in the queue, and why (domain.ordering)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.database import driver
from hub.storage.reviews import COLUMNS, OPEN_STATES, PROPOSED, Review, read
from hub.storage.tables import review_task


async def to_order(connection: AsyncConnection, *, before: datetime, limit: int) -> list[Review]:
    """Open conflicts that were never ordered, or last before that time; what others are just deciding is left out."""
    rows = await connection.execute(
        select(*COLUMNS)
        .where(
            review_task.c.state.in_((*OPEN_STATES, PROPOSED)),
            or_(review_task.c.ordered_at.is_(None), review_task.c.ordered_at < before),
        )
        .order_by(review_task.c.ordered_at.nulls_first(), review_task.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [read(row) for row in rows]


async def put_orders(
    connection: AsyncConnection, orders: Sequence[tuple[UUID, int, dict[str, Any]]], now: datetime
) -> None:
    """Keep (task, priority, why); a view of the task does not become stale by it."""
    raw = driver(connection)
    await raw.execute(
        """
        -- put_orders: where open tasks stand in the queue
        UPDATE review_task t SET priority = o.priority, ordering = o.why, ordered_at = $4
        FROM unnest($1::uuid[], $2::int[], $3::jsonb[]) AS o(id, priority, why) WHERE t.id = o.id""",
        [id_ for id_, _, _ in orders],
        [priority for _, priority, _ in orders],
        [orjson.dumps(why).decode() for _, _, why in orders],
        now,
    )
