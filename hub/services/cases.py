"""What a person sees of a conflict: the two records, why they may or may not be one person, and who looked before.

Every record that is shown is noted for the person it is about, in the transaction that read it. A conflict that another
region cannot see does not exist for it, and that attempt is noted too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from hub.errors import Conflict, NotFound
from hub.linkage import changes
from hub.linkage.changes import Change
from hub.linkage.explain import FieldEvidence, explain
from hub.runtime import Hub
from hub.services.blinds import subject_of
from hub.services.sessions import HUB_REGION, User
from hub.services.source_records import Record, load, sides
from hub.services.weighing import Weighed, weigh
from hub.storage import access, audit, decisions, people, reviews
from hub.storage.access import Access, Cursor, Line, Side
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.decisions import Decision
from hub.storage.reviews import Review

PURPOSE = "conflict-review"
NAMED = ("name",)
SHOWN = ("name", "birth", "sex", "address", "family", "ethnicity", "identifier (masked)", "phone (masked)")
UNDOABLE = ("CONFIRMED", "REJECTED", "DEFERRED")
_MOST_OTHERS = 20


@dataclass(frozen=True, slots=True)
class Case:
    """A conflict and all that helps to decide it. `seen` names the versions this view shows."""

    task: Review
    a: Record
    b: Record
    weighed: Weighed
    evidence: tuple[FieldEvidence, ...]
    others_a: tuple[Record, ...]
    others_b: tuple[Record, ...]
    hidden: int
    history: tuple[Decision, ...]
    changes: tuple[Change, ...]
    may_decide: bool
    may_answer: bool
    may_undo: bool

    @property
    def weight(self) -> float:
        """In bits, as the two compare now."""
        return self.weighed.score.weight

    @property
    def vetoes(self) -> tuple[str, ...]:
        """The contradictions that hold now."""
        return self.weighed.score.vetoes

    @property
    def proposal(self) -> Decision | None:
        """What waits for a second person."""
        if self.task.state != reviews.PROPOSED:
            return None
        return next((event for event in self.history if event.seq == self.task.decision_seq), None)

    @property
    def called_into_question(self) -> Decision | None:
        """The decision in force that new evidence speaks against."""
        return next((event for event in self.history if event.seq and event.seq == self.task.reopened_seq), None)

    @property
    def outdated(self) -> bool:
        """Has what the proposal rests on changed since? Then it cannot be approved."""
        return self.proposal is not None and self.proposal.evidence["basis"] != self.weighed.basis

    @property
    def seen(self) -> str:
        """What a decision is checked against: the task's version and those of both records."""
        return seen(self.task, self.a.version, self.b.version)


def may_undo(user: User, task: Review) -> bool:
    """A decision is undone by who took it, who approved it, or a supervisor."""
    own = user.may_overrule or user.name in (task.decided_by, task.approved_by)
    return user.may_decide and own and task.state in UNDOABLE


def may_take_back(user: User, decision: Decision) -> bool:
    """The same of a decision in force, whatever has become of its conflict since."""
    return user.may_decide and (user.may_overrule or user.name in (decision.actor, decision.approver))


def seen(task: Review, a: int, b: int) -> str:
    """The versions of a task and of its two records, as one word."""
    return f"{task.version}.{a}.{b}"


async def note(
    hub: Hub,
    connection: AsyncConnection,
    user: User,
    records: Iterable[Record],
    *,
    act: str,
    fields: Sequence[str],
    now: datetime,
    purpose: str = PURPOSE,
    outcome: str = "permit",
) -> None:
    """Note for each record's person that `user` looked, or was refused; the log binds the rows of the ledger."""
    rows = await access.note(
        connection,
        [
            Access(
                user.name,
                user.region,
                act,
                purpose,
                record.person_id,
                subject_of(hub, record.member.name, record.number),
                tuple(fields),
                outcome,
                now,
            )
            for record in records
        ],
    )
    if rows:
        content = {"rows": rows, "digest": await access.fingerprint(connection, hub.vault, rows)}
        await audit.append(connection, hub.vault, [Act(audit.LOOK_UP, user.name, content, now)])


async def refused(hub: Hub, user: User, task_id: UUID, act: str) -> NotFound:
    """The error to raise; where the conflict exists and is another region's, the attempt is noted first."""
    now = hub.now()
    async with hub.database.begin() as connection:
        hidden = await reviews.get(connection, task_id, None)
        if hidden is not None:
            records = await load(hub, connection, (hidden.a, hidden.b))
            await note(hub, connection, user, records.values(), act=act, fields=(), now=now, outcome="not-visible")
            content = {"task": str(task_id), "attempt": act, "region": user.region}
            await audit.append(connection, hub.vault, [Act("look-up-refused", user.name, content, now)])
    return NotFound("There is no conflict by that id, or it does not concern your region.")


async def view(hub: Hub, user: User, task_id: UUID) -> Case:
    """The conflict with masked numbers. Raises NotFound."""
    now = hub.now()
    async with hub.database.begin() as connection:
        case = await find(hub, connection, user, task_id)
        if case is not None:
            shown = (case.a, case.b, *case.others_a, *case.others_b)
            await note(hub, connection, user, shown, act="view", fields=SHOWN, now=now)
            return case
    raise await refused(hub, user, task_id, "view")


async def find(hub: Hub, connection: AsyncConnection, user: User, task_id: UUID) -> Case | None:
    """The conflict if `user` may see it; who shows any of it notes that in the same transaction."""
    task = await reviews.get(connection, task_id, user.visible)
    if task is None:
        return None
    both = await sides(hub, connection, task.a, task.b)
    if both is None:
        raise Conflict("record-gone", "One of the two records has been deleted at its source.")
    weighed = await weigh(hub, connection, both)
    may_see = None if user.visible is None else {*user.visible, *task.member_ids}
    beside = (both.a[1:], both.b[1:])
    shown = [[r for r in side if may_see is None or r.member.id in may_see] for side in beside]
    history = await decisions.of_pair(connection, task.a, task.b)
    return Case(
        task=task,
        a=both.a[0],
        b=both.b[0],
        weighed=weighed,
        evidence=tuple(explain(weighed.model, weighed.a, weighed.b)),
        others_a=tuple(shown[0][:_MOST_OTHERS]),
        others_b=tuple(shown[1][:_MOST_OTHERS]),
        hidden=sum(map(len, beside)) - sum(len(side[:_MOST_OTHERS]) for side in shown),
        history=tuple(history),
        changes=_changes(hub, task, history, weighed),
        may_decide=user.may_decide and task.state in reviews.OPEN_STATES,
        may_answer=user.may_decide and task.state == reviews.PROPOSED,
        may_undo=may_undo(user, task),
    )


def _changes(hub: Hub, task: Review, history: Sequence[Decision], weighed: Weighed) -> tuple[Change, ...]:
    """What is new since the decision that is called into question."""
    before = next((event.evidence.get("levels") for event in history if event.seq == task.reopened_seq), None)
    return changes.between(weighed.model, before, weighed.levels) if before else ()


@dataclass(frozen=True, slots=True)
class LookUp:
    """One line of the ledger of a person; `sides` says of which of the two.

    `body` is the kind of body whose look-up it was. Of all but one's own the event says when and for what purpose, and
    nothing else: which record kind or what outcome it was may be more than this region may know.
    """

    sides: tuple[str, ...]
    event: Access
    body: str
    times: int
    first_at: datetime

    @property
    def whole(self) -> bool:
        """Is it shown in full?"""
        return self.body == OWN


OWN, OF_HUB, OF_VERIFIER, OF_ANOTHER = "own", "hub", "verifier", "another-region"


@dataclass(frozen=True, slots=True)
class LookUps:
    """Lines of the ledger, newest first; `more` are older, from `older` on."""

    lines: tuple[LookUp, ...]
    more: int
    older: Cursor | None


def _told(user: User, line: Line) -> LookUp:
    """The line as `user` may see it: staff of the hub sees all, a region its own in full."""
    event, sides = line.event, tuple(side for side, is_meant in zip("ab", line.sides, strict=True) if is_meant)
    # A message is asked for by its sender on behalf of its recipient, who need not know of one that was refused.
    region = event.actor if event.act == "send" else event.region
    if user.member_id is None or (region == user.region and event.act != access.CHECK):
        return LookUp(sides, event, OWN, line.times, line.first_at)
    body = OF_VERIFIER if event.act == access.CHECK else OF_HUB if region == HUB_REGION else OF_ANOTHER
    veiled = replace(event, actor="", region="", act="", fields=(), outcome="")
    return LookUp(sides, veiled, body, line.times, line.first_at)


async def look_ups(
    hub: Hub,
    user: User,
    task_id: UUID,
    *,
    act: str = "view-look-ups",
    start: Cursor | None = None,
    limit: int | None = None,
) -> LookUps:
    """Who looked at the two persons, newest first: also under ids they had before, each as the user may see it.

    All of them, or `limit` from `start` on. Raises NotFound.
    """
    now = hub.now()
    async with hub.database.begin() as connection:
        task = await reviews.get(connection, task_id, user.visible)
        if task is not None:
            pair = await load(hub, connection, (task.a, task.b))
            sides = [await _side(hub, connection, id_) for id_ in (task.a, task.b)]
            veiled = user.member_id is not None
            found = await access.ledger(connection, sides, veiled=veiled, start=start, limit=limit)
            await note(hub, connection, user, pair.values(), act=act, fields=("look-ups",), now=now)
            return LookUps(tuple(_told(user, line) for line in found.lines), found.more, found.older)
    raise await refused(hub, user, task_id, act)


async def _side(hub: Hub, connection: AsyncConnection, record_id: int) -> Side:
    """By what a record's person is named in the ledger."""
    info = (await people.info(connection, (record_id,)))[record_id]
    ids = await people.records_of(connection, info.person_id) if info.person_id else [record_id]
    infos = await people.info(connection, ids)
    records = await load(hub, connection, ids)
    # Every id a person had is the anchor of one of her records.
    persons = {info.anchor for info in infos.values()}
    return sorted(persons), [subject_of(hub, record.member.name, record.number) for record in records.values()]
