"""Reconciliation: everybody, or what changed since the last time, compared anew in batches, as often as one likes.

It resumes where it stopped. Records that a member holds twice are told to that member (清理重复), never deleted by us;
contradictions become review tasks. Merges move no data, so what later evidence refutes comes apart again, and what was
decided is held against today's evidence (再核查再清理).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from hub.errors import Conflict
from hub.linkage.model import Model
from hub.runtime import Hub
from hub.services import linking, models, notices
from hub.services.projecting import Outcome
from hub.storage import audit, members, people, reconciliations
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.reconciliations import Run

_BATCH = 500
_OVERLAP: Final = timedelta(hours=1)
"""What was being stored while the last run looked is looked at again."""
WHOLE_EVERY: Final = timedelta(days=7)
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


async def run(hub: Hub, cause: str, *, whole: bool = True, progress: Progress | None = None) -> Report:
    """Begin, or go on with, the run for `cause` (a schedule's slot, or "now"), and take it to its end.

    `whole` examines everybody; otherwise only records that changed since the last run, unless the model, a member's
    promise or a week's time asks for everybody.
    """
    async with hub.database.begin() as connection:
        model = (await models.in_force(hub, connection)).model
        rules = await _rules(connection, model)
        since = None if whole else await _since(hub, connection, rules)
        counted = await people.counts(connection)
        report = {"records": counted["records"], "persons_before": counted["persons"]}
        current = await reconciliations.begin(
            connection, cause, model=model.hash[:16], rules=rules, since=since, report=report, now=hub.now()
        )
    while current.cursor < current.last_record:
        current = await _step(hub, current)
        if progress is not None:
            progress(current.cursor, current.last_record)
    return await _finish(hub, current)


async def _rules(connection: AsyncConnection, model: Model) -> str:
    """What pairs are judged by: under other rules, what did not change may come out otherwise."""
    promised = sorted(await members.unique_sources(connection))
    return sha256(f"{model.hash} {promised}".encode()).hexdigest()[:16]


async def _since(hub: Hub, connection: AsyncConnection, rules: str) -> datetime | None:
    """From when on records have to be looked at; None when it is everybody's turn."""
    complete = await reconciliations.last_done(connection, rules, whole=True)
    last = await reconciliations.last_done(connection, rules)
    if complete is None or last is None or hub.now() - complete.started_at >= WHOLE_EVERY:
        return None
    return last.started_at - _OVERLAP


async def _step(hub: Hub, current: Run) -> Run:
    """Examine the next records in one transaction."""
    now = hub.now()
    async with hub.database.begin() as connection:
        if not await reconciliations.lock(connection, current.id, current.cursor):
            raise Conflict("lease-lost", "Another process goes on with this reconciliation.", retry="NORMAL")
        ids = await people.records_behind(
            connection, current.cursor, current.last_record, _BATCH, changed_since=current.since
        )
        if not ids:
            return await reconciliations.advance(connection, current, cursor=current.last_record, by_member={})
        outcome = await linking.rescore(hub, connection, ids, now, cause="reconciliation")
        by_member = await _by_member(connection, outcome)
        return await reconciliations.advance(
            connection,
            current,
            cursor=ids[-1],
            by_member=by_member,
            examined=len(ids),
            moved=sum(1 for old, _ in outcome.moves.values() if old is not None),
            reviews=outcome.reviews,
            joined=sum(counts["joined"] for counts in by_member.values()),
            parted=sum(counts["parted"] for counts in by_member.values()),
            decisions=outcome.examined,
            reopened=outcome.reopened,
        )


async def _by_member(connection: AsyncConnection, outcome: Outcome) -> Mapping[str, Counter[str]]:
    """Of each member, by name: records examined, joined to another person, parted into one of their own.

    A record that moves to a person named after a record that moves as well was parted: nobody was there before.
    """
    infos = await people.info(connection, {*outcome.records, *outcome.moves})
    names = {member.id: member.name for member in await members.all_members(connection)}
    led = {infos[id_].anchor for id_ in outcome.moves}
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for id_ in outcome.records:
        found[names.get(infos[id_].member_id, "")]["examined"] += 1
    for id_, (old, new) in outcome.moves.items():
        if old is not None:
            found[names.get(infos[id_].member_id, "")]["parted" if new in led else "joined"] += 1
    return found


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
        report = await _report(connection, current, duplicates)
        done = await reconciliations.finish(connection, current, duplicates=total, notices=told, report=report, now=now)
        if done:
            content = {"run": str(current.id), **current.counts, "duplicates": total}
            await audit.append(connection, hub.vault, [Act("reconcile", "hub", content, now)])
    counts = current.counts
    return Report(current.id, counts["examined"], counts["moved"], counts["reviews"], total, told)


async def _report(
    connection: AsyncConnection, current: Run, duplicates: Mapping[int, tuple[int, int]]
) -> dict[str, Any]:
    """What the run's last transaction adds to its report: persons now, tasks by reason, what is held twice."""
    names = {member.id: member.name for member in await members.all_members(connection)}
    tasks: Counter[str] = Counter()
    of_member: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for ids, reason, number in await reconciliations.opened_since(connection, current.started_at):
        tasks[reason] += number
        for id_ in ids:
            of_member[names.get(id_, "")][reason] += number
    return {
        "persons_after": (await people.counts(connection))["persons"],
        "tasks": dict(tasks),
        "tasks_of": {name: dict(counts) for name, counts in of_member.items()},
        "duplicates": {
            names.get(id_, ""): {"persons": persons, "records": records}
            for id_, (persons, records) in duplicates.items()
        },
    }
