"""Lots: verdicts given for many like conflicts at once."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import review_lot


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
    state: str = "RUNNING"
    done: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


def _lot(row: Any) -> Lot:
    return Lot(**row._mapping)


async def add(connection: AsyncConnection, lot: Lot) -> None:
    """A lot begins."""
    await connection.execute(insert(review_lot).values(**asdict(lot)))


async def close(connection: AsyncConnection, lot_id: UUID, *, state: str, done: int, skipped: dict[str, int]) -> None:
    """What came of it."""
    await connection.execute(
        update(review_lot).where(review_lot.c.id == lot_id).values(state=state, done=done, skipped=skipped)
    )


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
