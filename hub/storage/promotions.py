"""Promotions of members from the sandbox: proposed by one person, done by another; sealed like all that says who may."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage import seals
from hub.storage.tables import promotion

PROPOSED, DONE = "PROPOSED", "DONE"


@dataclass(frozen=True, slots=True)
class Promotion:
    """`report` is the check-list as the sandbox signed it; `divisions` what the member is to answer for."""

    id: UUID
    name: str
    report: str
    divisions: tuple[str, ...]
    state: str
    proposed_by: str
    approved_by: str | None
    proposed_at: datetime
    expires_at: datetime


def _promotion(row: Any) -> Promotion:
    values = {name: row._mapping[name] for name in Promotion.__slots__}
    return Promotion(**values | {"divisions": tuple(row.divisions)})


async def add(connection: AsyncConnection, made: Promotion) -> None:
    """Keep a proposal."""
    values = asdict(made) | {"divisions": list(made.divisions)}
    await connection.execute(insert(promotion).values(**values, seal=seals.of(connection, promotion, values)))


async def open_ones(connection: AsyncConnection, now: datetime) -> list[Promotion]:
    """What is proposed and not over, the oldest first."""
    rows = await connection.execute(
        select(promotion)
        .where(promotion.c.state == PROPOSED, promotion.c.expires_at > now)
        .order_by(promotion.c.proposed_at, promotion.c.id)
    )
    return [_promotion(row) for row in seals.genuine(connection, promotion, rows)]


async def locked(connection: AsyncConnection, id_: UUID, now: datetime) -> Promotion | None:
    """The proposal, if it is open; nobody else answers it until the transaction ends."""
    row = await seals.find(
        connection,
        promotion,
        promotion.c.id == id_,
        promotion.c.state == PROPOSED,
        promotion.c.expires_at > now,
        lock=True,
    )
    return _promotion(row) if row is not None else None


async def done(connection: AsyncConnection, id_: UUID, approved_by: str) -> None:
    """Note that it was approved."""
    row = await seals.find(connection, promotion, promotion.c.id == id_, lock=True)
    if row is not None:
        await seals.change(connection, promotion, row, state=DONE, approved_by=approved_by)
