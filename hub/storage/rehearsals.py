"""What was seen of a member's rehearsal in the sandbox: one sealed row a member, as `domain.rehearsal` makes it."""

from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage import seals
from hub.storage.tables import rehearsal


async def begin(connection: AsyncConnection, member_id: int, state: dict[str, Any]) -> None:
    """Open a member's list."""
    values = {"member_id": member_id, "state": state}
    await connection.execute(insert(rehearsal).values(**values, seal=seals.of(connection, rehearsal, values)))


async def get(connection: AsyncConnection, member_id: int, *, lock: bool = False) -> dict[str, Any] | None:
    """The member's list; None where it has none, or one that the hub did not write."""
    row = await seals.find(connection, rehearsal, rehearsal.c.member_id == member_id, lock=lock)
    return dict(row.state) if row is not None else None


async def put(connection: AsyncConnection, member_id: int, state: dict[str, Any]) -> None:
    """Set a list that was locked."""
    row = await seals.find(connection, rehearsal, rehearsal.c.member_id == member_id, lock=True)
    if row is not None:
        await seals.change(connection, rehearsal, row, state=state)
