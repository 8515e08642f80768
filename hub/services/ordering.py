"""Keeps the order of the queue current: what hangs on the persons of open conflicts changes while they wait."""

from datetime import timedelta
from typing import Final

from hub.domain import ordering
from hub.domain.ordering import Order, Stakes
from hub.runtime import Hub
from hub.services import source_records
from hub.storage import review_orders, stakes
from hub.storage.database import AsyncConnection
from hub.storage.reviews import Review

_BATCH: Final = 100
_ROUNDS: Final = 20
_EVERY: Final = timedelta(minutes=30)
"""How long an order counts before it is looked at again."""


async def refresh(hub: Hub) -> int:
    """Order anew what was never ordered or long ago, the oldest first, up to a bound; answers how many."""
    total = 0
    for _ in range(_ROUNDS):
        now = hub.now()
        async with hub.database.begin() as connection:
            found = await review_orders.to_order(connection, before=now - _EVERY, limit=_BATCH)
            orders = [(task.id, await _order(hub, connection, task)) for task in found]
            await review_orders.put_orders(connection, [(id_, o.priority, o.why) for id_, o in orders], now)
        total += len(found)
        if len(found) < _BATCH:
            break
    return total


async def _order(hub: Hub, connection: AsyncConnection, task: Review) -> Order:
    sides = await source_records.sides(hub, connection, task.a, task.b)
    if sides is None:
        return ordering.of(Stakes(task.weight, task.reason))
    subjects = source_records.subjects(hub, source_records.few(sides))
    papers, pending = await stakes.papers(connection, subjects), await stakes.pending(connection, subjects)
    return ordering.of(
        Stakes(
            weight=task.weight,
            reason=task.reason,
            together=sides.together,
            papers=papers.certificates + papers.sealed,
            many_records=max(len(sides.a), len(sides.b)) > hub.settings.four_eyes_records,
            deliveries=pending.deliveries,
            notices=pending.notices,
            certificates=pending.certificates,
        )
    )
