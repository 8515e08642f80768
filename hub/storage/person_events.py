"""Changes of persons, as they were told: one event for each change, complete, in order; and who belonged to whom when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import membership, person_event


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


async def version(connection: AsyncConnection, person_id: UUID) -> int:
    """The last event by which a record came to the person: a number that rises whenever one does."""
    statement = select(func.coalesce(func.max(membership.c.since), 0)).where(membership.c.person_id == person_id)
    return int((await connection.execute(statement)).scalar_one())


async def belonging(connection: AsyncConnection, *, at: int | None = None) -> dict[int, UUID]:
    """The person of each record after the event `at`, or now: later events do not change the answer."""
    if at is None:
        rows = await connection.execute(select(membership.c.record_id, membership.c.person_id))
    else:
        rows = await connection.execute(
            text("""
                -- belonging: what stood after an event, from what stands now and what stood before
                SELECT record_id, person_id FROM membership WHERE since <= :at
                UNION ALL
                SELECT record_id, person_id FROM membership_history WHERE from_event <= :at AND to_event > :at"""),
            {"at": at},
        )
    return {row.record_id: row.person_id for row in rows}


def digest(persons: Mapping[int, UUID]) -> str:
    """SHA-256 of who belongs to whom: equal exactly for equal persons."""
    lines = "\n".join(f"{record} {person}" for record, person in sorted(persons.items()))
    return sha256(lines.encode()).hexdigest()
