"""The ledger of look-ups: who saw, or was refused, what about whom, for what purpose."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import access_event


@dataclass(frozen=True, slots=True)
class Access:
    """One look-up, delivery or refusal. `subject` is a blind index of member|record id."""

    actor: str
    region: str
    act: str
    purpose: str
    person_id: UUID | None
    subject: bytes | None
    fields: tuple[str, ...]
    outcome: str
    at: datetime


async def note(connection: AsyncConnection, events: Sequence[Access]) -> None:
    """Write look-ups in the act's own transaction."""
    if events:
        await connection.execute(
            insert(access_event),
            [
                {
                    "actor": e.actor,
                    "region": e.region,
                    "act": e.act,
                    "purpose": e.purpose,
                    "person_id": e.person_id,
                    "subject": e.subject,
                    "fields": list(e.fields),
                    "outcome": e.outcome,
                    "at": e.at,
                }
                for e in events
            ],
        )


async def about(
    connection: AsyncConnection, person_ids: Sequence[UUID], subjects: Sequence[bytes], *, limit: int = 500
) -> list[Access]:
    """Everything noted about a person, by any id she had and any record of hers, newest first."""
    rows = await connection.execute(
        select(access_event)
        .where(or_(access_event.c.person_id.in_(list(person_ids)), access_event.c.subject.in_(list(subjects))))
        .order_by(access_event.c.id.desc())
        .limit(limit)
    )
    return [
        Access(r.actor, r.region, r.act, r.purpose, r.person_id, r.subject, tuple(r.fields), r.outcome, r.at)
        for r in rows
    ]


async def outcomes(connection: AsyncConnection, act: str) -> dict[str, int]:
    """How often `act` ended how."""
    rows = await connection.execute(
        select(access_event.c.outcome, func.count()).where(access_event.c.act == act).group_by(access_event.c.outcome)
    )
    return {outcome: int(number) for outcome, number in rows}
