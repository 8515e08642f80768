"""Verdicts about conflicts and their undoing. One transaction each.

A decision is an event; persons follow from all events together, so undoing is one more event. What somebody decides on
is what somebody saw: if the conflict or one of its records has changed since, nothing is written. A verdict of high
risk (domain.risks) is only proposed, and waits for a second person (services.proposals).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from hub.domain import risks
from hub.errors import Conflict, Invalid, NotAllowed
from hub.runtime import Hub
from hub.services import cases, settling
from hub.services.sessions import User
from hub.services.settling import Decided
from hub.services.weighing import Weighed
from hub.storage import decisions, reviews
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.decisions import Decision
from hub.storage.reviews import Review

Verdict = Literal["same", "different", "defer"]
FINAL: Final[dict[str, tuple[str, str]]] = {
    "same": ("MUST_LINK", "CONFIRMED"),
    "different": ("CANNOT_LINK", "REJECTED"),
}
DEFER_DAYS = (1, 7, 30)
LONGEST_REASON, LONGEST_NOTE = 60, 1000


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict as somebody gave it. `bulk_id` names the lot it is part of."""

    verdict: Verdict
    reason: str
    note: str = ""
    defer_days: int = 7
    bulk_id: UUID | None = None


@settling.refusals_noted("decide")
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
    """Record a verdict on what was `seen`, or propose it where it is of high risk.

    Raises NotFound, NotAllowed, Invalid `reason-missing`, Conflict `stale`, `held` or `contradiction`; nothing is
    written then but the note of a refused attempt.
    """
    said = Said(verdict, reason.strip(), note.strip(), defer_days)
    check(user, said)
    now = hub.now()
    async with hub.database.begin() as connection:
        task = await settling.locked(connection, user, task_id)
        if task is not None:
            settling.check_free(task, user, now)
            weighed = await settling.fresh(hub, connection, task, seen, reviews.OPEN_STATES)
            return await record(hub, connection, user, task, weighed, said, seen, now)
    raise await cases.refused(hub, user, task_id, "decide")


def check(user: User, said: Said) -> None:
    """Raises NotAllowed `role-missing`, Invalid for what is missing or too long."""
    settling.check_role(user)
    if said.verdict not in (*FINAL, "defer"):
        raise Invalid("verdict-missing", "Choose: the same person, different persons, or decide later.")
    if not said.reason:
        raise Invalid("reason-missing", "Every decision needs a reason.")
    if len(said.reason) > LONGEST_REASON or len(said.note) > LONGEST_NOTE:
        raise Invalid("reason-too-long", f"A note has at most {LONGEST_NOTE} characters.")
    if said.defer_days not in DEFER_DAYS:
        raise Invalid("bad-days", f"Days to wait are one of {', '.join(map(str, DEFER_DAYS))}.")


async def record(
    hub: Hub,
    connection: AsyncConnection,
    user: User,
    task: Review,
    weighed: Weighed,
    said: Said,
    seen: str,
    now: datetime,
) -> Decided:
    """Write the verdict about a locked task: deferred, proposed or final."""
    evidence = settling.evidence(hub, task, weighed, seen, said.note)
    if said.bulk_id is not None:
        evidence["bulk"] = str(said.bulk_id)
    if said.verdict == "defer":
        return await _defer(hub, connection, user, task, said, evidence, now)
    if found := weighed.risks(said.verdict):
        asked = {**evidence, "verdict": said.verdict, "risks": risks.codes(found), "basis": weighed.basis}
        return await _propose(hub, connection, user, task, said, asked, now)
    return await _finish(hub, connection, user, task, said, evidence, now)


async def _finish(
    hub: Hub, connection: AsyncConnection, user: User, task: Review, said: Said, evidence: dict[str, Any], now: datetime
) -> Decided:
    kind, state = FINAL[said.verdict]
    event = Decision(kind, task.a, task.b, user.name, None, said.reason, evidence, task.decision_seq, now)
    seq = await decisions.append(connection, event)
    await reviews.settle(connection, task.id, state=state, by=user.name, seq=seq, now=now, bulk_id=said.bulk_id)
    content = {"task": str(task.id), "verdict": said.verdict, "reason": said.reason, "event": seq}
    act = Act("decide", user.name, content, now)
    return Decided(task.id, state, await settling.follow(hub, connection, user, task, act, seq, said.verdict))


async def _defer(
    hub: Hub, connection: AsyncConnection, user: User, task: Review, said: Said, evidence: dict[str, Any], now: datetime
) -> Decided:
    event = Decision("DEFER", task.a, task.b, user.name, None, said.reason, evidence, task.decision_seq, now)
    seq = await decisions.append(connection, event)
    await reviews.settle(
        connection,
        task.id,
        state="DEFERRED",
        by=user.name,
        seq=seq,
        now=now,
        deferred_until=now + timedelta(days=said.defer_days),
        reopened_seq=task.reopened_seq,
        bulk_id=said.bulk_id,
    )
    content = {"task": str(task.id), "verdict": "defer", "reason": said.reason, "event": seq, "moved": 0}
    await settling.log(hub, connection, user, task, Act("decide", user.name, content, now), "defer")
    return Decided(task.id, "DEFERRED", 0)


async def _propose(
    hub: Hub, connection: AsyncConnection, user: User, task: Review, said: Said, evidence: dict[str, Any], now: datetime
) -> Decided:
    event = Decision("PROPOSE", task.a, task.b, user.name, None, said.reason, evidence, task.decision_seq, now)
    seq = await decisions.append(connection, event)
    await reviews.settle(
        connection,
        task.id,
        state=reviews.PROPOSED,
        by=user.name,
        seq=seq,
        now=now,
        proposed=said.verdict,
        reopened_seq=task.reopened_seq,
        expires_at=now + timedelta(days=hub.settings.proposal_days),
    )
    content = {"task": str(task.id), "verdict": said.verdict, "risks": evidence["risks"], "event": seq}
    await settling.log(hub, connection, user, task, Act("propose", user.name, content, now), said.verdict)
    return Decided(task.id, reviews.PROPOSED, 0)


@settling.refusals_noted("undo")
async def undo(hub: Hub, user: User, task_id: UUID, *, seen: str, reason: str = "undo") -> Decided:
    """Take a decision back: the conflict is open again and persons follow. Raises like `decide`."""
    settling.check_role(user)
    now = hub.now()
    async with hub.database.begin() as connection:
        task = await settling.locked(connection, user, task_id)
        if task is not None:
            await settling.fresh(hub, connection, task, seen, cases.UNDOABLE)
            if not cases.may_undo(user, task):
                raise NotAllowed("not-yours", "Only a supervisor may undo what another has decided.")
            return await retract(hub, connection, user, task, await newest(connection, task), reason, seen, now)
    raise await cases.refused(hub, user, task_id, "undo")


async def retract(
    hub: Hub,
    connection: AsyncConnection,
    user: User,
    task: Review,
    undone: Decision,
    reason: str,
    seen: str,
    now: datetime,
) -> Decided:
    """Undo a decision about a locked task; what it had replaced is in force again, and called into question again."""
    evidence: dict[str, Any] = {"seen": seen}
    former = await replaced(connection, undone)
    if former is not None:
        evidence["restores"] = {"seq": former.seq, "kind": former.kind}
    event = Decision("RETRACT", task.a, task.b, user.name, None, reason, evidence, undone.seq, now)
    seq = await decisions.append(connection, event)
    reopened = former.seq if former else None
    await reviews.settle(connection, task.id, state="REVIEW", by=None, seq=seq, now=now, reopened_seq=reopened)
    content = {"task": str(task.id), "undone": undone.seq, "event": seq}
    act = Act("undo", user.name, content, now)
    return Decided(task.id, "REVIEW", await settling.follow(hub, connection, user, task, act, seq, "undone"))


async def newest(connection: AsyncConnection, task: Review) -> Decision:
    """What was said last of the conflict. Raises Conflict `stale` where nobody has said anything."""
    found = await decisions.by_seq(connection, [task.decision_seq or 0])
    if task.decision_seq not in found:
        raise Conflict("stale", "There is no decision to take back.")
    return found[task.decision_seq]


async def replaced(connection: AsyncConnection, undone: Decision) -> Decision | None:
    """The decision in force before the one that is undone."""
    seq = undone.evidence.get("reopened")
    return (await decisions.by_seq(connection, [seq])).get(seq) if seq else None
