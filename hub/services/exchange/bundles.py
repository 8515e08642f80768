"""Many requests in one Bundle: a transaction is done as a whole or not at all, of a batch each for itself.

A transaction is a message: its exact bytes, their receipt, the leaf and everything it makes are committed together, and the
same message id with the same bytes is answered from what was stored.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson

from hub.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from hub.fhir import fed, requests
from hub.fhir.requests import Request
from hub.runtime import Hub
from hub.services.blinds import IDENTIFIER
from hub.services.exchange import checking, reading, receiving, writing
from hub.services.exchange.receiving import Done
from hub.services.exchange.writing import Write, Written
from hub.services.gathering import Gathering
from hub.services.intake import Acknowledgement, Raced, refusals_noted
from hub.services.patience import until_free
from hub.storage import resources
from hub.storage.database import AsyncConnection, Database
from hub.storage.ids import new_id
from hub.storage.members import Member
from hub.storage.versions import Version

KIND: Final = "fhir"
_AT_ONCE: Final = 16
"""Transactions that may share one of the database's, ..."""
_MOST_TOGETHER: Final = 400
"""... if they have no more entries than this together."""
_ORDER: Final = ("DELETE", "POST", "PUT", "GET")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one entry: `status` as of a request of its own, and where it is; or why not."""

    status: int
    location: str = ""
    etag: str = ""
    at: str = ""
    resource: Version | None = None
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class Transacted:
    """The answers in the order of the entries; `receipt` and `submission_id` prove that the hub has the message."""

    answers: tuple[Answer, ...]
    submission_id: str
    receipt: str


@dataclass(frozen=True, slots=True)
class _Message:
    """A transaction that a member asks for."""

    hub: Hub
    member: Member
    id: UUID
    body: bytes
    asked: Sequence[Request]


_Taking = Gathering[_Message, Acknowledgement | Exception]
_gatherings: Final[WeakKeyDictionary[Database, dict[int, _Taking]]] = WeakKeyDictionary()


async def transaction(
    hub: Hub, member: Member, purpose: str, message_id: UUID, body: bytes, asked: Sequence[Request]
) -> Transacted:
    """Do all of it or nothing. Raises what the first entry that cannot be done is refused for, and Conflict for a message id
    that was used for anything else.

    A member's transactions that arrive together share one of the database's, as long as each can be done.
    """
    async with refusals_noted(hub, member, message_id):
        of_members = _gatherings.setdefault(hub.database, {})
        gathering = of_members.setdefault(member.id, Gathering(_together, most=_AT_ONCE, at_once=1))
        acknowledgement = await gathering.ask(_Message(hub, member, message_id, body, asked))
        if isinstance(acknowledgement, Exception):
            raise acknowledgement
        said = orjson.loads(acknowledgement.body)
        if "entries" not in said:
            raise Conflict("digest-conflict", "This message id was used for a document before. A Bundle needs its own.")
    answers = [Answer(**entry) if entry else Answer(200) for entry in said["entries"]]
    for at, one in enumerate(asked):
        if one.method == "GET":
            answers[at] = await _read(hub, member, purpose, one)
    return Transacted(tuple(answers), said["submission_id"], said["receipt"])


async def _together(asked: Sequence[_Message]) -> Sequence[Acknowledgement | Exception]:
    """Some of one member's; where one of them cannot be done or they touch the same things, one after the other."""
    hub, member = asked[0].hub, asked[0].member
    every = list(asked)
    try:
        async with hub.database.begin() as connection:
            await resources.lock_member(connection, member.id)
            every += _gatherings[hub.database][member.id].join()
            if _are_apart(every):
                return await _take_each(hub, connection, member, every)
    except Exception as error:  # noqa: BLE001 - it is raised again where it was asked
        if isinstance(error, Unavailable) or (len(every) == 1 and not _may_pass(error)):
            return [error] * len(every)
    return [await _by_itself(one) for one in every]


def _may_pass(error: Exception) -> bool:
    """Is it about what others did meanwhile?"""
    return isinstance(error, Raced) or (isinstance(error, Conflict) and error.code == "busy")


def _are_apart(messages: Sequence[_Message]) -> bool:
    """Are they few, and plainly about different resources?"""
    if len(messages) == 1:
        return True
    every = [request for one in messages for request in one.asked]
    if len(every) > _MOST_TOGETHER or any(request.query for request in every):
        return False
    names: list[object] = [one.id for one in messages]
    for message in messages:
        ids = {_id(request) for request in message.asked if request.id}
        conditions = {fed.condition(request.if_none_exist) for request in message.asked}
        names += (ids | conditions) - {None}
    return len(names) == len(set(names))


async def _by_itself(message: _Message) -> Acknowledgement | Exception:
    take = partial(_take, message)
    try:
        try:
            return await until_free(take)
        except Raced:  # stored by another request, and found now
            return await until_free(take)
    except Exception as error:  # noqa: BLE001 - it is raised again where it was asked
        return error


async def _take(message: _Message) -> Acknowledgement:
    """One in a transaction of its own. Raises Raced when another request stored the same message meanwhile."""
    hub, member = message.hub, message.member
    async with hub.database.begin() as connection:
        await resources.lock_member(connection, member.id)
        return (await _take_each(hub, connection, member, [message]))[0]


async def _take_each(
    hub: Hub, connection: AsyncConnection, member: Member, messages: Sequence[_Message]
) -> list[Acknowledgement]:
    """All of them or none, in the caller's transaction under the member's lock. Raises Raced."""
    now = hub.now()
    known = await receiving.repeated(hub, connection, member, {one.id: one.body for one in messages})
    new = [one for one in messages if one.id not in known]
    wanted: list[tuple[int, int, Write]] = []
    for number, one in enumerate(new):
        writes = await _writes(hub, connection, member, one.asked)
        places = sorted(writes, key=lambda at: (_ORDER.index(one.asked[at].method), at))
        wanted += [(number, at, writes[at]) for at in places]
    written = await writing.write_all(hub, connection, member, [write for _, _, write in wanted], now)
    entries: list[list[dict[str, Any] | None]] = [[None] * len(one.asked) for one in new]
    for (number, at, write), made in zip(wanted, written, strict=True):
        entries[number][at] = _told(write.type, made)
    done = [Done(one.id, one.body, {"entries": said}, len(one.asked)) for one, said in zip(new, entries, strict=True)]
    if done:
        known |= await receiving.take(hub, connection, member, KIND, done, now)
    return [known[one.id] for one in messages]


async def _writes(hub: Hub, connection: AsyncConnection, member: Member, asked: Sequence[Request]) -> dict[int, Write]:
    """What the entries write, by their places; what refers to another entry is led to what that one makes, or finds.

    Raises Invalid and NotFound that name the entry.
    """
    ids, found = dict[int, UUID](), dict[int, Write]()
    for one in asked:
        if one.method == "POST":
            there = await _there(hub, connection, member, one)
            ids[one.at] = there[0] if len(there) == 1 else new_id()
    made = {
        one.full_url: f"{one.type}/{ids.get(one.at, one.id)}"
        for one in asked
        if one.full_url and one.method in ("POST", "PUT")
    }
    for one in asked:
        if one.method == "GET":
            continue
        try:
            found[one.at] = _write(member, one, requests.resolved(one.body, made), ids.get(one.at))
        except (Invalid, NotFound) as refusal:
            refusal.detail = f"Bundle.entry[{one.at}]: {refusal.detail}"
            raise
    return found


async def _there(hub: Hub, connection: AsyncConnection, member: Member, one: Request) -> Sequence[UUID]:
    """What a conditional create finds."""
    unless = fed.condition(one.if_none_exist)
    if unless is None:
        return ()
    value = hub.vault.blind(IDENTIFIER, *unless)
    return (await resources.own_by_identifiers(connection, member.id, one.type, [value])).get(value, ())


def _write(member: Member, one: Request, body: bytes, id_: UUID | None) -> Write:
    """The entry as one act; what it creates is given `id_`. Raises Invalid, NotFound."""
    type_ = checking.known_type(one.type)
    if one.query or (one.id == "") != (one.method == "POST"):
        said = "POST goes to a type, PUT and DELETE to a type and an id; conditions in the url are not taken here."
        raise Invalid("not-supported", said)
    if one.method == "DELETE":
        return Write("delete", type_, _id(one), expected=expected(one.if_match))
    resource = orjson.loads(body)
    kept = checking.check(member, type_, resource, body)
    if one.method == "POST":
        return Write("create", type_, id_ or new_id(), resource, kept, unless=fed.condition(one.if_none_exist))
    if resource.get("id") != one.id:
        raise Invalid("bad-request", "The id in the body is not the id in the address.")
    return Write("update", type_, _id(one), resource, kept, expected(one.if_match))


def _id(one: Request) -> UUID:
    try:
        return UUID(one.id)
    except ValueError:
        raise NotFound from None


def expected(stated: str) -> int | None:
    """The version that If-Match names. Raises Invalid."""
    number = stated.strip().removeprefix("W/").strip('"')
    if number in ("", "*"):
        return None
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Invalid("bad-request", 'If-Match names a version, as W/"3".')
    return int(number)


def _told(type_: str, done: Written) -> dict[str, Any]:
    status = {"new": 201, "deleted": 204}.get(done.change, 200)
    where = f"{type_}/{done.id}/_history/{done.version}"
    return {
        "status": status,
        "location": where,
        "etag": f'W/"{done.version}"',
        "at": done.at.isoformat(timespec="milliseconds"),
    }


async def batch(hub: Hub, member: Member, purpose: str, asked: Sequence[Request]) -> tuple[Answer, ...]:
    """Do each for itself, whatever becomes of the others; those that come together share transactions."""
    return tuple(await asyncio.gather(*(_alone(hub, member, purpose, one) for one in asked)))


async def _alone(hub: Hub, member: Member, purpose: str, one: Request) -> Answer:
    if one.method == "GET":
        return await _read(hub, member, purpose, one)
    try:
        async with refusals_noted(hub, member, new_id()):
            wanted = _write(member, one, requests.resolved(one.body, {}), None)
            return Answer(**_told(one.type, await writing.write(hub, member, wanted)))
    except Refused as refusal:
        return Answer(refusal.status, refusal=refusal)


async def _read(hub: Hub, member: Member, purpose: str, one: Request) -> Answer:
    try:
        if one.query:
            raise Invalid("not-supported", "Searches are not taken in a Bundle.")
        found = await reading.read(hub, member, purpose, checking.known_type(one.type), _id(one))
    except Refused as refusal:
        return Answer(refusal.status, refusal=refusal)
    return Answer(200, "", f'W/"{found.version}"', found.at.isoformat(timespec="milliseconds"), found)
