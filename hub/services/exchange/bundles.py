"""Many requests in one Bundle: a transaction is done as a whole or not at all, of a batch each for itself.

A transaction is a message: its exact bytes, their receipt, the leaf and everything it makes are committed together, and the
same message id with the same bytes is answered from what was stored.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson

from hub.domain.messages import State
from hub.errors import Conflict, Refused
from hub.fhir import requests
from hub.fhir.requests import Request
from hub.runtime import Hub
from hub.services.exchange import entries, looking, stated, writing
from hub.services.exchange.carrying import carry_out
from hub.services.exchange.looking import Answer
from hub.services.exchange.writing import Written
from hub.services.intake import Acknowledgement, Raced, refusals_noted, repeated, take_message
from hub.services.patience import until_free
from hub.storage import resources, submissions
from hub.storage.database import Database
from hub.storage.ids import new_id
from hub.storage.members import Member

KIND: Final = "fhir"
_ORDER: Final = ("DELETE", "POST", "PUT", "PATCH")
"""In which R4 has the entries of a transaction done; what is read is read when all is written."""


@dataclass(frozen=True, slots=True)
class Transacted:
    """The answers in the order of the entries; `receipt` and `submission_id` prove that the hub has the message."""

    answers: tuple[Answer, ...]
    submission_id: str
    receipt: str


_turns: Final[WeakKeyDictionary[Database, dict[int, asyncio.Lock]]] = WeakKeyDictionary()


def _turn(hub: Hub, member: Member) -> asyncio.Lock:
    """A member's transactions wait for each other here rather than in the database, each with a connection in its hand."""
    return _turns.setdefault(hub.database, {}).setdefault(member.id, asyncio.Lock())


async def transaction(
    hub: Hub, member: Member, purpose: str, message_id: UUID, body: bytes, asked: Sequence[Request]
) -> Transacted:
    """Do all of it or nothing. Raises what the first entry that cannot be done is refused for, and Conflict for a message id
    that was used for anything else.
    """
    async with refusals_noted(hub, member, message_id), _turn(hub, member):
        take = partial(_take, hub, member, purpose, message_id, body, asked)
        try:
            acknowledgement = await until_free(take)
        except Raced:  # stored by another request, and found now
            acknowledgement = await until_free(take)
        said = orjson.loads(acknowledgement.body)
        if "entries" not in said:
            raise Conflict("digest-conflict", "This message id was used for a document before. A Bundle needs its own.")
    read = await looking.look(hub, member, purpose, [one for one in asked if one.method == "GET"])
    answers = [Answer(**entry) if entry else read[at] for at, entry in enumerate(said["entries"])]
    return Transacted(tuple(answers), said["submission_id"], said["receipt"])


async def _take(
    hub: Hub, member: Member, purpose: str, message_id: UUID, body: bytes, asked: Sequence[Request]
) -> Acknowledgement:
    """Everything in one transaction. Raises Raced when another request stored the same message meanwhile."""
    now = hub.now()
    async with hub.database.begin() as connection:
        await resources.lock_member(connection, member.id)
        known = await repeated(hub, connection, member, message_id, sha256(body).digest())
        if known is not None:
            return known
        settled = await entries.settle(hub, connection, member, purpose, asked, now, together=True)
        places = sorted(settled.writes, key=lambda at: (_ORDER.index(asked[at].method), at))
        done = await writing.write_all(hub, connection, member, [settled.writes[at] for at in places], now)
        answers = settled.done | dict(zip(places, done, strict=True))
        told = [_told(one.type, answers[one.at]) if one.at in answers else None for one in asked]
        received = await take_message(
            hub, connection, member, message_id, body, KIND, State.PROCESSED, now, more={"entries": told}
        )
        await submissions.count(connection, received.id, rows=len(asked), translated=len(asked))
        return received.acknowledgement


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
            wanted = stated.plain(member, replace(one, body=requests.resolved(one.body, {})))
            if wanted is None:
                return Answer(**_told(one.type, await carry_out(hub, member, purpose, one)))
            return Answer(**_told(one.type, await writing.write(hub, member, wanted)))
    except Refused as refusal:
        return Answer(refusal.status, refusal=refusal)
