"""Creates, updates and deletes a member's own resources; many at once, and what cannot be done hinders nothing else.

Nothing is overwritten: each change is a version more, a deletion too. A person follows her records at once, and each act
leaves its leaf in the log, in the same transaction. Writes that arrive at the same time share one.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

from hub.errors import Conflict, NotFound, Refused, Unavailable
from hub.fhir.fed import Identifier
from hub.fhir.subscriptions import TYPE as SUBSCRIPTION_TYPE
from hub.runtime import Hub
from hub.services import consents, recording
from hub.services.blinds import IDENTIFIER
from hub.services.exchange import checking, indexing, noting
from hub.services.exchange.conditions import ENOUGH, NotUnique
from hub.services.exchange.noting import Looked
from hub.services.gathering import Gathering
from hub.services.identity.ledger import LookedUp
from hub.services.preparing import CONSENT_TYPE, PERSON_TYPE, Ready
from hub.storage import audit, linkage_models, resources, search_index, subscriptions, versions
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, Database, Part, write_together
from hub.storage.members import Member
from hub.storage.resources import Incoming, Known, Stored
from hub.storage.versions import Version

Kind = Literal["create", "update", "delete"]


class Changed(Refused):
    """The resource is not at the version that the caller means to change."""

    status = 412

    def __init__(self) -> None:
        super().__init__(
            "version-conflict",
            "The resource has changed since the version you name; nothing was stored. Read it and send your change again.",
            retry="CHECK_STATUS",
        )


@dataclass(frozen=True, slots=True)
class Write:
    """What is wanted: `resource` was checked and `kept` are its bytes, none of both to delete; `expected` is a version.

    `id` is the resource that is there, or the one that a new resource is to have. A new one is created `unless` the
    member has one with that identifier (system, value): then that one is the answer, looked up for `purpose`. `ready` and
    `tokens` are what `checking.read` and `indexing.tokens` make of it, where that was done before the member's turn.
    """

    kind: Kind
    type: str
    id: UUID
    resource: dict[str, Any] | None = None
    kept: bytes = b""
    expected: int | None = None
    unless: Identifier | None = None
    purpose: str = ""
    ready: Ready | None = None
    tokens: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it; an update that changes nothing is the `same` version. `body` is empty where it was deleted."""

    id: UUID
    version: int
    at: datetime
    body: bytes
    change: Literal["new", "changed", "same", "deleted"]


Outcome = Written | Refused
_Asked = tuple[Hub, Member, Write]
_Writing = Gathering[_Asked, Written | Exception]
_gatherings: Final[WeakKeyDictionary[Database, dict[int, _Writing]]] = WeakKeyDictionary()


async def write(hub: Hub, member: Member, wanted: Write) -> Written:
    """One act, together with the member's others of the same time. Raises NotFound, Conflict, Changed, Invalid.

    Each member's are gathered apart: while its transaction holds its lock, its own writes wait, and nobody else's.
    """
    of_members = _gatherings.setdefault(hub.database, {})
    done = await of_members.setdefault(member.id, Gathering(_together, at_once=1)).ask((hub, member, wanted))
    if isinstance(done, Exception):
        raise done
    return done


def begun(hub: Hub, member: Member, types: Collection[str]) -> AbstractAsyncContextManager[AsyncConnection]:
    """A transaction under the member's lock; with the models held where resources of `types` have persons follow them."""
    held = (linkage_models.HOLD,) if PERSON_TYPE in types else ()
    return hub.database.begin(resources.lock_of(member.id), *held)


async def _together(asked: Sequence[_Asked]) -> Sequence[Written | Exception]:
    """One member's writes in one transaction, with those that come while it waits for the member's turn.

    Where that breaks each is done in a transaction of its own, so that it fails by itself only.
    """
    hub, member, _ = asked[0]
    writes = [wanted for _, _, wanted in asked]
    try:
        async with begun(hub, member, {one.type for one in writes}) as connection:
            writes += [wanted for _, _, wanted in _gatherings[hub.database][member.id].join()]
            return await _in_turns(hub, connection, member, writes)
    except Exception as error:  # noqa: BLE001 - it is raised again where it was asked
        if len(writes) == 1 or isinstance(error, Unavailable):
            return [error] * len(writes)
    return [await _by_itself(hub, member, wanted) for wanted in writes]


async def _in_turns(hub: Hub, connection: AsyncConnection, member: Member, writes: Sequence[Write]) -> list[Outcome]:
    """Of those about one resource, or under one number, each finds what the last one left."""
    done: dict[int, Outcome] = {}
    waiting = list(enumerate(writes))
    while waiting:
        turn: list[int] = []
        met: set[object] = set()
        for at, wanted in waiting:
            about = {wanted.id, wanted.unless, (wanted.type, wanted.ready.key) if wanted.ready else None} - {None}
            if met.isdisjoint(about):
                turn.append(at)
            met |= about
        some = [writes[at] for at in turn]
        done |= zip(turn, await write_each(hub, connection, member, some, hub.now()), strict=True)
        waiting = [(at, wanted) for at, wanted in waiting if at not in done]
    return [done[at] for at in range(len(writes))]


async def _by_itself(hub: Hub, member: Member, wanted: Write) -> Written | Exception:
    try:
        async with begun(hub, member, {wanted.type}) as connection:
            return (await write_each(hub, connection, member, [wanted], hub.now()))[0]
    except Exception as error:  # noqa: BLE001 - it is raised again where it was asked
        return error


async def write_all(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    wanted: Sequence[Write],
    now: datetime,
    also: Sequence[Part] = (),
) -> list[Written]:
    """All of `wanted` or none, as `write_each` does them. Raises what the first of them is refused for."""
    done = []
    for one in await write_each(hub, connection, member, wanted, now, also):
        if isinstance(one, Refused):
            raise one
        done.append(one)
    return done


async def write_each(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    wanted: Sequence[Write],
    now: datetime,
    also: Sequence[Part] = (),
) -> list[Outcome]:
    """What becomes of each of `wanted`, which are about different resources, in the caller's transaction, under the
    member's lock. What is to be written `also` goes with the last statement.
    """
    there = [one.id for one in wanted if one.kind != "create"]
    known = await versions.own(connection, hub.vault, member.id, there, lock=True, opened=False) if there else {}
    outcomes: dict[int, Outcome] = {
        at: refusal for at, one in enumerate(wanted) if (refusal := _refusal(member, one, known)) is not None
    }
    going = [(at, one) for at, one in enumerate(wanted) if at not in outcomes]
    outcomes |= await _there(hub, connection, member, going, now)
    put = [(at, one) for at, one in going if one.kind != "delete" and at not in outcomes]
    made = await _put(hub, connection, member, put, known, now)
    outcomes |= made.outcomes
    # Before anything is deleted: a consent that takes another's place keeps what rests on that in force.
    await _follow(hub, connection, member, [one for one in made.stored if one[0].ready.type != PERSON_TYPE], now)
    for type_ in sorted({one.type for _, one in going if one.kind == "delete"}):
        gone = [(at, known[one.id]) for at, one in going if one.kind == "delete" and one.type == type_]
        outcomes |= await _delete(hub, connection, member, gone, now)
    _, leaves = audit.appending(hub.vault, _acts(member, wanted, outcomes, now))
    told = [(done.id, now, one.ready.type, one.tokens) for one, done in made.stored if done.counts]
    await write_together(connection, *indexing.telling(member.id, told), *leaves, *also)
    # Last, since others who link records of the like wait from here on.
    await _follow(hub, connection, member, [one for one in made.stored if one[0].ready.type == PERSON_TYPE], now)
    return [outcomes[at] for at in range(len(wanted))]


def _acts(member: Member, wanted: Sequence[Write], outcomes: Mapping[int, Outcome], now: datetime) -> list[Act]:
    """What the log keeps of writes: of each that changed something."""
    return [
        Act(one.kind, member.name, {"resource": f"{one.type}/{done.id}", "version": done.version}, now)
        for at, one in enumerate(wanted)
        if isinstance(done := outcomes[at], Written) and done.change != "same"
    ]


def _refusal(member: Member, wanted: Write, known: Mapping[UUID, Version]) -> Refused | None:
    """Why it cannot be done to what is there: it is not the member's own, or another version than was expected."""
    if member.kind != "county":
        return NotFound()
    if wanted.kind == "create":
        return None
    found = known.get(wanted.id)
    if found is None or found.type != wanted.type:
        return NotFound()
    return Changed() if wanted.expected not in (None, found.newest) else None


async def _there(
    hub: Hub, connection: AsyncConnection, member: Member, wanted: Sequence[tuple[int, Write]], now: datetime
) -> dict[int, Outcome]:
    """What is there already of what is created only where it is not. It is shown, and so in the ledger."""
    asked = {at: (one.type, hub.vault.blind(IDENTIFIER, *one.unless)) for at, one in wanted if one.unless is not None}
    if not asked:
        return {}
    found = await resources.own_under(connection, member.id, list(set(asked.values())), ENOUGH)
    bodies = await versions.own(connection, hub.vault, member.id, [heads[0].id for heads in found.values()])
    purposes = {at: one.purpose for at, one in wanted}
    outcomes: dict[int, Outcome] = {}
    looked: list[Looked] = []
    for at, value in asked.items():
        heads = found.get(value, ())
        if len(heads) > 1:
            outcomes[at] = NotUnique()
        elif heads:
            one = bodies[heads[0].id]
            outcomes[at] = Written(one.id, one.newest, one.at, one.body, "same")
            looked.append(Looked(LookedUp(member, "read", purposes[at], now), [one]))
    if looked:
        await noting.note(hub, connection, looked)
    return outcomes


@dataclass(frozen=True, slots=True)
class _Put:
    """A resource on its way into storage, and the place of what wanted it."""

    at: int
    ready: Ready
    incoming: Incoming
    tokens: Sequence[int] | None


@dataclass(frozen=True, slots=True)
class _Made:
    """What came of writes, by their places, and what is stored for those that were not refused."""

    outcomes: dict[int, Outcome]
    stored: Sequence[tuple[_Put, Stored]]


async def _put(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    wanted: Sequence[tuple[int, Write]],
    known: Mapping[UUID, Version],
    now: datetime,
) -> _Made:
    """Create or update resources."""
    outcomes: dict[int, Outcome] = {}
    going: list[_Put] = []
    beside: dict[str, list[UUID]] = {}
    for at, one in wanted:
        try:
            made, tokens = _read(hub, member, one)
            so_far = beside.setdefault(one.type, [])
            made = await checking.admitted(hub, connection, member, one.resource or {}, made, one.id, so_far)
        except Refused as refusal:
            outcomes[at] = refusal
            continue
        incoming = recording.incoming_of(hub, member, made, one.id)
        if one.kind == "update" and incoming.key != known[one.id].key:
            outcomes[at] = Conflict(
                "record-number", "A record keeps the number it has at its source; nothing was stored."
            )
        else:
            going.append(_Put(at, made, incoming, tokens))
            so_far.append(one.id)
    # Under a key that is its own id no new resource is there.
    some = [one.incoming for one in going if one.incoming.id in known or one.ready.key != str(one.incoming.id)]
    types, keys = {one.type for one in some}, {one.key for one in some}
    there = await resources.existing(connection, member.id, types, keys) if keys else {}
    outcomes |= _doubles(going, known, there)
    going = [one for one in going if one.at not in outcomes]
    incoming_ = [one.incoming for one in going]
    stored = await resources.upsert(connection, hub.vault, member.id, None, incoming_, now, known=there)
    outcomes |= {one.at: _told(done, one.ready, known, now) for one, done in zip(going, stored, strict=True)}
    return _Made(outcomes, list(zip(going, stored, strict=True)))


async def _follow(
    hub: Hub, connection: AsyncConnection, member: Member, stored: Sequence[tuple[_Put, Stored]], now: datetime
) -> None:
    """Do what follows from resources that are stored, type by type."""
    for type_ in sorted({one.ready.type for one, _ in stored}):
        of_type = [(one, done) for one, done in stored if one.ready.type == type_]
        ready, incoming = [one.ready for one, _ in of_type], [one.incoming for one, _ in of_type]
        await recording.follow(hub, connection, member, ready, incoming, [done for _, done in of_type], now)


def _read(hub: Hub, member: Member, wanted: Write) -> tuple[Ready, Sequence[int] | None]:
    """What is stored, and told to the search index, of what is wanted. Raises TooLarge."""
    if wanted.ready is not None:
        return wanted.ready, wanted.tokens
    resource = wanted.resource or {}
    return checking.read(member, resource, wanted.kept, wanted.id), indexing.tokens(hub, member.id, resource)


def _told(stored: Stored, made: Ready, known: Mapping[UUID, Version], now: datetime) -> Outcome:
    if stored.change == "older":  # a clock went back: what is stored stays
        return Conflict("busy", "Something newer of the resource was stored meanwhile; send it again.", retry="NORMAL")
    at = known[stored.id].at if stored.change == "same" else now
    return Written(stored.id, stored.version, at, made.body, stored.change)


def _duplicate(type_: str, there: UUID | None) -> Conflict:
    where = f"{type_}/{there}, which brings it back if it was deleted" if there else "the other entry"
    return Conflict(
        "duplicate-record",
        f"You have a record of this number here already; nothing was stored. Update {where}.",
        retry="FIX_FIRST",
    )


def _doubles(going: Sequence[_Put], known: Mapping[UUID, Version], there: Mapping[bytes, Known]) -> dict[int, Outcome]:
    """The refusals of those that are new under the number of a record that is there, or of one before them."""
    taken: dict[bytes, UUID | None] = {key: one.id for key, one in there.items()}
    refused: dict[int, Outcome] = {}
    for one in going:
        if one.incoming.id not in known and one.incoming.key in taken:
            refused[one.at] = _duplicate(one.ready.type, taken[one.incoming.key])
        taken.setdefault(one.incoming.key, None)
    return refused


async def _delete(
    hub: Hub, connection: AsyncConnection, member: Member, found: Sequence[tuple[int, Version]], now: datetime
) -> dict[int, Outcome]:
    """Delete resources of one type; one that is deleted already stays as it is."""
    there = [one for _, one in found if not one.deleted]
    if there:
        await versions.delete(connection, hub.vault, there, now)
        await search_index.forget(connection, [one.id for one in there])
        if there[0].type == PERSON_TYPE:
            gone = {one.id: one.newest + 1 for one in there}
            await recording.withdraw_persons(hub, connection, member, gone, now)
        if there[0].type == CONSENT_TYPE:
            await consents.withdraw(hub, connection, member, [one.id for one in there], now)
        if there[0].type == SUBSCRIPTION_TYPE:
            await subscriptions.end(connection, [one.id for one in there])
    return {
        at: Written(
            one.id, one.newest if one.deleted else one.newest + 1, one.at if one.deleted else now, b"", "deleted"
        )
        for at, one in found
    }
