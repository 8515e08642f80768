"""Requests to see another region's record in full: asked, answered by that region, over after a time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage import seals
from hub.storage.tables import access_event, reveal_request

ASKED, APPROVED, DENIED = "ASKED", "APPROVED", "DENIED"
_SPACE = 0x6C71_7276  # "lqrv"


@dataclass(frozen=True, slots=True)
class Request:
    """`asked_by` of `region` wants to see the numbers of a record of the member `member_id`."""

    id: UUID
    task_id: UUID
    record_id: int
    member_id: int
    asked_by: str
    region: str
    purpose: str
    state: str
    answered_by: str | None
    asked_at: datetime
    answered_at: datetime | None
    expires_at: datetime


def _request(row: Any) -> Request:
    return Request(*(row._mapping[name] for name in Request.__slots__))


async def add(connection: AsyncConnection, made: Request) -> None:
    """Keep a request."""
    values = asdict(made)
    seal = seals.of(connection, reveal_request, values)
    await connection.execute(insert(reveal_request).values(**values, seal=seal))


async def _open(connection: AsyncConnection, now: datetime, *where: ColumnElement[bool]) -> list[Request]:
    rows = await connection.execute(
        select(reveal_request).where(reveal_request.c.expires_at > now, *where).order_by(reveal_request.c.asked_at)
    )
    return [_request(row) for row in seals.genuine(connection, reveal_request, rows)]


async def of_task(connection: AsyncConnection, task_id: UUID, now: datetime) -> list[Request]:
    """The requests about a conflict whose time is not over, oldest first."""
    return await _open(connection, now, reveal_request.c.task_id == task_id)


async def waiting(connection: AsyncConnection, member_ids: Sequence[int], now: datetime) -> list[Request]:
    """What these members have not answered yet, oldest first."""
    return await _open(connection, now, reveal_request.c.member_id.in_(member_ids), reveal_request.c.state == ASKED)


async def answer(
    connection: AsyncConnection, request_id: UUID, *, state: str, by: str, now: datetime, until: datetime
) -> bool:
    """Approve or deny, which then holds `until`; False when it was answered already."""
    is_open = reveal_request.c.state == ASKED
    row = await seals.find(connection, reveal_request, reveal_request.c.id == request_id, is_open, lock=True)
    if row is not None:
        values = {"state": state, "answered_by": by, "answered_at": now, "expires_at": until}
        await seals.change(connection, reveal_request, row, **values)
    return row is not None


async def lock_user(connection: AsyncConnection, name: str) -> None:
    """Let this user reveal or ask once at a time, so that a quota holds."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(:space, hashtext(:name))"), {"space": _SPACE, "name": name}
    )


async def count_since(connection: AsyncConnection, name: str, since: datetime) -> int:
    """How many records this user saw in full or asked for."""
    event = access_event.c
    counted = event.act.in_(["reveal", "ask-reveal"]) & (event.outcome == "permit")
    found = await connection.execute(select(func.count()).where(event.actor == name, event.at >= since, counted))
    return int(found.scalar_one())
