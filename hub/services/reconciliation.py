"""Reconciles duplicates: every record compared anew against everyone, the difference against today's persons applied.

Resumable: a run keeps its cursor in the transaction that examined the records, so a crash repeats nothing. Records that
one member holds twice of one person are told to that member (清理重复), never deleted by us; contradictions become review
tasks. Merges move no data, so what later evidence refutes comes apart again (再核查再清理).
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from hub.errors import Conflict
from hub.runtime import Hub
from hub.services import linking, models, notices
from hub.storage import audit, people, reconciliations
from hub.storage.audit import Act
from hub.storage.reconciliations import Run

_BATCH = 500
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to."""

    run: UUID
    examined: int
    moved: int
    reviews: int
    duplicates: int
    notices: int


async def run(hub: Hub, cause: str, *, progress: Progress | None = None) -> Report:
    """Begin, or go on with, the run for `cause` (a schedule's slot, or "now"), and take it to its end."""
    async with hub.database.begin() as connection:
        model = (await models.in_force(hub, connection)).model
        current = await reconciliations.begin(connection, cause, model.hash[:16], hub.now())
    while current.cursor < current.last_record:
        current = await _step(hub, current)
        if progress is not None:
            progress(current.cursor, current.last_record)
    return await _finish(hub, current)


async def _step(hub: Hub, current: Run) -> Run:
    """Examine the next records in one transaction."""
    now = hub.now()
    async with hub.database.begin() as connection:
        if not await reconciliations.lock(connection, current.id, current.cursor):
            raise Conflict("lease-lost", "Another process goes on with this reconciliation.", retry="NORMAL")
        ids = await people.records_behind(connection, current.cursor, current.last_record, _BATCH)
        if not ids:
            return await reconciliations.advance(connection, current, cursor=current.last_record)
        outcome = await linking.rescore(hub, connection, ids, now, cause="reconciliation")
        return await reconciliations.advance(
            connection,
            current,
            cursor=ids[-1],
            examined=len(ids),
            moved=sum(1 for old, _ in outcome.moves.values() if old is not None),
            reviews=outcome.reviews,
        )


async def _finish(hub: Hub, current: Run) -> Report:
    """Find what members hold twice, tell them, and close the run."""
    now = hub.now()
    async with hub.database.begin() as connection:
        duplicates = await reconciliations.duplicates_by_member(connection)
        told = 0
        for member_id, (persons, records) in sorted(duplicates.items()):
            content = {"run": str(current.id), "persons": persons, "records": records}
            told += await notices.tell(hub, connection, member_id, "duplicate", current.cause, content)
        total = sum(records - persons for persons, records in duplicates.values())
        done = await reconciliations.finish(connection, current, duplicates=total, notices=told, now=now)
        if done:
            content = {"run": str(current.id), **current.counts, "duplicates": total}
            await audit.append(connection, hub.vault, [Act("reconcile", "hub", content, now)])
    counts = current.counts
    return Report(current.id, counts["examined"], counts["moved"], counts["reviews"], total, told)
