"""Many requests in one Bundle: a transaction is done as a whole or not at all, of a batch each for itself.

A transaction is a message: its exact bytes, their receipt, the leaf and everything it makes are committed together, and the
same message id with the same bytes is answered from what was stored.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson

from hub.errors import Conflict, HubError, Unavailable
from hub.fhir import requests
from hub.fhir.requests import Request
from hub.runtime import Hub
from hub.services.exchange import entries, looking, receiving, stated, turns, writing
from hub.services.exchange.carrying import carry_out
from hub.services.exchange.entries import Settled
from hub.services.exchange.looking import Answer
from hub.services.exchange.turns import About
from hub.services.exchange.understanding import Understood, drafted, understand
from hub.services.exchange.writing import Write, Written
from hub.services.gathering import Gathering
from hub.services.intake import Acknowledgement, Raced, refusals_noted
from hub.services.patience import until_free
from hub.storage.database import AsyncConnection, Database
from hub.storage.ids import new_id
from hub.storage.members import Member

KIND: Final = "fhir"
_AT_ONCE: Final = 16
"""Transactions that may share one of the database's."""
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
    """A transaction that a member asks for, as far as it can be `understood`, or why it is refused if it is new; and what it
    comes to, where that is `settled` before its turn.
    """

    hub: Hub
    member: Member
    id: UUID
    body: bytes
    asked: Sequence[Request]
    understood: Understood | HubError
    settled: Settled | None
    about: About


_Answered = Acknowledgement | Exception
_Taking = Gathering[_Message, _Answered]
_gatherings: Final[WeakKeyDictionary[Database, dict[int, _Taking]]] = WeakKeyDictionary()


async def transaction(
    hub: Hub, member: Member, purpose: str, message_id: UUID, body: bytes, asked: Sequence[Request]
) -> Transacted:
    """Do all of it or nothing. Raises what the first entry that cannot be done is refused for, and Conflict for a message id
    that was used for anything else.

    A member's transactions that arrive together share one of the database's, as long as they are about different things.
    """
    async with refusals_noted(hub, member, message_id):
        of_members = _gatherings.setdefault(hub.database, {})
        gathering = of_members.setdefault(member.id, Gathering(_together, most=_AT_ONCE, at_once=1))
        understood, settled = _understood(hub, member, purpose, asked)
        about = turns.about(message_id, understood if isinstance(understood, Understood) else None)
        acknowledgement = await gathering.ask(
            _Message(hub, member, message_id, body, asked, understood, settled, about)
        )
        if isinstance(acknowledgement, Exception):
            raise acknowledgement
        said = orjson.loads(acknowledgement.body)
        if "entries" not in said:
            raise Conflict("digest-conflict", "This message id was used for a document before. A Bundle needs its own.")
    read = await looking.look(hub, member, purpose, [one for one in asked if one.method == "GET"])
    answers = [Answer(**entry) if entry else read[at] for at, entry in enumerate(said["entries"])]
    received_at = datetime.fromisoformat(said["received_at"])
    return Transacted(tuple(answers), said["submission_id"], said["receipt"], received_at)


def _understood(
    hub: Hub, member: Member, purpose: str, asked: Sequence[Request]
) -> tuple[Understood | HubError, Settled | None]:
    """What is asked, worked out before the member's turn. One that is sent again is answered whatever it is refused for now."""
    try:
        understood = drafted(hub, member, understand(hub, member, purpose, asked, together=True))
        return understood, entries.settle_ahead(hub, member, understood)
    except HubError as refusal:
        return refusal, None


async def _together(asked: Sequence[_Message]) -> Sequence[_Answered]:
    """Some of one member's, in as many transactions of the database as it takes, with those that come while the first waits."""
    every, done = list(asked), dict[int, _Answered]()
    while len(done) < len(every):
        done |= await _turn(every, done.keys())
    return [done[at] for at in range(len(every))]


async def _turn(every: list[_Message], done: Collection[int]) -> dict[int, _Answered]:
    """The answers to some of those that are not done, by their places; of the first always."""
    hub, member = every[0].hub, every[0].member
    turn = waiting = [at for at in range(len(every)) if at not in done]
    try:
        async with _begun(every) as connection:
            if not done:
                every += _gatherings[hub.database][member.id].join()
                waiting = list(range(len(every)))
            turn = [waiting[place] for place in turns.first([every[at].about for at in waiting])]
            answers = await _take_each(hub, connection, member, [every[at] for at in turn])
        return {at: answers[every[at].id] for at in turn if every[at].id in answers}
    except Exception as error:  # noqa: BLE001 - it is raised again where it was asked
        if isinstance(error, Unavailable) or (len(turn) == 1 and not _may_pass(error)):
            return dict.fromkeys(turn, error)
    return {at: await _by_itself(every[at]) for at in turn}


def _begun(some: Sequence[_Message]) -> AbstractAsyncContextManager[AsyncConnection]:
    """A transaction for one member's messages."""
    return writing.begun(some[0].hub, some[0].member, {request.type for one in some for request in one.asked})


def _may_pass(error: Exception) -> bool:
    """Is it about what others did meanwhile?"""
    return isinstance(error, Raced) or (isinstance(error, Conflict) and error.code == "busy")


async def _by_itself(message: _Message) -> _Answered:
    take = partial(_take, message)
    try:
        try:
            return await until_free(take)
        except Raced:  # stored by another request, and found now
            return await until_free(take)
    except Exception as error:  # noqa: BLE001 - it is raised again where it was asked
        return error


async def _take(message: _Message) -> _Answered:
    """One in a transaction of its own. Raises Raced when another request stored the same message meanwhile."""
    hub, member = message.hub, message.member
    async with _begun([message]) as connection:
        return (await _take_each(hub, connection, member, [message]))[message.id]


async def _take_each(
    hub: Hub, connection: AsyncConnection, member: Member, messages: Sequence[_Message]
) -> Mapping[UUID, _Answered]:
    """What becomes of each by its id, in the caller's transaction under the member's lock. What has to wait is left out.

    Raises Raced, and what a write is refused for: then nothing of all may be kept. So it is for one that is alone.
    """
    now = hub.now()
    known = await receiving.repeated(hub, connection, member, {one.id: one.body for one in messages})
    settled = await _settled(hub, connection, member, [one for one in messages if one.id not in known], now)
    going = [(one, found) for one in messages if isinstance(found := settled.get(one.id), Settled)]
    answers: list[dict[int, Written | None]] = [dict(found.done) for _, found in going]
    wanted: list[tuple[int, int, Write]] = []
    for number, (one, found) in enumerate(going):
        methods = {request.at: request.method for request in one.asked}
        places = sorted(found.writes, key=lambda at: (_ORDER.index(methods[at]), at))
        wanted += [(number, at, found.writes[at]) for at in places]
    received, leaves = receiving.received(hub, member, KIND, {one.id: one.body for one, _ in going}, now)
    writes = [write for _, _, write in wanted]
    # Beside the database's work, with which it has nothing to do.
    signing = asyncio.create_task(receiving.receipts(hub, member, received, now))
    try:
        written = await writing.write_all(hub, connection, member, writes, now, leaves)
    except BaseException:
        signing.cancel()
        raise
    receipts = await signing
    for (number, at, _), made in zip(wanted, written, strict=True):
        answers[number][at] = made
    told = [_told_all(one, own) for (one, _), own in zip(going, answers, strict=True)]
    if going:
        done = list(zip(received, receipts, told, strict=True))
        known |= await receiving.take(hub, connection, member, KIND, done, now)
    return known | {id_: found for id_, found in settled.items() if isinstance(found, HubError)}


async def _settled(
    hub: Hub, connection: AsyncConnection, member: Member, new: Sequence[_Message], now: datetime
) -> dict[UUID, Settled | HubError]:
    """What new messages come to by their ids, without those about what an earlier one is about. Raises what one alone does."""
    open_ = [one.understood for one in new if isinstance(one.understood, Understood) and one.settled is None]
    found = await entries.look(hub, connection, member, open_, now) if open_ else {}
    settled: dict[UUID, Settled | HubError] = {}
    for one in new:
        try:
            if isinstance(one.understood, HubError):
                raise one.understood
            settled[one.id] = one.settled or await entries.settle_found(
                hub, connection, member, one.understood, found, now
            )
        except HubError as refusal:
            if len(new) == 1:
                raise
            settled[one.id] = refusal
    going = {id_: one for id_, one in settled.items() if isinstance(one, Settled)}
    later = {id_ for id_, is_apart in zip(going, turns.apart(going.values()), strict=True) if not is_apart}
    return {id_: one for id_, one in settled.items() if id_ not in later}


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
            wanted = stated.plain(hub, member, purpose, replace(one, body=requests.resolved(one.body, {})))
            if wanted is None:
                return Answer(**_told(one.type, await carry_out(hub, member, purpose, one)))
            return Answer(**_told(one.type, await writing.write(hub, member, wanted)))
    except HubError as refusal:  # also where the database is gone by now: the others may be written
        return Answer(refusal.status, refusal=refusal)
    except Exception as error:  # noqa: BLE001 - it must not take the answers of those that are written with it
        return looking.broken(one, error)
