"""Creates, updates and deletes a member's own resources; many at once, all or none.

Nothing is overwritten: each change is a version more, a deletion too. A person follows her records at once, and each act
leaves its leaf in the log, in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from hub.errors import Conflict, Invalid, NotFound, Refused
from hub.runtime import Hub
from hub.services import consents, recording
from hub.services.blinds import RECORD_KEY
from hub.services.exchange import checking
from hub.services.preparing import CONSENT_TYPE, PERSON_TYPE, Ready
from hub.storage import audit, resources, versions
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.members import Member
from hub.storage.resources import Stored
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
    """What is wanted: `resource` was checked and `kept` are its bytes, none of both to delete; `expected` is a version."""

    kind: Kind
    type: str
    id: UUID | None = None
    resource: dict[str, Any] | None = None
    kept: bytes = b""
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it; an update that changes nothing is the `same` version. `body` is empty where it was deleted."""

    id: UUID
    version: int
    at: datetime
    body: bytes
    change: Literal["new", "changed", "same", "deleted"]


async def write(hub: Hub, member: Member, wanted: Write) -> Written:
    """One act in a transaction of its own. Raises NotFound, Conflict, Changed, Invalid; nothing is stored then."""
    async with hub.database.begin() as connection:
        return (await write_all(hub, connection, member, [wanted], hub.now()))[0]


async def write_all(
    hub: Hub, connection: AsyncConnection, member: Member, wanted: Sequence[Write], now: datetime
) -> list[Written]:
    """All of `wanted`, each about another resource, in the caller's transaction; what became of each, in order."""
    await resources.lock_member(connection, member.id)
    ids = [one.id for one in wanted if one.id is not None]
    if len(set(ids)) < len(ids):
        raise Invalid("bad-request", "A resource is named twice; nothing was stored.")
    known = await versions.current(connection, hub.vault, ids, lock=True) if ids else {}
    for one in wanted:
        _check(member, one, known)
    written: dict[int, Written] = {}
    for type_ in sorted({one.type for one in wanted}):
        put = [(at, one) for at, one in enumerate(wanted) if one.type == type_ and one.kind != "delete"]
        gone = [(at, known[one.id]) for at, one in enumerate(wanted)
                if one.type == type_ and one.kind == "delete" and one.id is not None]  # fmt: skip
        for (at, _), done in zip(
            put, await _put(hub, connection, member, [one for _, one in put], known, now), strict=True
        ):
            written[at] = done
        for (at, _), done in zip(
            gone, await _delete(hub, connection, member, [one for _, one in gone], now), strict=True
        ):
            written[at] = done
    await audit.append(
        connection,
        hub.vault,
        [
            Act(
                one.kind, member.name, {"resource": f"{one.type}/{written[at].id}", "version": written[at].version}, now
            )
            for at, one in enumerate(wanted)
        ],
    )
    return [written[at] for at in range(len(wanted))]


def _check(member: Member, wanted: Write, known: Mapping[UUID, Version]) -> None:
    """Raises NotFound for what is not the member's own, Changed for another version than was expected."""
    if member.kind != "county":
        raise NotFound
    if wanted.id is None:
        return
    found = known.get(wanted.id)
    if found is None or found.member_id != member.id or found.type != wanted.type:
        raise NotFound
    if wanted.expected is not None and wanted.expected != found.newest:
        raise Changed


async def _put(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    wanted: Sequence[Write],
    known: Mapping[UUID, Version],
    now: datetime,
) -> list[Written]:
    """Create or update resources of one type."""
    if not wanted:
        return []
    some, incoming = [], []
    for one in wanted:
        id_ = one.id or new_id()
        made = await checking.ready(hub, connection, member, one.resource or {}, one.kept, id_)
        taken = recording.incoming_of(hub, member, made, id_)
        if one.id is not None and taken.key != known[one.id].key:
            raise Conflict("record-number", "A record keeps the number it has at its source; nothing was stored.")
        some.append(made)
        incoming.append(taken)
    await _check_new(hub, connection, member, wanted, some)
    stored = await resources.upsert(connection, hub.vault, member.id, None, incoming, now)
    await recording.follow(hub, connection, member, some, incoming, stored, now)
    return [_told(one, made, known, now) for one, made in zip(stored, some, strict=True)]


def _told(stored: Stored, made: Ready, known: Mapping[UUID, Version], now: datetime) -> Written:
    if stored.change == "older":  # a clock went back: what is stored stays
        raise Conflict("busy", "Something newer of the resource was stored meanwhile; send it again.", retry="NORMAL")
    at = known[stored.id].at if stored.change == "same" else now
    return Written(stored.id, stored.version, at, made.body, stored.change)


async def _check_new(
    hub: Hub, connection: AsyncConnection, member: Member, wanted: Sequence[Write], some: Sequence[Ready]
) -> None:
    """Raises Conflict where a new record has the number of one that is there, or two have the same."""
    keys = [hub.vault.blind(RECORD_KEY, member.name, one.type, one.key) for one in some]
    fresh = [key for one, key in zip(wanted, keys, strict=True) if one.id is None]
    taken = await resources.by_keys(connection, member.id, some[0].type, fresh) if fresh else {}
    if taken or len(set(keys)) < len(keys):
        raise Conflict(
            "duplicate-record",
            "You have a record of this number here already; nothing was stored. Update that one instead.",
            retry="FIX_FIRST",
        )


async def _delete(
    hub: Hub, connection: AsyncConnection, member: Member, found: Sequence[Version], now: datetime
) -> list[Written]:
    """Delete resources of one type; one that is deleted already stays as it is."""
    there = [one for one in found if not one.deleted]
    if there:
        await versions.delete(connection, hub.vault, there, now)
        if there[0].type == PERSON_TYPE:
            await recording.withdraw_persons(hub, connection, member, {one.id: one.newest + 1 for one in there}, now)
        if there[0].type == CONSENT_TYPE:
            await consents.withdraw(hub, connection, member, [one.id for one in there], now)
    return [
        Written(one.id, one.newest, one.at, b"", "deleted")
        if one.deleted
        else Written(one.id, one.newest + 1, now, b"", "deleted")
        for one in found
    ]
