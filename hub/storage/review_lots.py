"""Lots: verdicts given for many like conflicts at once."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import review_lot

RUNNING, DONE, UNDONE = "RUNNING", "DONE", "UNDONE"


@dataclass(frozen=True, slots=True)
class Lot:
    """One lot. `reason` is why it was decided so, `opened_for` and `band` which conflicts; `done` of `total` stand."""

    id: UUID
    actor: str
    region: str
    verdict: str
    reason: str
    opened_for: str
    band: str
    total: int
    created_at: datetime
    state: str = RUNNING
    done: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


def _lot(row: Any) -> Lot:
    return Lot(**row._mapping)


async def add(connection: AsyncConnection, lot: Lot) -> None:
    """A lot begins."""
    await connection.execute(insert(review_lot).values(**asdict(lot)))


async def is_running(connection: AsyncConnection, lot_id: UUID) -> bool:
    """Is the lot still being decided? Then it is until the transaction ends."""
    statement = select(review_lot.c.state).where(review_lot.c.id == lot_id).with_for_update(read=True)
    return bool((await connection.execute(statement)).scalar_one() == RUNNING)


async def finish(connection: AsyncConnection, lot_id: UUID, *, done: int, skipped: dict[str, int]) -> None:
    """What came of it, unless it is undone already."""
    values = {"state": DONE, "done": done, "skipped": skipped}
    await connection.execute(
        update(review_lot).where(review_lot.c.id == lot_id, review_lot.c.state == RUNNING).values(**values)
    )


async def undo(connection: AsyncConnection, lot_id: UUID) -> None:
    """Nothing more is decided in it; waits for what is just being decided."""
    await connection.execute(update(review_lot).where(review_lot.c.id == lot_id).values(state=UNDONE))


async def undone(connection: AsyncConnection, lot_id: UUID, *, done: int, skipped: dict[str, int]) -> None:
    """What came of its undoing."""
    await connection.execute(update(review_lot).where(review_lot.c.id == lot_id).values(done=done, skipped=skipped))


async def get(connection: AsyncConnection, lot_id: UUID, region: str | None) -> Lot | None:
    """The lot, if it is of that region; None is every region."""
    statement = select(review_lot).where(review_lot.c.id == lot_id)
    if region is not None:
        statement = statement.where(review_lot.c.region == region)
    row = (await connection.execute(statement)).one_or_none()
    return _lot(row) if row else None


async def newest(connection: AsyncConnection, region: str | None, limit: int) -> list[Lot]:
    """The newest lots of that region; None is every region."""
    statement = select(review_lot).order_by(review_lot.c.created_at.desc(), review_lot.c.id).limit(limit)
    if region is not None:
        statement = statement.where(review_lot.c.region == region)
    return [_lot(row) for row in await connection.execute(statement)]
