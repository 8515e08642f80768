"""Whose a review task is, and who has it open until when. Neither changes the task's version."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import review_task


async def assign(connection: AsyncConnection, task_id: UUID, name: str | None) -> None:
    """Give the task to somebody, or to nobody."""
    await connection.execute(update(review_task).where(review_task.c.id == task_id).values(assignee=name))


async def hold(connection: AsyncConnection, task_id: UUID, name: str, *, now: datetime, until: datetime) -> bool:
    """Have the task open until then, and no other; False when somebody else has it."""
    await connection.execute(
        update(review_task)
        .where(review_task.c.held_by == name, review_task.c.id != task_id)
        .values(held_by=None, held_until=None)
    )
    free = or_(review_task.c.held_until.is_(None), review_task.c.held_until <= now, review_task.c.held_by == name)
    done = await connection.execute(
        update(review_task).where(review_task.c.id == task_id, free).values(held_by=name, held_until=until)
    )
    return bool(done.rowcount)
