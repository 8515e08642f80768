"""Work as claimed rows: a lease, never a promise in memory.

A claim takes rows nobody holds with FOR UPDATE SKIP LOCKED; whoever works renews the lease in each transaction with
`hold()`, which raises when the lease has passed to another (fencing), so that nothing is done twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import Conflict
from hub.storage.tables import work_item

LEASE_LOST = "lease-lost"


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed piece of work."""

    id: int
    kind: str
    subject: UUID
    attempts: int
    lease: UUID


async def put(connection: AsyncConnection, kind: str, subject: UUID, *, now: datetime, priority: int = 5) -> None:
    """Ask for work on `subject`; asking twice is asking once.

    Asking again revives what was set aside, and takes it from whoever is at it, so that what changed meanwhile counts.
    """
    statement = insert(work_item).values(
        kind=kind, subject=subject, priority=priority, available_at=now, created_at=now
    )
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["kind", "subject"],
            set_={"state": "READY", "attempts": 0, "available_at": now, "lease": None, "lease_until": None},
        )
    )


async def waiting(connection: AsyncConnection) -> int:
    """How many pieces of work are not done."""
    return int(
        (
            await connection.execute(select(func.count()).select_from(work_item).where(work_item.c.state == "READY"))
        ).scalar_one()
    )


async def waiting_of(connection: AsyncConnection, member_id: int) -> int:
    """How many pieces of work about a member's documents are not done."""
    statement = text("""
        SELECT count(*) FROM work_item w JOIN submission s ON s.id = w.subject
        WHERE w.state = 'READY' AND s.member_id = :member""")
    return int((await connection.execute(statement, {"member": member_id})).scalar_one())


_CLAIM = text("""
    -- claim: up to :limit pieces nobody holds, most urgent first
    UPDATE work_item SET lease = :lease, lease_until = :until, attempts = attempts + 1
    WHERE id IN (
        SELECT id FROM work_item
        WHERE state = 'READY' AND kind = ANY(:kinds) AND available_at <= :now
          AND (lease_until IS NULL OR lease_until < :now)
        ORDER BY priority, id LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, subject, attempts""")


async def claim(
    connection: AsyncConnection, kinds: Sequence[str], now: datetime, *, seconds: int, limit: int = 1
) -> list[Work]:
    """Take up to `limit` pieces for `seconds`."""
    lease = uuid4()
    rows = await connection.execute(
        _CLAIM,
        {
            "lease": lease,
            "until": now + timedelta(seconds=seconds),
            "kinds": list(kinds),
            "now": now,
            "limit": limit,
        },
    )
    return [Work(row.id, row.kind, row.subject, row.attempts, lease) for row in rows]


async def claim_subject(
    connection: AsyncConnection, kind: str, subject: UUID, now: datetime, *, seconds: int
) -> Work | None:
    """Take the one piece of work about `subject`, if nobody holds it; its tries are counted anew."""
    lease = uuid4()
    row = (
        await connection.execute(
            update(work_item)
            .where(
                work_item.c.kind == kind,
                work_item.c.subject == subject,
                work_item.c.lease_until.is_(None) | (work_item.c.lease_until < now),
            )
            .values(
                lease=lease,
                lease_until=now + timedelta(seconds=seconds),
                attempts=1,
                state="READY",
            )
            .returning(work_item.c.id, work_item.c.attempts)
        )
    ).one_or_none()
    return Work(row.id, kind, subject, row.attempts, lease) if row else None


async def hold(connection: AsyncConnection, work: Work, until: datetime) -> None:
    """Renew the lease inside the act's own transaction. Raises Conflict `lease-lost` when it is no longer ours."""
    done = await connection.execute(
        update(work_item).where(work_item.c.id == work.id, work_item.c.lease == work.lease).values(lease_until=until)
    )
    if done.rowcount != 1:
        raise _lost()


async def progressed(connection: AsyncConnection, work: Work) -> None:
    """Something of it is done for good: its tries are counted anew, so that long work survives many crashes."""
    await connection.execute(
        update(work_item).where(work_item.c.id == work.id, work_item.c.lease == work.lease).values(attempts=0)
    )


async def finish(connection: AsyncConnection, work: Work) -> None:
    """Done: the row goes. Raises Conflict `lease-lost` like `hold`."""
    done = await connection.execute(delete(work_item).where(work_item.c.id == work.id, work_item.c.lease == work.lease))
    if done.rowcount != 1:
        raise _lost()


async def fail(connection: AsyncConnection, work: Work, error: str, *, retry_at: datetime, most: int) -> bool:
    """Give it back for later, or set it aside when its `most` tries are used up: True then.

    Raises Conflict `lease-lost` like `hold`.
    """
    state = (
        await connection.execute(
            update(work_item)
            .where(work_item.c.id == work.id, work_item.c.lease == work.lease)
            .values(
                lease=None,
                lease_until=None,
                last_error=error[:500],
                available_at=retry_at,
                state=case((work_item.c.attempts >= most, "DEAD"), else_="READY"),
            )
            .returning(work_item.c.state)
        )
    ).scalar_one_or_none()
    if state is None:
        raise _lost()
    return bool(state == "DEAD")


async def lay_down(connection: AsyncConnection, work: Work) -> None:
    """Give it back unharmed: whoever comes next may have it at once, and this try is not counted.

    Raises Conflict `lease-lost` like `hold`.
    """
    done = await connection.execute(
        update(work_item)
        .where(work_item.c.id == work.id, work_item.c.lease == work.lease)
        .values(lease=None, lease_until=None, attempts=func.greatest(work_item.c.attempts - 1, 0))
    )
    if done.rowcount != 1:
        raise _lost()


def _lost() -> Conflict:
    return Conflict(LEASE_LOST, "Another worker has taken this piece of work over.", retry="NORMAL")


async def health(connection: AsyncConnection) -> tuple[int, datetime | None, int]:
    """(waiting, since when the oldest waits, set aside)."""
    ready, dead = work_item.c.state == "READY", work_item.c.state == "DEAD"
    row = (
        await connection.execute(
            select(
                func.count().filter(ready), func.min(work_item.c.created_at).filter(ready), func.count().filter(dead)
            )
        )
    ).one()
    return int(row[0]), row[1], int(row[2])
