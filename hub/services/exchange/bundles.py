"""Many requests in one Bundle: a transaction is done as a whole or not at all, of a batch each for itself.

A transaction is a message: its exact bytes, their receipt, the leaf and everything it makes are committed together, and the
same message id with the same bytes is answered from what was stored.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson

from hub.errors import Conflict, HubError, Unavailable
from hub.fhir import fed, requests
from hub.fhir.requests import Request
from hub.runtime import Hub
from hub.services.exchange import entries, looking, receiving, stated, writing
from hub.services.exchange.carrying import carry_out
from hub.services.exchange.looking import Answer
from hub.services.exchange.receiving import Done
from hub.services.exchange.writing import Write, Written
from hub.services.gathering import Gathering
from hub.services.intake import Acknowledgement, Raced, refusals_noted
from hub.services.patience import until_free
from hub.storage import resources
from hub.storage.database import AsyncConnection, Database
from hub.storage.ids import new_id
from hub.storage.members import Member

KIND: Final = "fhir"
_AT_ONCE: Final = 16
"""Transactions that may share one of the database's, ..."""
_MOST_TOGETHER: Final = 400
"""... if they have no more entries than this together."""
_ORDER: Final = ("DELETE", "POST", "PUT", "PATCH")
"""In which R4 has the entries of a transaction done; what is read is read when all is written."""


@dataclass(frozen=True, slots=True)
class Transacted:
    """The answers in the order of the entries; `receipt` and `submission_id` prove that the hub has the message."""

    answers: tuple[Answer, ...]
    submission_id: str
    receipt: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class _Message:
    """A transaction that a member asks for."""

    hub: Hub
    member: Member
    purpose: str
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
        acknowledgement = await gathering.ask(_Message(hub, member, purpose, message_id, body, asked))
        if isinstance(acknowledgement, Exception):
            raise acknowledgement
        said = orjson.loads(acknowledgement.body)
        if "entries" not in said:
            raise Conflict("digest-conflict", "This message id was used for a document before. A Bundle needs its own.")
    read = await looking.look(hub, member, purpose, [one for one in asked if one.method == "GET"])
    answers = [Answer(**entry) if entry else read[at] for at, entry in enumerate(said["entries"])]
    received_at = datetime.fromisoformat(said["received_at"])
    return Transacted(tuple(answers), said["submission_id"], said["receipt"], received_at)


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
    """Are they few, and plainly about different resources? What is searched for may be what an earlier one writes."""
    if len(messages) == 1:
        return True
    every = [request for one in messages for request in one.asked]
    if len(every) > _MOST_TOGETHER:
        return False
    if not all(stated.is_plain(one) and not requests.searches(one.body) for one in every):
        return False
    names: list[object] = [one.id for one in messages]
    for message in messages:
        ids = {stated.uuid(request.id) for request in message.asked if request.id}
        conditions = {fed.condition(request.if_none_exist) for request in message.asked if request.method == "POST"}
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
    answers: list[dict[int, Written | None]] = []
    for number, one in enumerate(new):
        settled = await entries.settle(hub, connection, member, one.purpose, one.asked, now, together=True)
        methods = {request.at: request.method for request in one.asked}
        places = sorted(settled.writes, key=lambda at: (_ORDER.index(methods[at]), at))
        wanted += [(number, at, settled.writes[at]) for at in places]
        answers.append(settled.done)
    written = await writing.write_all(hub, connection, member, [write for _, _, write in wanted], now)
    for (number, at, _), made in zip(wanted, written, strict=True):
        answers[number][at] = made
    done = [Done(one.id, one.body, {"entries": _told_all(one, own)}, len(one.asked))
            for one, own in zip(new, answers, strict=True)]  # fmt: skip
    if done:
        known |= await receiving.take(hub, connection, member, KIND, done, now)
    return [known[one.id] for one in messages]


def _told_all(message: _Message, answers: Mapping[int, Written | None]) -> list[dict[str, Any] | None]:
    """What is kept of each entry; nothing of those that only read."""
    return [_told(one.type, answers[one.at]) if one.at in answers else None for one in message.asked]


def _told(type_: str, done: Written | None) -> dict[str, Any]:
    if done is None:  # there was nothing to delete
        return {"status": 204}
    status = {"new": 201, "deleted": 204}.get(done.change, 200)
    where = f"{type_}/{done.id}/_history/{done.version}"
    return {
        "status": status,
        "location": where,
        "etag": f'W/"{done.version}"',
        "at": done.at.isoformat(timespec="milliseconds"),
    }


async def batch(hub: Hub, member: Member, purpose: str, asked: Sequence[Request]) -> tuple[Answer, ...]:
    """Do each for itself, whatever becomes of the others, and then read; those that come together share transactions."""
    changing = [one for one in asked if one.method != "GET"]
    changed = await asyncio.gather(*(_alone(hub, member, purpose, one) for one in changing))
    answers = dict(zip([one.at for one in changing], changed, strict=True))
    answers |= await looking.look(hub, member, purpose, [one for one in asked if one.method == "GET"])
    return tuple(answers[one.at] for one in asked)


async def _alone(hub: Hub, member: Member, purpose: str, one: Request) -> Answer:
    try:
        async with refusals_noted(hub, member, new_id()):
            wanted = stated.plain(member, purpose, replace(one, body=requests.resolved(one.body, {})))
            if wanted is None:
                return Answer(**_told(one.type, await carry_out(hub, member, purpose, one)))
            return Answer(**_told(one.type, await writing.write(hub, member, wanted)))
    except HubError as refusal:  # also where the database is gone by now: the others may be written
        return Answer(refusal.status, refusal=refusal)
    except Exception as error:  # noqa: BLE001 - it must not take the answers of those that are written with it
        return looking.broken(one, error)
