"""A steward merges two records, or takes that back: decisions of the review service, previewed by what they change.

No record is changed and none moves: MUST_LINK is one more event about the two, and its undoing another. A preview writes
nothing but that somebody looked.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from hub.errors import Conflict, Invalid, NotAllowed
from hub.runtime import Hub
from hub.services import cases, projecting, settling, verdicts
from hub.services.identity import foreseeing, steward_acts
from hub.services.identity.foreseeing import Foreseen, Kind
from hub.services.identity.steward_acts import Named
from hub.services.patience import until_free
from hub.services.sessions import User
from hub.services.settling import Decided
from hub.services.source_records import Record
from hub.storage import decisions, people, review_openings
from hub.storage import reviews as tasks
from hub.storage.database import AsyncConnection
from hub.storage.decisions import Decision
from hub.storage.reviews import Review

ASKED: Final = "asked"
"""The reason of a conflict that nobody found: a steward asked whether the two are one."""
REASON: Final = "patient-administration"
PROPOSED: Final = tasks.PROPOSED
_SHOWN: Final = ("merge",)


@dataclass(frozen=True, slots=True)
class Asked:
    """A merge, or its undoing, as it is asked for. `seen` is what a preview said."""

    source: Named
    target: Named
    reason: str = REASON
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """What was, or would be, done. `seq` is the event; None for a preview, and for what waits for a second person."""

    source: Record
    target: Record
    foreseen: Foreseen
    at: datetime
    state: str = "PREVIEWED"
    seq: int | None = None
    task_id: UUID | None = None


async def preview(hub: Hub, user: User, asked: Asked, *, undo: bool = False) -> Merged:
    """Exactly what `merge` (or `undo`) will change. Raises NotAllowed, NotFound, Invalid, Conflict."""
    act = "preview-undo-merge" if undo else "preview-merge"
    async with steward_acts.refusals_noted(hub, user, act):
        steward_acts.check_role(user)
        now = hub.now()
        async with hub.database.read() as connection:
            source, target = await _pair(hub, connection, user, asked)
            kind: Kind | None = "MUST"
            if undo:
                _, held = await _undoable(connection, user, source, target)
                kind = await _left(connection, held)
            foreseen = await foreseeing.foresee(hub, connection, user, source, target, kind)
        async with hub.database.begin() as connection:
            await cases.note(hub, connection, user, (source, target), act=act, fields=_SHOWN, now=now)
        return Merged(source, target, foreseen, now)


async def merge(hub: Hub, user: User, asked: Asked) -> Merged:
    """Decide that the two are one person. Raises as `preview`, and Conflict `contradiction`, `stale`, `already-merged`;
    nothing is written then but the refusal.
    """
    async with steward_acts.refusals_noted(hub, user, "merge"):
        steward_acts.check_role(user)
        return await until_free(partial(_merge, hub, user, asked))


async def _merge(hub: Hub, user: User, asked: Asked) -> Merged:
    async with hub.database.begin() as connection:
        source, target = await _locked_pair(hub, connection, user, asked)
        return await decide(hub, connection, user, source, target, "MUST", asked.reason, asked.seen, hub.now())


async def undo(hub: Hub, user: User, asked: Asked) -> Merged:
    """Take a merge back: persons are as if it had never been decided. Raises Conflict `not-merged`, `stale`, NotAllowed."""
    async with steward_acts.refusals_noted(hub, user, "undo-merge"):
        steward_acts.check_role(user)
        return await until_free(partial(_undo, hub, user, asked))


async def _undo(hub: Hub, user: User, asked: Asked) -> Merged:
    now = hub.now()
    async with hub.database.begin() as connection:
        source, target = await _locked_pair(hub, connection, user, asked)
        task, held = await _undoable(connection, user, source, target, lock=True)
        foreseen = await foreseeing.foresee(hub, connection, user, source, target, await _left(connection, held))
        _check_seen(asked.seen, foreseen)
        a, b = sorted((source, target), key=lambda record: record.id)
        seen = cases.seen(task, a.version, b.version)
        done = await verdicts.retract(hub, connection, user, task, held, asked.reason, seen, now)
        return await _done(connection, source, target, foreseen, done, now)


async def decide(
    hub: Hub,
    connection: AsyncConnection,
    user: User,
    source: Record,
    target: Record,
    kind: Kind,
    reason: str,
    seen: str | None,
    now: datetime,
) -> Merged:
    """Record MUST or CANNOT about two locked records. Raises Conflict."""
    foreseen = await foreseeing.foresee(hub, connection, user, source, target, kind)
    _check_seen(seen, foreseen)
    if foreseen.contradiction or (
        kind == "CANNOT" and foreseen.held is not None and foreseen.held.kind != "CANNOT_LINK"
    ):
        raise Conflict(
            "contradiction",
            "This contradicts an earlier decision about records that would come together. Nothing was changed; "
            "that one has to be taken back first.",
        )
    if foreseen.held is not None:
        raise Conflict("already-decided", "That is decided already. Nothing was changed.")
    task = await _task(connection, source, target, now)
    a, b = sorted((source, target), key=lambda record: record.id)
    settling.check_free(task, user, now)
    seen_by_task = cases.seen(task, a.version, b.version)
    weighed = await settling.fresh(hub, connection, task, seen_by_task, tasks.OPEN_STATES)
    said = verdicts.Said("same" if kind == "MUST" else "different", reason)
    done = await verdicts.record(hub, connection, user, task, weighed, said, seen_by_task, now)
    return await _done(connection, source, target, foreseen, done, now)


def _check_seen(seen: str | None, foreseen: Foreseen) -> None:
    if seen is not None and seen != foreseen.seen:
        raise Conflict("stale", "This would change something else now than the preview said. Nothing was changed.")


async def _done(
    connection: AsyncConnection, source: Record, target: Record, foreseen: Foreseen, done: Decided, now: datetime
) -> Merged:
    task = await tasks.get(connection, done.task_id, None)
    seq = task.decision_seq if task is not None and done.state != PROPOSED else None
    return Merged(source, target, foreseen, now, done.state, seq, done.task_id)


async def _pair(hub: Hub, connection: AsyncConnection, user: User, asked: Asked) -> tuple[Record, Record]:
    """(source, target), if the user may act on them. Raises NotFound, Invalid, Conflict."""
    if not asked.reason.strip() or len(asked.reason) > verdicts.LONGEST_REASON:
        raise Invalid("bad-reason", f"A reason has 1 to {verdicts.LONGEST_REASON} characters.")
    source = await steward_acts.record_of(hub, connection, user, asked.source)
    target = await steward_acts.record_of(hub, connection, user, asked.target)
    await steward_acts.check_visible(connection, user, (source, target))
    steward_acts.check_version(asked.source, source)
    steward_acts.check_version(asked.target, target)
    if source.id == target.id:
        raise Invalid("same-record", "The source and the target are the same record.")
    return source, target


async def _locked_pair(hub: Hub, connection: AsyncConnection, user: User, asked: Asked) -> tuple[Record, Record]:
    """The same with all records locked whose persons depend on them."""
    source, target = await _pair(hub, connection, user, asked)
    await projecting.lock_component(connection, (source.id, target.id))
    return await _pair(hub, connection, user, asked)


async def _undoable(
    connection: AsyncConnection, user: User, source: Record, target: Record, *, lock: bool = False
) -> tuple[Review, Decision]:
    """The conflict that a steward decided by merging the two, asked about again since or not, and that decision.

    Raises Conflict `not-merged`, NotAllowed `not-yours`.
    """
    a, b = sorted((source.id, target.id))
    task = await tasks.of_pair(connection, a, b, lock=lock)
    said = [event for event in await decisions.of_pair(connection, a, b) if event.kind not in decisions.BY_SOURCES]
    held = decisions.held_after(said)
    if task is None or task.state == PROPOSED or held is None or held.kind != "MUST_LINK":
        raise Conflict("not-merged", "No steward has merged these two records. Nothing was changed.")
    if not cases.may_take_back(user, held):
        raise NotAllowed("not-yours", "Only a supervisor may undo what another has decided.")
    return task, held


async def _left(connection: AsyncConnection, merged: Decision) -> Kind | None:
    """What stewards say of the two once the decision is taken back: what it had replaced, mostly nothing."""
    former = await verdicts.replaced(connection, merged)
    if former is None:
        return None
    return "MUST" if former.kind == "MUST_LINK" else "CANNOT"


async def _task(connection: AsyncConnection, source: Record, target: Record, now: datetime) -> Review:
    """The conflict about the two, opened where nobody has found one. Raises Conflict `stale`."""
    a, b = sorted((source, target), key=lambda record: record.id)
    pair = await people.pair(connection, a.id, b.id)
    weight = pair.weight if pair is not None else 0.0
    await review_openings.open_tasks(connection, [(a.id, b.id, ASKED, weight, (a.member.id, b.member.id))], now)
    task = await tasks.of_pair(connection, a.id, b.id, lock=True)
    if task is None or task.state not in tasks.OPEN_STATES:
        raise Conflict("stale", "The conflict about the two is being decided otherwise. Nothing was changed.")
    return task
