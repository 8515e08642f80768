"""Does a member's webhook look at signatures? It is called with one genuine notice among forged ones, in any order.

A receiver that takes what is signed with another secret, or was signed an hour ago, would believe anybody.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import asyncio
import base64
import secrets
from datetime import timedelta
from typing import Final
from uuid import uuid4
from weakref import WeakKeyDictionary

import orjson

from hub.channels.webhook import Attempt
from hub.domain import rehearsal
from hub.domain.rates import Rates
from hub.errors import Conflict, Invalid, TooMany
from hub.runtime import Hub
from hub.services import enrolment, rehearsals
from hub.storage import members
from hub.storage import rehearsals as stored
from hub.storage.database import Database
from hub.storage.members import Endpoint, Member

_STALE: Final = timedelta(hours=1)
_SECONDS: Final = 60.0
_ANSWERED: Final = 20.0
"""Seconds within which one notice is answered, however little at a time comes of it."""
_PREFIX: Final = "whsec_"
_LENGTHS: Final = range(24, 65)
_FAULTS: Final = {
    "forged": "a notice that was signed with another secret was taken",
    "stale": "a notice that was signed an hour ago was taken",
    "genuine": "the genuine notice was refused",
}
_checking: Final[WeakKeyDictionary[Database, Rates]] = WeakKeyDictionary()


async def set_webhook(hub: Hub, member: Member, address: str, secret: str) -> None:
    """Set where the member is told, by its own asking; what its former webhook showed counts no more.

    Raises NotFound where it rehearses nothing, Invalid.
    """
    await rehearsals.state_of(hub, member)
    try:
        known = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError as error:
        raise _no_secret() from error
    if not secret.startswith(_PREFIX) or len(known) not in _LENGTHS:
        raise _no_secret()
    await enrolment.set_endpoint(hub, member.name, "webhook", address, secret, by=member.name)
    async with hub.database.begin() as connection:
        state = await stored.get(connection, member.id, lock=True)
        if state is not None and rehearsal.WEBHOOK in state["seen"]:
            seen = {item: at for item, at in state["seen"].items() if item != rehearsal.WEBHOOK}
            await stored.put(connection, member.id, {**state, "seen": seen})


def _no_secret() -> Invalid:
    return Invalid("bad-endpoint", "A secret is whsec_ and 24 to 64 random bytes in base64. Nothing was changed.")


async def check(hub: Hub, member: Member) -> list[str]:
    """Call the member's webhook; what was wrong, nothing where all was right, which is then noted.

    Raises NotFound, Conflict `no-webhook` or `webhook-changed`, TooMany.
    """
    await rehearsals.state_of(hub, member)
    endpoint = await rehearsals.endpoint_of(hub, member)
    if endpoint is None:
        raise Conflict("no-webhook", "No webhook is set, so there is none to check.")
    wait = _checking.setdefault(hub.database, Rates(1, _SECONDS)).wait(member.id, hub.now())
    if wait:
        raise TooMany("A webhook is checked once a minute.", retry_after=int(wait) + 1)
    faults = await _try(hub, endpoint)
    if not faults and not await _note(hub, member, endpoint):
        raise Conflict(
            "webhook-changed", "The webhook was changed while it was checked; check the one that is set now."
        )
    return faults


async def _note(hub: Hub, member: Member, tried: Endpoint) -> bool:
    """Note what was shown by the webhook that was tried, if it is still the one that is set."""
    async with hub.database.begin() as connection:
        state = await stored.get(connection, member.id, lock=True)
        now = await members.endpoints(connection, hub.vault, [member.id])
        if state is None or (tried.address, tried.secret) not in [(one.address, one.secret) for one in now]:
            return False
        await rehearsals.keep(hub, connection, member, state, rehearsal.saw(state, rehearsal.WEBHOOK, hub.now()))
    return True


async def _try(hub: Hub, endpoint: Endpoint) -> list[str]:
    """Nobody can tell by their order which of the notices is the genuine one."""
    another = _PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()
    tries = [
        ("forged", another, timedelta()),
        ("stale", endpoint.secret, _STALE),
        ("genuine", endpoint.secret, timedelta()),
    ]
    secrets.SystemRandom().shuffle(tries)
    faults = []
    for kind, secret, age in tries:
        attempt = await _send(hub, endpoint.address, secret, age)
        if fault := _fault(kind, attempt):
            faults.append(fault)
    return sorted(faults)


async def _send(hub: Hub, address: str, secret: str, age: timedelta) -> Attempt:
    body = orjson.dumps({"type": "lianqiao.exercise"})
    try:
        async with asyncio.timeout(_ANSWERED):
            return await hub.webhooks.send(address, secret, message_id=str(uuid4()), at=hub.now() - age, body=body)
    except TimeoutError:
        return Attempt("retry", f"the receiver did not answer within {_ANSWERED:g} seconds")


def _fault(kind: str, attempt: Attempt) -> str:
    if not attempt.status:
        return attempt.detail
    right = attempt.outcome == "delivered" if kind == "genuine" else 400 <= attempt.status < 500
    return "" if right else f"{_FAULTS[kind]} ({attempt.status})"
