"""Puts another linkage model in force, or the former one back: shown, approved by a second person, in one transaction.

What was approved is the difference, by its digest. If records, decisions or models have moved it meanwhile, nothing is
written and it has to be looked at again. Decisions of people are not touched by any of this.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.errors import Conflict, NotAllowed, NotFound
from hub.runtime import Hub
from hub.services import approval, differences, models, shadows
from hub.services.differences import Difference
from hub.storage import audit, linkage_models, people, review_openings, standing
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.linkage_models import FORMER, IN_FORCE, SHADOW, Epoch

_MOST_LISTED = 20
_WORDS = {SHADOW: "apply-model", FORMER: "roll-back-model"}


@dataclass(frozen=True, slots=True)
class Preview:
    """A model that could be put in force, and what that would change. `links` and `tasks`: (now, then) of pairs that are
    linked automatically, and of pairs that are put before people.
    """

    present: Epoch
    coming: Epoch
    difference: Difference
    links: tuple[int, int]
    tasks: tuple[int, int]


async def preview(hub: Hub, state: str = SHADOW) -> Preview:
    """What putting the shadow (or the former model) in force would change now. Raises NotFound, Conflict `unscored`."""
    async with hub.database.read() as connection:
        await standing.look_at_one_moment(connection)
        present, coming = await _both(connection, state)
        difference = await differences.find(hub, connection, present, coming)
        now, then = [await standing.score_counts(connection, one.id) for one in (present, coming)]
    links, tasks = [(now.get(decision, 0), then.get(decision, 0)) for decision in ("auto", "review")]
    return Preview(present, coming, difference, links, tasks)


async def _both(connection: AsyncConnection, state: str) -> tuple[Epoch, Epoch]:
    """The model in force and the one that may come. Raises NotFound, Conflict."""
    kept = await linkage_models.kept(connection)
    if IN_FORCE not in kept:
        raise NotFound("No linkage model is in force; run `hub init`.")
    if state == FORMER and FORMER not in kept:
        raise NotFound("No former model is kept, so there is nothing to go back to.")
    coming = kept[FORMER] if state == FORMER else await shadows.current(connection)
    if not coming.is_whole:
        raise Conflict("unscored", "Not every record is scored yet; go on with `hub linkage preview`.")
    return kept[IN_FORCE], coming


async def propose_roll_back(hub: Hub, by: str) -> None:
    """Propose the former model, which a second person then approves by its difference. Raises NotFound, NotAllowed."""
    async with approval.noted(hub, "roll-back-model", by), hub.database.begin() as connection:
        await linkage_models.hold(connection)
        who = await approval.staff(hub, connection, by)
        _, former = await _both(connection, FORMER)
        await linkage_models.change(connection, former, proposed_by=who)
        content = {"epoch": former.id, "model": former.hash}
        await audit.append(connection, hub.vault, [Act("propose-roll-back", who, content, hub.now())])


async def apply(hub: Hub, by: str, digest: str) -> Difference:
    """Put the shadow in force as `by` approves it. Raises NotFound, NotAllowed, Conflict `unscored`, `stale`."""
    return await _swap(hub, SHADOW, by, digest)


async def roll_back(hub: Hub, by: str, digest: str) -> Difference:
    """Put the former model in force again; the present one becomes the former. Raises like `apply`."""
    return await _swap(hub, FORMER, by, digest)


async def _swap(hub: Hub, state: str, by: str, digest: str) -> Difference:
    now, act = hub.now(), _WORDS[state]
    async with approval.noted(hub, act, by, digest=digest), hub.database.begin() as connection:
        await linkage_models.hold_alone(connection)
        approver = await approval.staff(hub, connection, by)
        present, coming = await _both(connection, state)
        _check_proposer(coming, approver)
        found = await differences.find(hub, connection, present, coming)
        if found.digest != digest:
            raise Conflict(
                "stale",
                "The difference is not the one that was approved: records, decisions or models have changed since. "
                "Nothing was changed; look at it again and approve what is shown then.",
            )
        others = [one for one in [(await linkage_models.kept(connection)).get(FORMER)] if one and state == SHADOW]
        said = {"proposed_by": coming.proposed_by, "approved_by": approver, "digest": digest}
        await linkage_models.swap(connection, present, coming, others, now, **said)
        await _carry_out(connection, found, now)
        content = {**said, "from": present.hash, "to": coming.hash, "epoch": coming.id, **_counts(found)}
        await audit.append(connection, hub.vault, [Act(act, approver, content, now)])
    return found


def _check_proposer(coming: Epoch, approver: str) -> None:
    if coming.proposed_by is None:
        raise Conflict(
            "not-proposed", "Nobody has proposed this; it takes one person to propose and another to approve."
        )
    if coming.proposed_by == approver:
        raise NotAllowed("own-proposal", f"{approver} proposed this model; somebody else has to approve it.")


async def _carry_out(connection: AsyncConnection, found: Difference, now: datetime) -> None:
    """Move the records and bring the tasks up to date, exactly as the difference says."""
    if found.moves:
        moves: dict[int, tuple[UUID | None, UUID]] = dict(found.moves)
        await people.move_records(connection, moves, cause="model", decision_seq=None, now=now)
    await review_openings.withdraw(connection, found.withdrawn)
    opened = [(task.a, task.b, task.reason, task.weight, task.members) for task in found.opened]
    await review_openings.open_tasks(connection, opened, now, keep_deferred=True)
    await standing.weigh_tasks(connection)


def _counts(found: Difference) -> dict[str, int]:
    return {
        "moved": len(found.moves),
        "splits": len(found.splits),
        "joins": len(found.joins),
        "opened": len(found.opened),
        "withdrawn": len(found.withdrawn),
    }


async def listed(hub: Hub) -> list[tuple[Epoch, str]]:
    """The newest models with their names, the newest first."""
    async with hub.database.read() as connection:
        found = await linkage_models.newest(connection, _MOST_LISTED)
        return [(one, await models.name_of(hub, connection, one)) for one in found]


async def retire_old(hub: Hub, before: datetime) -> int:
    """Keep no more scores of models that stopped being in force, or were proposed, before that time."""
    async with hub.database.begin() as connection:
        if not await _old(connection, before):
            return 0
        await linkage_models.hold_alone(connection)
        old = await _old(connection, before)
        for one in old:
            await shadows.retire(hub, connection, one, "hub")
        return len(old)


async def _old(connection: AsyncConnection, before: datetime) -> list[Epoch]:
    kept = await linkage_models.kept(connection)
    return [one for state, one in kept.items() if state != IN_FORCE and one.state_at < before]
