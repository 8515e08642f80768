"""A member's rehearsal in the sandbox: the exercises it is given, and what the hub saw of it, item by item.

Each item that is seen leaves a leaf in the log. What the items are and how they show says `domain.rehearsal`.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from certs.keys import EncryptionKey
from hub.domain import rehearsal
from hub.domain.rehearsal import Exchange, State
from hub.errors import Conflict, Invalid, NotFound
from hub.runtime import Hub
from hub.services import letters
from hub.storage import audit, members, rehearsals
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.members import Endpoint, Member, MemberKey

KIND: Final = "exercise"
OPENING_INFO: Final = b"lianqiao-opening"
_PROCESS: Final = "Use this letter and answer with the state PROCESSED."
_FAIL: Final = "This letter cannot be used: answer with the state BUSINESS_ERROR and name an error."


@dataclass(frozen=True, slots=True)
class Challenge:
    """32 bytes, sealed to the member's key `kid` (HPKE, RFC 9180) with `OPENING_INFO` as info."""

    kid: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """One item: when it was first seen, or None; `needed` is False where the member need not show it."""

    item: str
    seen_at: datetime | None
    needed: bool


async def begin(hub: Hub, connection: AsyncConnection, member: Member) -> None:
    """Open the list of a member that was admitted, and lay its first exercises."""
    await rehearsals.begin(connection, member.id, rehearsal.new())
    await _lay(hub, connection, member)


async def exercises(hub: Hub, member: Member) -> int:
    """Lay today's exercises into the member's mailbox, unless they were; how many were laid. Raises NotFound."""
    await state_of(hub, member)
    async with hub.database.begin() as connection:
        return await _lay(hub, connection, member)


async def _lay(hub: Hub, connection: AsyncConnection, member: Member) -> int:
    day, laid = f"{hub.now():%Y-%m-%d}", 0
    for wanted, text in (("PROCESSED", _PROCESS), ("BUSINESS_ERROR", _FAIL)):
        message_id = uuid5(NAMESPACE_URL, f"urn:lianqiao:exercise:{member.id}:{wanted}:{day}")
        body = orjson.dumps({"type": "lianqiao.exercise", "wanted": wanted, "text": text})
        laid += await letters.lay(hub, connection, member, KIND, message_id, body)
    return laid


async def observe(hub: Hub, name: str, exchange: Exchange) -> None:
    """Note what an exchange of the member of that name shows; nothing where it rehearses nothing."""
    async with hub.database.begin() as connection:
        member = await members.by_name(connection, name)
        state = await rehearsals.get(connection, member.id, lock=True) if member is not None else None
        if member is None or state is None:
            return
        after = rehearsal.step(state, exchange)
        if after is not state:
            await keep(hub, connection, member, state, after)


async def keep(hub: Hub, connection: AsyncConnection, member: Member, state: State, after: State) -> None:
    """Keep what was seen of a member, whose `state` is locked, with a leaf for each item that is new."""
    await rehearsals.put(connection, member.id, after)
    acts = [
        Act("conformance", "hub", {"member": member.name, "item": item}, hub.now())
        for item in after["seen"]
        if item not in state["seen"]
    ]
    await audit.append(connection, hub.vault, acts)


async def state_of(hub: Hub, member: Member) -> State:
    """What was seen of a member. Raises NotFound where it rehearses nothing."""
    async with hub.database.read() as connection:
        state = await rehearsals.get(connection, member.id)
    if state is None:
        raise _rehearses_nothing(member)
    return state


async def lines(hub: Hub, member: Member) -> list[Line]:
    """The check-list of a member, in its order. Raises NotFound."""
    seen = (await state_of(hub, member))["seen"]
    has_webhook = await endpoint_of(hub, member) is not None
    opens = bool(await opening_keys(hub, member))
    needed = rehearsal.missing(rehearsal.new(), has_webhook=has_webhook, opens=opens)
    return [
        Line(item, datetime.fromisoformat(seen[item]) if item in seen else None, item in needed)
        for item in rehearsal.ITEMS
    ]


async def lines_of(hub: Hub, member_id: int) -> list[Line]:
    """The same by the member's id."""
    async with hub.database.read() as connection:
        member = await members.by_id(connection, member_id)
    return await lines(hub, member)


async def endpoint_of(hub: Hub, member: Member) -> Endpoint | None:
    """Where the member is told, where it is."""
    async with hub.database.read() as connection:
        return next(iter(await members.endpoints(connection, hub.vault, [member.id])), None)


async def opening_keys(hub: Hub, member: Member) -> list[MemberKey]:
    """The member's keys that count now and open what is sealed, the newest first."""
    now = hub.now()
    async with hub.database.read() as connection:
        known = await members.keys(connection, member.id)
    return [
        key
        for key in reversed(known)
        if key.use == "enc" and key.compromised_at is None and key.not_before <= now < key.not_after
    ]


async def seal_to(hub: Hub, member: Member) -> Challenge:
    """Seal something to a key of the member, to one that opened nothing yet where there is one.

    Raises NotFound where it rehearses nothing, Conflict `no-key`.
    """
    keys, secret = await opening_keys(hub, member), secrets.token_bytes(32)
    if not keys:
        raise Conflict("no-key", "No key of purpose enc is registered, so nothing can be sealed to one.")
    async with hub.database.begin() as connection:
        state = await rehearsals.get(connection, member.id, lock=True)
        if state is None:
            raise _rehearses_nothing(member)
        key = next((one for one in keys if one.kid not in state["opened"]), keys[0])
        after = rehearsal.challenged(state, key.kid, hashlib.sha256(secret).hexdigest())
        await rehearsals.put(connection, member.id, after)
    return Challenge(key.kid, EncryptionKey.from_jwk(key.jwk).seal(secret, OPENING_INFO))


async def opened(hub: Hub, member: Member, secret: bytes) -> str:
    """Note that the member opened what was sealed last; the key that it has. Raises NotFound, Invalid `not-opened`."""
    async with hub.database.begin() as connection:
        state = await rehearsals.get(connection, member.id, lock=True)
        if state is None:
            raise _rehearses_nothing(member)
        after = rehearsal.opened(state, hashlib.sha256(secret).hexdigest(), hub.now())
        if after is None:
            raise Invalid("not-opened", "This is not what was sealed last. Have something sealed anew, and open that.")
        await keep(hub, connection, member, state, after)
    return str(state["sealed"]["key"])


def _rehearses_nothing(member: Member) -> NotFound:
    return NotFound(f"{member.name} rehearses nothing here.")
