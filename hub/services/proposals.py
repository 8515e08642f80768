"""Four eyes: what one person proposed is approved by another, sent back, or lapses.

An approval is given for what the proposal rested on. Where the pair, its comparison, its persons or a record has
changed since, it is refused, and the proposal can only be sent back.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from hub.errors import Conflict, Invalid, NotAllowed
from hub.runtime import Hub
from hub.services import cases, settling
from hub.services.sessions import User
from hub.services.settling import Decided
from hub.services.verdicts import FINAL, LONGEST_NOTE
from hub.storage import audit, decisions, reviews
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.decisions import Decision
from hub.storage.reviews import PROPOSED, Review

_BATCH = 200


@settling.refusals_noted("approve")
async def approve(hub: Hub, user: User, task_id: UUID, *, seen: str, note: str = "") -> Decided:
    """Make another's proposal final.

    Raises NotFound, NotAllowed `role-missing` or `same-person`, Conflict `stale`, `proposal-outdated`, `proposal-lapsed`
    or `contradiction`; nothing is written then but the note of a refused attempt.
    """
    _check(user, note)
    now = hub.now()
    async with hub.database.begin() as connection:
        task = await settling.locked(connection, user, task_id)
        if task is not None:
            settling.check_free(task, user, now)
            weighed = await settling.fresh(hub, connection, task, seen, (PROPOSED,))
            proposal = await _proposal(connection, task)
            if user.name in (task.decided_by, proposal.actor):
                raise NotAllowed(
                    "same-person", "Whoever proposed it cannot approve it. Ask a colleague; nothing was changed."
                )
            _check_in_time(task, now)
            if proposal.evidence["basis"] != weighed.basis:
                raise Conflict(
                    "proposal-outdated",
                    "The records or their comparison changed since this was proposed; nothing was changed. "
                    "Send it back, so that it is looked at as it is now.",
                )
            evidence = settling.evidence(hub, task, weighed, seen, note.strip())
            return await _make_final(hub, connection, user, task, proposal, evidence, now)
    raise await cases.refused(hub, user, task_id, "approve")


async def _make_final(
    hub: Hub,
    connection: AsyncConnection,
    user: User,
    task: Review,
    proposal: Decision,
    evidence: dict[str, Any],
    now: datetime,
) -> Decided:
    verdict = proposal.evidence["verdict"]
    kind, state = FINAL[verdict]
    made = Decision(kind, task.a, task.b, proposal.actor, user.name, proposal.reason, evidence, proposal.seq, now)
    seq = await decisions.append(connection, made)
    await reviews.settle(connection, task.id, state=state, by=proposal.actor, approved_by=user.name, seq=seq, now=now)
    content = {"task": str(task.id), "verdict": verdict, "proposed_by": proposal.actor, "event": seq}
    act = Act("approve", user.name, content, now)
    return Decided(task.id, state, await settling.follow(hub, connection, user, task, act, seq, verdict))


@settling.refusals_noted("send-back")
async def send_back(hub: Hub, user: User, task_id: UUID, *, seen: str, note: str = "") -> Decided:
    """Do not approve it, or withdraw one's own proposal: the conflict waits for a decision again. Raises like `approve`."""
    _check(user, note)
    now = hub.now()
    async with hub.database.begin() as connection:
        task = await settling.locked(connection, user, task_id)
        if task is not None:
            settling.check_free(task, user, now)
            weighed = await settling.fresh(hub, connection, task, seen, (PROPOSED,))
            own = task.decided_by == user.name
            evidence = settling.evidence(hub, task, weighed, seen, note.strip())
            reason = "proposal-withdrawn" if own else "sent-back"
            act = await _end(hub, connection, task, "DECLINE", user.name, reason, evidence, now)
            await settling.log(hub, connection, user, task, act, reason)
            return Decided(task_id, "REVIEW", 0)
    raise await cases.refused(hub, user, task_id, "send-back")


async def lapse(hub: Hub) -> int:
    """End the proposals whose time is over: their conflicts wait for a decision again. Answers how many."""
    now = hub.now()
    async with hub.database.begin() as connection:
        found = await reviews.lapsed(connection, now, _BATCH)
        for task in found:
            act = await _end(hub, connection, task, "LAPSE", "hub", "proposal-lapsed", {}, now)
            await audit.append(connection, hub.vault, [act])
    return len(found)


async def _end(
    hub: Hub,
    connection: AsyncConnection,
    task: Review,
    kind: str,
    actor: str,
    reason: str,
    evidence: dict[str, Any],
    now: datetime,
) -> Act:
    event = Decision(kind, task.a, task.b, actor, None, reason, evidence, task.decision_seq, now)
    seq = await decisions.append(connection, event)
    await reviews.settle(connection, task.id, state="REVIEW", by=None, seq=seq, now=now, reopened_seq=task.reopened_seq)
    return Act(reason, actor, {"task": str(task.id), "proposal": task.decision_seq, "event": seq}, now)


async def _proposal(connection: AsyncConnection, task: Review) -> Decision:
    seq = task.decision_seq or 0
    return (await decisions.by_seq(connection, [seq]))[seq]


def _check(user: User, note: str) -> None:
    settling.check_role(user)
    if len(note) > LONGEST_NOTE:
        raise Invalid("reason-too-long", f"A note has at most {LONGEST_NOTE} characters.")


def _check_in_time(task: Review, now: datetime) -> None:
    if task.expires_at is not None and task.expires_at <= now:
        raise Conflict("proposal-lapsed", "This proposal's time is over; nothing was changed. Have it proposed again.")
