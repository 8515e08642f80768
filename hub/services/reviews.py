"""Decisions about conflicts: the queue, deciding, undoing. One transaction each.

A decision is an event; persons follow from all events together, so undoing is one more event. What somebody decides on
is what somebody saw: if the conflict or one of its records has changed since, nothing is written.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from hub.errors import Conflict, Invalid, NotAllowed
from hub.runtime import Hub
from hub.services import cases, linking, models
from hub.services.cases import Record
from hub.services.sessions import User
from hub.storage import audit, decisions, linkage_models, people, reviews
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.decisions import Decision
from hub.storage.reviews import Review

Verdict = Literal["same", "different", "defer"]
_KINDS: dict[Verdict, tuple[str, str]] = {
    "same": ("MUST_LINK", "CONFIRMED"),
    "different": ("CANNOT_LINK", "REJECTED"),
    "defer": ("DEFER", "DEFERRED"),
}
DEFER_DAYS = (1, 7, 30)
LONGEST_REASON, LONGEST_NOTE = 60, 1000
_ROUNDS = 5

VIEWS = ("open", "deferred", "decided")
_STATES = {"open": ("REVIEW", "DEFERRED"), "deferred": ("DEFERRED",), "decided": ("CONFIRMED", "REJECTED")}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the queue."""

    task: Review
    a: Record | None
    b: Record | None


@dataclass(frozen=True, slots=True)
class Queue:
    """A page of the queue; `reasons` counts all tasks of this view by reason; `review` and `auto` are the thresholds."""

    rows: tuple[Row, ...]
    reasons: dict[str, int]
    total: int
    review: float
    auto: float


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision or an undoing: how many records changed their person."""

    task_id: UUID
    state: str
    moved: int


async def queue(
    hub: Hub, user: User, *, view: str = "open", reason: str | None = None, limit: int = 25, offset: int = 0
) -> Queue:
    """A page of the conflicts that `user` may see, most likely the same person first; each name shown is noted."""
    if view not in _STATES:
        raise Invalid("unknown-view", f"The views are {', '.join(VIEWS)}.")
    now = hub.now()
    due = now if view == "open" else None
    async with hub.database.begin() as connection:
        counts = await reviews.reasons(connection, user.visible, states=_STATES[view], due=due)
        tasks = await reviews.queue(
            connection, user.visible, states=_STATES[view], limit=limit, offset=offset, reason=reason, due=due
        )
        model = (await models.in_force(hub, connection)).model
        records = await cases.load(hub, connection, {id_ for task in tasks for id_ in (task.a, task.b)})
        shown = records.values()
        await cases.note(hub, connection, user, shown, act="list", fields=cases.NAMED, now=now)
    rows = tuple(Row(task, records.get(task.a), records.get(task.b)) for task in tasks)
    total = counts.get(reason, 0) if reason else sum(counts.values())
    return Queue(rows, counts, total, model.review, model.auto)


async def neighbours(
    hub: Hub, user: User, task: Review, *, reason: str | None = None
) -> tuple[UUID | None, UUID | None]:
    """The open conflicts before and behind `task` in the queue."""
    async with hub.database.read() as connection:
        return await reviews.neighbours(
            connection, user.visible, task, states=_STATES["open"], reason=reason, due=hub.now()
        )


async def first(hub: Hub, user: User, *, reason: str | None = None) -> UUID | None:
    """The open conflict at the head of the queue; shows no record."""
    async with hub.database.read() as connection:
        found = await reviews.queue(
            connection, user.visible, states=_STATES["open"], limit=1, reason=reason, due=hub.now()
        )
    return found[0].id if found else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a conflict stands, without its records; `seen` allows undoing it."""

    task: Review
    seen: str
    may_undo: bool


async def standing(hub: Hub, user: User, task_id: UUID) -> Standing | None:
    """How the conflict stands, if `user` may see it; shows no record."""
    async with hub.database.read() as connection:
        task = await reviews.get(connection, task_id, user.visible)
        if task is None:
            return None
        records = await cases.load(hub, connection, (task.a, task.b))
        if not {task.a, task.b} <= records.keys():
            return None
        return Standing(
            task, cases.seen(task, records[task.a].version, records[task.b].version), cases.may_undo(user, task)
        )


async def decide(
    hub: Hub,
    user: User,
    task_id: UUID,
    verdict: Verdict,
    *,
    reason: str,
    seen: str,
    note: str = "",
    defer_days: int = 7,
) -> Decided:
    """Record a verdict on what was `seen`. Raises NotFound, NotAllowed, Invalid `reason-missing`, Conflict `stale` or
    `contradiction`; nothing is written then but the note of a refused attempt.
    """
    reason, note = reason.strip(), note.strip()
    _check(user, verdict, reason, note, defer_days)
    now = hub.now()
    until = now + timedelta(days=defer_days) if verdict == "defer" else None
    async with hub.database.begin() as connection:
        task = await _locked(connection, user, task_id)
        if task is not None:
            await _check_fresh(hub, connection, task, seen, reviews.OPEN_STATES)
            return await record(
                hub, connection, user, task, verdict, reason=reason, seen=seen, note=note, until=until, now=now
            )
    raise await cases.refused(hub, user, task_id, "decide")


async def record(
    hub: Hub,
    connection: AsyncConnection,
    user: User,
    task: Review,
    verdict: Verdict,
    *,
    reason: str,
    seen: str,
    note: str = "",
    until: datetime | None = None,
    now: datetime,
) -> Decided:
    """Write the verdict about a locked task and let persons follow. Raises Conflict `contradiction`."""
    kind, state = _KINDS[verdict]
    evidence = await _evidence(hub, connection, task, seen, note)
    event = Decision(kind, task.a, task.b, user.name, None, reason, evidence, task.decision_seq, now)
    seq = await decisions.append(connection, event)
    await reviews.settle(connection, task.id, state=state, by=user.name, seq=seq, now=now, deferred_until=until)
    content = {"task": str(task.id), "verdict": verdict, "reason": reason, "event": seq}
    moved = await _follow(hub, connection, user, task, Act("decide", user.name, content, now), seq, verdict)
    return Decided(task.id, state, moved)


async def undo(hub: Hub, user: User, task_id: UUID, *, seen: str, reason: str = "undo") -> Decided:
    """Take a decision back: the conflict is open again and persons follow. Raises like `decide`."""
    if not user.may_decide:
        raise NotAllowed("role-missing", "Only stewards and supervisors decide.")
    now = hub.now()
    async with hub.database.begin() as connection:
        task = await _locked(connection, user, task_id)
        if task is not None:
            await _check_fresh(hub, connection, task, seen, cases.UNDOABLE)
            if not cases.may_undo(user, task):
                raise NotAllowed("not-yours", "Only a supervisor may undo what another has decided.")
            return await retract(hub, connection, user, task, reason=reason, seen=seen, now=now)
    raise await cases.refused(hub, user, task_id, "undo")


async def retract(
    hub: Hub, connection: AsyncConnection, user: User, task: Review, *, reason: str, seen: str, now: datetime
) -> Decided:
    """Take back the decision of a locked task and let persons follow."""
    event = Decision("RETRACT", task.a, task.b, user.name, None, reason, {"seen": seen}, task.decision_seq, now)
    seq = await decisions.append(connection, event)
    await reviews.settle(connection, task.id, state="REVIEW", by=None, seq=seq, now=now)
    content = {"task": str(task.id), "undone": task.decision_seq, "event": seq}
    moved = await _follow(hub, connection, user, task, Act("undo", user.name, content, now), seq, "undone")
    return Decided(task.id, "REVIEW", moved)


def note_of(hub: Hub, decision: Decision) -> str:
    """What was written in words beside a decision's reason."""
    sealed = decision.evidence.get("note")
    return hub.vault.open(b64decode(sealed)).decode() if sealed else ""


def _check(user: User, verdict: Verdict, reason: str, note: str, defer_days: int) -> None:
    if not user.may_decide:
        raise NotAllowed("role-missing", "Only stewards and supervisors decide.")
    if verdict not in _KINDS:
        raise Invalid("verdict-missing", "Choose: the same person, different persons, or decide later.")
    if not reason:
        raise Invalid("reason-missing", "Every decision needs a reason.")
    if len(reason) > LONGEST_REASON or len(note) > LONGEST_NOTE:
        raise Invalid("reason-too-long", f"A note has at most {LONGEST_NOTE} characters.")
    if defer_days not in DEFER_DAYS:
        raise Invalid("bad-days", f"Days to wait are one of {', '.join(map(str, DEFER_DAYS))}.")


async def _check_fresh(hub: Hub, connection: AsyncConnection, task: Review, seen: str, states: tuple[str, ...]) -> None:
    records = await cases.load(hub, connection, (task.a, task.b))
    here = {task.a, task.b} <= records.keys()
    if (
        not here
        or task.state not in states
        or seen != cases.seen(task, records[task.a].version, records[task.b].version)
    ):
        raise Conflict("stale", "The conflict or one of its records has changed since you opened it.")


async def _locked(connection: AsyncConnection, user: User, task_id: UUID) -> Review | None:
    """The task and all records whose persons depend on it, locked: the model and records before it, as linking does."""
    task = await reviews.get(connection, task_id, user.visible)
    if task is None:
        return None
    await linkage_models.hold(connection)
    component = await people.component(connection, (task.a, task.b))
    for _ in range(_ROUNDS):
        await people.lock_records(connection, component)
        again = await people.component(connection, (task.a, task.b))
        if again == component:
            return await reviews.get(connection, task_id, user.visible, lock=True)
        component = again
    raise Conflict("busy", "These records are being changed by others; try again.", retry="NORMAL")


async def _evidence(hub: Hub, connection: AsyncConnection, task: Review, seen: str, note: str) -> dict[str, Any]:
    """What the verdict rests on. The note may name people, so it is sealed."""
    pair = await people.pair(connection, task.a, task.b)
    model = (await models.in_force(hub, connection)).model
    evidence: dict[str, Any] = {"seen": seen, "why": task.reason, "model": model.hash[:16], "weight": task.weight}
    if pair is not None:
        evidence |= {"weight": round(pair.weight, 3), "vetoes": list(pair.vetoes)}
    if note:
        evidence["note"] = b64encode(hub.vault.seal(note.encode())).decode()
    return evidence


async def _follow(
    hub: Hub, connection: AsyncConnection, user: User, task: Review, act: Act, seq: int, outcome: str
) -> int:
    """Let persons follow the event, and note it with the persons as they are then; answers how many records moved."""
    pair = (task.a, task.b)
    done = await linking.project(hub, connection, pair, cause="decision", now=act.at, decision_seq=seq)
    after = await cases.load(hub, connection, pair)
    await cases.note(hub, connection, user, after.values(), act=act.act, fields=(), now=act.at, outcome=outcome)
    counted = Act(act.act, act.actor, {**act.content, "moved": len(done.moves)}, act.at)
    await audit.append(connection, hub.vault, [counted])
    return len(done.moves)
