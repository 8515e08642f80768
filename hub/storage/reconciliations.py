"""Runs of reconciliation, how far each has come, what each came to, and what members hold twice."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.tables import reconciliation_run, review_task, source_record

COUNTED = ("examined", "moved", "reviews", "joined", "parted", "decisions", "reopened")
Tally = Mapping[str, Mapping[str, int]]
"""Counts of each member, by its name."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: records up to `last_record` that changed after `since` (all when None), those up to `cursor` examined.

    `rules` names the model and promises it goes by; `report` is what a manager reads (services.reconciliation_reports).
    """

    id: UUID
    cause: str
    model: str
    rules: str
    since: datetime | None
    cursor: int
    last_record: int
    counts: dict[str, int]
    report: dict[str, Any]
    state: str
    started_at: datetime
    finished_at: datetime | None

    @property
    def whole(self) -> bool:
        """Is everybody examined, and not only what changed?"""
        return self.since is None


_COLUMNS = [reconciliation_run.c[name] for name in Run.__slots__]


def _run(row: Any) -> Run:
    return Run(**row._mapping)


async def begin(
    connection: AsyncConnection,
    cause: str,
    *,
    model: str,
    rules: str,
    since: datetime | None,
    report: Mapping[str, Any],
    now: datetime,
) -> Run:
    """The run for `cause`: a new one, or the one that was begun and not finished."""
    last = (await connection.execute(select(func.coalesce(func.max(source_record.c.id), 0)))).scalar_one()
    await connection.execute(
        upsert(reconciliation_run)
        .values(
            id=new_id(),
            cause=cause,
            state="RUNNING",
            model=model,
            rules=rules,
            since=since,
            last_record=last,
            counts=dict.fromkeys(COUNTED, 0),
            report=dict(report),
            started_at=now,
        )
        .on_conflict_do_nothing(index_elements=["cause"])
    )
    return _run((await connection.execute(select(*_COLUMNS).where(reconciliation_run.c.cause == cause))).one())


async def lock(connection: AsyncConnection, run_id: UUID, cursor: int) -> bool:
    """Hold the run for this transaction; False when another process has gone on with it meanwhile."""
    row = (
        await connection.execute(
            select(reconciliation_run.c.cursor).where(reconciliation_run.c.id == run_id).with_for_update()
        )
    ).one()
    return bool(row.cursor == cursor)


async def advance(connection: AsyncConnection, run: Run, *, cursor: int, by_member: Tally, **added: int) -> Run:
    """Move the cursor and add to the counts, in all and of each member."""
    counts = {name: number + added.get(name, 0) for name, number in run.counts.items()}
    report = {**run.report, "members": _sum(run.report.get("members", {}), by_member)}
    values = {"cursor": cursor, "counts": counts, "report": report}
    await connection.execute(update(reconciliation_run).where(reconciliation_run.c.id == run.id).values(**values))
    return replace(run, cursor=cursor, counts=counts, report=report)


def _sum(before: Tally, more: Tally) -> dict[str, dict[str, int]]:
    names: Iterable[str] = {*before, *more}
    return {name: dict(Counter(before.get(name, {})) + Counter(more.get(name, {}))) for name in sorted(names)}


async def finish(
    connection: AsyncConnection, run: Run, *, duplicates: int, notices: int, report: Mapping[str, Any], now: datetime
) -> bool:
    """Close the run; False when it was closed before."""
    counts = {**run.counts, "duplicates": duplicates, "notices": notices}
    done = await connection.execute(
        update(reconciliation_run)
        .where(reconciliation_run.c.id == run.id, reconciliation_run.c.state == "RUNNING")
        .values(state="DONE", counts=counts, report={**run.report, **report}, finished_at=now)
    )
    return bool(done.rowcount)


async def newest(connection: AsyncConnection, limit: int) -> list[Run]:
    """The newest runs."""
    rows = await connection.execute(
        select(*_COLUMNS).order_by(reconciliation_run.c.started_at.desc(), reconciliation_run.c.id.desc()).limit(limit)
    )
    return [_run(row) for row in rows]


async def get(connection: AsyncConnection, run_id: UUID) -> Run | None:
    """The run of that id."""
    row = (await connection.execute(select(*_COLUMNS).where(reconciliation_run.c.id == run_id))).one_or_none()
    return _run(row) if row else None


async def last_done(connection: AsyncConnection, rules: str, *, whole: bool = False) -> Run | None:
    """The newest finished run under these rules; `whole`: of those that examined everybody."""
    statement = select(*_COLUMNS).where(reconciliation_run.c.state == "DONE", reconciliation_run.c.rules == rules)
    if whole:
        statement = statement.where(reconciliation_run.c.since.is_(None))
    row = (await connection.execute(statement.order_by(reconciliation_run.c.started_at.desc()).limit(1))).one_or_none()
    return _run(row) if row else None


async def opened_since(connection: AsyncConnection, since: datetime) -> list[tuple[tuple[int, ...], str, int]]:
    """Review tasks opened since then: (members concerned, reason, how many)."""
    rows = await connection.execute(
        select(review_task.c.member_ids, review_task.c.reason, func.count())
        .where(review_task.c.opened_at >= since)
        .group_by(review_task.c.member_ids, review_task.c.reason)
    )
    return [(tuple(ids), reason, int(number)) for ids, reason, number in rows]


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
