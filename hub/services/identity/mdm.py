"""HAPI's MDM operations over our persons, for stewards who come from there: links are told, and changed, by decisions.

MATCH becomes MUST_LINK and NO_MATCH becomes CANNOT_LINK of the review service, with its checks and its undoing. A golden
resource is a person; its id is lent by its oldest record and stays with that record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from hub.errors import Conflict, Invalid, NotAllowed
from hub.runtime import Hub
from hub.services import cases, projecting, source_records, verdicts
from hub.services.identity import foreseeing, merging, person_views, steward_acts
from hub.services.identity.steward_acts import Hidden, Named
from hub.services.patience import until_free
from hub.services.sessions import User
from hub.services.source_records import Record
from hub.storage import decisions, mdm_links, people, person_events
from hub.storage import reviews as tasks
from hub.storage.database import AsyncConnection
from hub.storage.mdm_links import Link, Wanted

MATCH, NO_MATCH, POSSIBLE_MATCH, POSSIBLE_DUPLICATE = "MATCH", "NO_MATCH", "POSSIBLE_MATCH", "POSSIBLE_DUPLICATE"
RESULTS: Final = (MATCH, NO_MATCH, POSSIBLE_MATCH, POSSIBLE_DUPLICATE)
_MOST_HISTORY: Final = 500
_MOST_RECORDS: Final = 50
_SHOWN: Final = ("link",)


@dataclass(frozen=True, slots=True)
class Golden:
    """How a caller names a person, with the version it saw."""

    id: UUID
    version: int | None = None


async def query(
    hub: Hub, user: User, wanted: Wanted, *, sort: Sequence[tuple[str, bool]], count: int, offset: int
) -> tuple[list[Link], bool]:
    """(links, are there more?) of those that `user` may see; each record shown is noted for its person."""
    async with steward_acts.refusals_noted(hub, user, "mdm-query-links"):
        steward_acts.check_role(user)
        async with hub.database.begin() as connection:
            found = await mdm_links.links(connection, wanted, sort=sort, limit=count + 1, offset=offset)
            await _note(hub, connection, user, found[:count], "mdm-query-links")
        return found[:count], len(found) > count


async def history(hub: Hub, user: User, goldens: Sequence[UUID], sources: Sequence[UUID]) -> list[Link]:
    """How these persons and records were linked over time, the newest first, 500 changes at most."""
    async with steward_acts.refusals_noted(hub, user, "mdm-link-history"):
        steward_acts.check_role(user)
        if not goldens and not sources:
            raise Invalid("bad-request", "At least one goldenResourceId or resourceId is needed.")
        async with hub.database.begin() as connection:
            found = await mdm_links.history(
                connection, user.visible, goldens=goldens, sources=sources, limit=_MOST_HISTORY
            )
            await _note(hub, connection, user, found, "mdm-link-history")
        return found


async def _note(hub: Hub, connection: AsyncConnection, user: User, links: Sequence[Link], act: str) -> None:
    records = await source_records.load(hub, connection, {id_ for link in links for id_ in link.records})
    await cases.note(hub, connection, user, records.values(), act=act, fields=_SHOWN, now=hub.now())


@dataclass(frozen=True, slots=True)
class Changed:
    """The person as a golden resource, as it is now; it may be that a decision `waits` for a second steward."""

    person: dict[str, Any]
    waits: bool


@dataclass(frozen=True, slots=True)
class _Ends:
    """A link's two ends, locked: the record, and the person with its `others`, the oldest first."""

    record: Record
    person_id: UUID
    others: tuple[Record, ...]

    @property
    def inside(self) -> bool:
        """Does the record belong to the person?"""
        return self.record.person_id == self.person_id


async def update_link(hub: Hub, user: User, golden: Golden, source: Named, result: str) -> Changed:
    """Say of a link that is there, or that may be, that it is one (MATCH) or none (NO_MATCH); answers the person.

    Raises NotFound, Invalid, Conflict `no-link`, `contradiction`, `stale`. Saying what holds already changes nothing.
    """
    async with steward_acts.refusals_noted(hub, user, "mdm-update-link"):
        _check_result(user, result)
        return await until_free(partial(_update, hub, user, golden, source, result))


async def _update(hub: Hub, user: User, golden: Golden, source: Named, result: str) -> Changed:
    async with hub.database.begin() as connection:
        ends = await _ends(hub, connection, user, golden, source)
        linked = [other for other in ends.others if await _is_linked(connection, ends.record, other)]
        if not ends.others or not (linked or ends.inside):
            raise Conflict("no-link", "There is no link between the two; $mdm-create-link makes one.")
        others = ends.others if ends.inside else linked
        waits = False
        if not (ends.inside and result == MATCH):
            waits = await _say(hub, connection, user, ends.record, others, result, hub.now())
        return Changed(await _answer(hub, connection, user, golden), waits)


async def create_link(hub: Hub, user: User, golden: Golden, source: Named, result: str) -> Changed:
    """Link a record with a person where there is no link yet; answers the person. Raises like `update_link`, and Conflict
    `already-linked`.
    """
    async with steward_acts.refusals_noted(hub, user, "mdm-create-link"):
        _check_result(user, result)
        return await until_free(partial(_create, hub, user, golden, source, result))


async def _create(hub: Hub, user: User, golden: Golden, source: Named, result: str) -> Changed:
    async with hub.database.begin() as connection:
        ends = await _ends(hub, connection, user, golden, source)
        if ends.inside or [other for other in ends.others if await _is_linked(connection, ends.record, other)]:
            raise Conflict("already-linked", "There is a link between the two; $mdm-update-link changes it.")
        waits = await _say(hub, connection, user, ends.record, ends.others, result, hub.now())
        return Changed(await _answer(hub, connection, user, golden), waits)


async def not_duplicate(hub: Hub, user: User, golden: Golden, other: Golden) -> bool:
    """Two persons that may be one are not; False where that waits for a second steward.

    Raises Conflict `no-link` where nobody has found that they may be.
    """
    async with steward_acts.refusals_noted(hub, user, "mdm-not-duplicate"):
        steward_acts.check_role(user)
        return await until_free(partial(_part, hub, user, golden, other))


async def _part(hub: Hub, user: User, golden: Golden, other: Golden) -> bool:
    async with hub.database.begin() as connection:
        ids = [id_ for one in (golden, other) for id_ in (await _person(connection, user, one))[1]]
        await projecting.lock_component(connection, ids)
        (_, first), (_, second) = [await _person(connection, user, one) for one in (golden, other)]
        task = await tasks.between(connection, first, second, user.visible)
        if task is None:
            raise Conflict("no-link", "Nobody has found that the two may be one person.")
        both = await source_records.load(hub, connection, (task.a, task.b))
        a, b = both[task.a], both[task.b]
        done = await merging.decide(hub, connection, user, a, b, "CANNOT", merging.REASON, None, hub.now())
        return done.state != merging.PROPOSED


def _check_result(user: User, result: str) -> None:
    steward_acts.check_role(user)
    if result not in (MATCH, NO_MATCH):
        raise Invalid("bad-request", f"matchResult is {MATCH} or {NO_MATCH}: what is possible is found by comparing.")


async def _person(connection: AsyncConnection, user: User, golden: Golden) -> tuple[UUID, list[int]]:
    """(id, records) of a person of whom the user may see something. Raises Hidden, Conflict `stale`."""
    person = await people.resolve(connection, golden.id)
    if person is None:
        raise Hidden
    ids = await people.records_of(connection, person)
    infos = await people.info(connection, ids)
    if not any(steward_acts.sees(user, info.member_id) for info in infos.values()) and not await tasks.touching(
        connection, ids, user.visible
    ):
        raise Hidden(ids)
    if golden.version not in (None, await person_events.version(connection, person)):
        raise Conflict("stale", "The person has changed since the version you name.")
    return person, ids


async def _ends(hub: Hub, connection: AsyncConnection, user: User, golden: Golden, source: Named) -> _Ends:
    record = await steward_acts.record_of(hub, connection, user, source)
    _, ids = await _person(connection, user, golden)
    await projecting.lock_component(connection, [record.id, *ids])
    record = await steward_acts.record_of(hub, connection, user, source)
    person, ids = await _person(connection, user, golden)
    if len(ids) > _MOST_RECORDS:
        raise Conflict("too-many", f"The person has more than {_MOST_RECORDS} records; merge them one by one.")
    loaded = await source_records.load(hub, connection, [id_ for id_ in ids if id_ != record.id])
    others = tuple(loaded[id_] for id_ in sorted(loaded))
    if not steward_acts.sees(user, record.member.id):
        queued = [other for other in others if await steward_acts.is_queued(connection, user, record, other)]
        if not queued:
            raise Hidden([record.id])
    steward_acts.check_version(source, record)
    return _Ends(record, person, others)


async def _is_linked(connection: AsyncConnection, record: Record, other: Record) -> bool:
    """Is there a decision about the two, or an open conflict?"""
    a, b = sorted((record.id, other.id))
    if decisions.held_after(await decisions.of_pair(connection, a, b)) is not None:
        return True
    task = await tasks.of_pair(connection, a, b)
    return task is not None and task.state in tasks.OPEN_STATES


async def _say(
    hub: Hub,
    connection: AsyncConnection,
    user: User,
    record: Record,
    others: Sequence[Record],
    result: str,
    now: datetime,
) -> bool:
    """Decide MATCH with the first of `others`, NO_MATCH with each; what said the opposite of them is taken back first.

    Answers whether any of it waits for a second steward.
    """
    kind: foreseeing.Kind = "MUST" if result == MATCH else "CANNOT"
    for other in others:
        if result == NO_MATCH or other is others[0]:
            await steward_acts.check_visible(connection, user, (record, other))
        await _release(hub, connection, user, record, other, kind, now)
    states = set()
    for other in others[:1] if result == MATCH else others:
        a, b = sorted((record.id, other.id))
        held = decisions.held_after(await decisions.of_pair(connection, a, b))
        if held is None or held.kind != f"{kind}_LINK":
            done = await merging.decide(hub, connection, user, record, other, kind, merging.REASON, None, now)
            states.add(done.state)
    return merging.PROPOSED in states


async def _release(
    hub: Hub,
    connection: AsyncConnection,
    user: User,
    record: Record,
    other: Record,
    kind: foreseeing.Kind,
    now: datetime,
) -> None:
    """Take back a steward's opposite decision about the two. Raises NotAllowed `not-yours`, Conflict `stale`."""
    first, second = sorted((record, other), key=lambda one: one.id)
    held = decisions.held_after(await decisions.of_pair(connection, first.id, second.id))
    if held is None or held.kind not in ("MUST_LINK", "CANNOT_LINK") or held.kind == f"{kind}_LINK":
        return
    await steward_acts.check_visible(connection, user, (record, other))
    task = await tasks.of_pair(connection, first.id, second.id, lock=True)
    if task is not None and task.state == tasks.PROPOSED:
        raise Conflict("stale", "What a colleague proposes about the two waits for an answer. Nothing was changed.")
    if task is None or not cases.may_take_back(user, held):
        raise NotAllowed("not-yours", "Only a supervisor may undo what another has decided.")
    seen = cases.seen(task, first.version, second.version)
    await verdicts.retract(hub, connection, user, task, held, merging.REASON, seen, now)


async def _answer(hub: Hub, connection: AsyncConnection, user: User, golden: Golden) -> dict[str, Any]:
    person = await people.resolve(connection, golden.id)
    if person is None:
        raise LookupError(f"person {golden.id} is gone")
    return await person_views.golden(hub, connection, user, person)
