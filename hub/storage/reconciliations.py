"""Runs of reconciliation and how far each has come, and what members hold twice."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.tables import reconciliation_run, source_record


@dataclass(frozen=True, slots=True)
class Run:
    """One run: records up to `last_record`, those up to `cursor` examined."""

    id: UUID
    cause: str
    model: str
    cursor: int
    last_record: int
    counts: dict[str, int]
    state: str
    started_at: datetime
    finished_at: datetime | None


def _run(row: Any) -> Run:
    return Run(
        row.id,
        row.cause,
        row.model,
        row.cursor,
        row.last_record,
        row.counts,
        row.state,
        row.started_at,
        row.finished_at,
    )


async def begin(connection: AsyncConnection, cause: str, model: str, now: datetime) -> Run:
    """The run for `cause`: a new one, or the one that was begun and not finished."""
    last = (await connection.execute(select(func.coalesce(func.max(source_record.c.id), 0)))).scalar_one()
    await connection.execute(
        upsert(reconciliation_run)
        .values(
            id=new_id(),
            cause=cause,
            state="RUNNING",
            model=model,
            last_record=last,
            counts={"examined": 0, "moved": 0, "reviews": 0},
            started_at=now,
        )
        .on_conflict_do_nothing(index_elements=["cause"])
    )
    row = (await connection.execute(select(reconciliation_run).where(reconciliation_run.c.cause == cause))).one()
    return _run(row)


async def lock(connection: AsyncConnection, run_id: UUID, cursor: int) -> bool:
    """Hold the run for this transaction; False when another process has gone on with it meanwhile."""
    row = (
        await connection.execute(
            select(reconciliation_run.c.cursor).where(reconciliation_run.c.id == run_id).with_for_update()
        )
    ).one()
    return bool(row.cursor == cursor)


async def advance(connection: AsyncConnection, run: Run, *, cursor: int, **added: int) -> Run:
    """Move the cursor and add to the counts."""
    counts = {name: number + added.get(name, 0) for name, number in run.counts.items()}
    await connection.execute(
        update(reconciliation_run).where(reconciliation_run.c.id == run.id).values(cursor=cursor, counts=counts)
    )
    return replace(run, cursor=cursor, counts=counts)


async def finish(connection: AsyncConnection, run: Run, *, duplicates: int, notices: int, now: datetime) -> bool:
    """Close the run; False when it was closed before."""
    done = await connection.execute(
        update(reconciliation_run)
        .where(reconciliation_run.c.id == run.id, reconciliation_run.c.state == "RUNNING")
        .values(state="DONE", counts={**run.counts, "duplicates": duplicates, "notices": notices}, finished_at=now)
    )
    return bool(done.rowcount)


async def newest(connection: AsyncConnection, limit: int) -> list[Run]:
    """The newest runs."""
    rows = await connection.execute(
        select(reconciliation_run).order_by(reconciliation_run.c.started_at.desc()).limit(limit)
    )
    return [_run(row) for row in rows]


async def duplicates_by_member(connection: AsyncConnection) -> dict[int, tuple[int, int]]:
    """For each member (persons, records) of those persons of whom it holds several live records."""
    rows = await connection.execute(
        text("""
            -- duplicates_by_member: how many persons a member holds more than once, and in how many records
            SELECT member_id, count(*) AS persons, sum(held) AS records FROM (
                SELECT s.member_id, m.person_id, count(*) AS held
                FROM membership m JOIN source_record s ON s.id = m.record_id WHERE s.live
                GROUP BY s.member_id, m.person_id HAVING count(*) > 1) AS several
            GROUP BY member_id""")
    )
    return {row.member_id: (int(row.persons), int(row.records)) for row in rows}
