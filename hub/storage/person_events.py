"""Changes of persons, as they were told: one event for each change, complete, in order."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import person_event


@dataclass(frozen=True, slots=True)
class PersonEvent:
    """One change of persons: `moves` are (record, from, to); from is None for a record that is new."""

    id: int
    cause: str
    decision_seq: int | None
    moves: tuple[tuple[int, UUID | None, UUID], ...]
    at: datetime


async def events(connection: AsyncConnection, *, after: int = 0, limit: int = 1000) -> list[PersonEvent]:
    """Changes of persons behind the event `after`, in order."""
    rows = await connection.execute(
        select(person_event).where(person_event.c.id > after).order_by(person_event.c.id).limit(limit)
    )
    return [
        PersonEvent(
            row.id,
            row.cause,
            row.decision_seq,
            tuple((record, UUID(old) if old else None, UUID(new)) for record, old, new in row.moves),
            row.at,
        )
        for row in rows
    ]
