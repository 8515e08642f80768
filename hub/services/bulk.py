"""One verdict for many like conflicts: looked at by sample, confirmed by count, each decided for itself, undone as one.

What is of high risk, called into question, or somebody else's is never part of a lot. Each decision has a transaction of
its own, so that a lot that is interrupted is half done and visible, and can be undone like a whole one.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

from hub.domain.risks import Verdict
from hub.errors import Conflict, Invalid, NotAllowed, NotFound
from hub.runtime import Hub
from hub.services import cases, models, settling, source_records, verdicts
from hub.services.sessions import User
from hub.services.source_records import Record
from hub.services.verdicts import Said
from hub.services.weighing import weigh
from hub.storage import audit, review_lots, reviews
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.review_lots import Lot
from hub.storage.reviews import Review

MOST: Final = 200
"""Conflicts of one lot."""
SAMPLE: Final = 8
Band = Literal["likely", "even", "unlikely"]
_EVEN: Final = 3.3  # bits: about one in ten either way
BANDS: Final[dict[str, tuple[float | None, float | None]]] = {
    "likely": (_EVEN, None),
    "even": (-_EVEN, _EVEN),
    "unlikely": (None, -_EVEN),
}
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conflicts, and what is to be decided about them."""

    reason: str
    band: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Pair:
    """One conflict of the sample."""

    task: Review
    a: Record
    b: Record


@dataclass(frozen=True, slots=True)
class Preview:
    """What a lot would be. `token` names exactly these conflicts as they are; `left_out` counts the others by why.

    `review` and `auto` are the thresholds of the model in force.
    """

    wanted: Wanted
    tasks: tuple[tuple[UUID, str], ...]
    sample: tuple[Pair, ...]
    left_out: dict[str, int]
    review: float
    auto: float

    @property
    def token(self) -> str:
        """Changes when one of the conflicts does."""
        return _token(self.wanted, self.tasks)


def _token(wanted: Wanted, tasks: Sequence[tuple[UUID, str]]) -> str:
    said = "\n".join(f"{id_} {seen}" for id_, seen in tasks)
    return sha256(f"{wanted}\n{said}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a lot, or of its undoing; `skipped` by why."""

    lot: UUID
    done: int
    skipped: dict[str, int]


@settling.refusals_noted("preview-lot")
async def preview(hub: Hub, user: User, wanted: Wanted) -> Preview:
    """The lot that there would be, with a sample drawn at random, whose names are noted. Raises Invalid, NotAllowed."""
    settling.check_role(user)
    _check(wanted)
    now = hub.now()
    async with hub.database.begin() as connection:
        found, left_out = await _select(hub, connection, user, wanted)
        drawn = random.sample(found, min(SAMPLE, len(found)))
        shown = [Pair(task, sides[0], sides[1]) for task, _, sides in drawn]
        records = {record.id: record for pair in shown for record in (pair.a, pair.b)}
        await cases.note(hub, connection, user, records.values(), act="list", fields=cases.NAMED, now=now)
        model = (await models.in_force(hub, connection)).model
    chosen = tuple((task.id, seen) for task, seen, _ in found)
    return Preview(wanted, chosen, tuple(shown), dict(left_out), model.review, model.auto)


def _check(wanted: Wanted) -> None:
    if wanted.band not in BANDS or wanted.verdict not in verdicts.FINAL:
        raise Invalid("bad-lot", "Say which conflicts, and what is decided about them.")


Chosen = tuple[Review, str, tuple[Record, Record]]


async def _select(
    hub: Hub, connection: AsyncConnection, user: User, wanted: Wanted
) -> tuple[list[Chosen], Counter[str]]:
    """The conflicts of a lot with what was seen of them, in a fixed order."""
    left_out: Counter[str] = Counter()
    found: list[Chosen] = []
    low, high = BANDS[wanted.band]
    tasks = await reviews.alike(connection, user.visible, reason=wanted.reason, low=low, high=high, limit=MOST)
    for task in tasks:
        if task.is_held(hub.now(), against=user.name) or task.assignee not in (None, user.name):
            left_out["others"] += 1
            continue
        both = await source_records.sides(hub, connection, task.a, task.b)
        if both is None:
            left_out["gone"] += 1
        elif (await weigh(hub, connection, both)).risks(wanted.verdict):
            left_out["high-risk"] += 1
        else:
            a, b = both.a[0], both.b[0]
            found.append((task, cases.seen(task, a.version, b.version), (a, b)))
    return found, left_out


@settling.refusals_noted("decide-lot")
async def apply(hub: Hub, user: User, wanted: Wanted, *, token: str, count: int, reason: str, note: str = "") -> Done:
    """Decide the lot that was seen. Raises Invalid `wrong-count`, Conflict `stale` when it is another by now."""
    lot_id, now = new_id(), hub.now()
    said = Said(wanted.verdict, reason.strip(), note.strip(), bulk_id=lot_id)
    verdicts.check(user, said)
    _check(wanted)
    async with hub.database.begin() as connection:
        found, _ = await _select(hub, connection, user, wanted)
        tasks = [(task.id, seen) for task, seen, _ in found]
        if _token(wanted, tasks) != token:
            raise Conflict("stale", "These conflicts have changed since you looked at them; nothing was decided.")
        if count != len(tasks) or not count:
            raise Invalid("wrong-count", "The number does not agree; nothing was decided.")
        lot = Lot(lot_id, user.name, user.region, wanted.verdict, said.reason, wanted.reason, wanted.band, count, now)
        await review_lots.add(connection, lot)
        content = {"lot": str(lot_id), "verdict": wanted.verdict, "reason": said.reason, "conflicts": count}
        await audit.append(connection, hub.vault, [Act("decide-lot", user.name, content, now)])
    done, skipped = 0, Counter[str]()
    for task_id, task_seen in tasks:
        outcome = await _decide(hub, user, lot_id, task_id, task_seen, said)
        done += not outcome
        skipped.update([outcome] if outcome else [])
    async with hub.database.begin() as connection:
        await review_lots.finish(connection, lot_id, done=done, skipped=dict(skipped))
        await _note(hub, connection, user, "lot-decided", lot_id, done, skipped)
    return Done(lot_id, done, dict(skipped))


async def _decide(hub: Hub, user: User, lot_id: UUID, task_id: UUID, seen: str, said: Said) -> str:
    """Decide one conflict of a lot; answers why it was passed over, or ''."""
    now = hub.now()
    try:
        async with hub.database.begin() as connection:
            if not await review_lots.is_running(connection, lot_id):
                return "undone"
            task = await settling.locked(connection, user, task_id)
            if task is None:
                return "gone"
            settling.check_free(task, user, now)
            weighed = await settling.fresh(hub, connection, task, seen, reviews.OPEN_STATES)
            if weighed.risks("same" if said.verdict == "same" else "different"):
                return "high-risk"
            await verdicts.record(hub, connection, user, task, weighed, said, seen, now)
    except Conflict as error:
        return error.code
    return ""


@settling.refusals_noted("undo-lot")
async def undo(hub: Hub, user: User, lot_id: UUID) -> Done:
    """Take back what still stands of a lot. Raises NotFound, NotAllowed `not-yours`."""
    settling.check_role(user)
    async with hub.database.begin() as connection:
        lot = await review_lots.get(connection, lot_id, None if user.member_id is None else user.region)
        if lot is None:
            raise NotFound("There is no such lot in your region.")
        if lot.actor != user.name and not user.may_overrule:
            raise NotAllowed("not-yours", "Only a supervisor may undo what another has decided.")
        await review_lots.undo(connection, lot_id)
    async with hub.database.read() as connection:
        ids = await reviews.of_lot(connection, lot_id, user.visible)
    done, skipped = 0, Counter[str]()
    for task_id in ids:
        outcome = await _retract(hub, user, task_id, lot_id)
        done += not outcome
        skipped.update([outcome] if outcome else [])
    async with hub.database.begin() as connection:
        await review_lots.undone(connection, lot_id, done=done, skipped=dict(skipped))
        await _note(hub, connection, user, "undo-lot", lot_id, done, skipped)
    return Done(lot_id, done, dict(skipped))


async def _retract(hub: Hub, user: User, task_id: UUID, lot_id: UUID) -> str:
    try:
        async with hub.database.begin() as connection:
            task = await settling.locked(connection, user, task_id)
            if task is None or task.bulk_id != lot_id or task.state not in cases.UNDOABLE:
                return "stale"
            undone = await verdicts.newest(connection, task)
            await verdicts.retract(hub, connection, user, task, undone, "undo-lot", str(lot_id), hub.now())
    except Conflict as error:
        return error.code
    return ""


async def _note(
    hub: Hub, connection: AsyncConnection, user: User, act: str, lot_id: UUID, done: int, skipped: Counter[str]
) -> None:
    content = {"lot": str(lot_id), "done": done, "skipped": dict(skipped)}
    await audit.append(connection, hub.vault, [Act(act, user.name, content, hub.now())])


async def lots(hub: Hub, user: User) -> Sequence[Lot]:
    """The newest lots of the user's region."""
    async with hub.database.read() as connection:
        return await review_lots.newest(connection, None if user.member_id is None else user.region, _SHOWN)
