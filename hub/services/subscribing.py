"""Takes up what members subscribe to: judged when it is written, in force with the very transaction that stores it.

Deny by default: topics, filters, an address at one of the member's registered endpoints, and so many at a time, or nothing. Who
is sent what is decided when it is sent (`services.notifying`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from hub.errors import Conflict, Invalid
from hub.fhir import requests, search, subscriptions
from hub.fhir.search import Clause, Query
from hub.fhir.subscriptions import Wanted
from hub.runtime import Hub
from hub.services import keeping
from hub.services.preparing import Ready
from hub.storage import members
from hub.storage import subscriptions as store
from hub.storage.database import AsyncConnection
from hub.storage.members import Endpoint, Member
from hub.storage.resources import Stored

MOST: Final = 20
"""Subscriptions of one member that are not off."""
MOST_CLAUSES: Final = 10
"""Parameters of one subscription's filters: all of them may be tested on whatever its member stores."""
REQUESTED: Final = "requested"
_OFF: Final = "off"
_ON: Final = (REQUESTED, "active", "error")
_PORTS: Final = {"http": 80, "https": 443}


async def admit(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    resource: Mapping[str, Any],
    id_: UUID,
    beside: Collection[UUID] = (),
) -> None:
    """May the member have this Subscription under `id_`, where it is to have those `beside` it at once?

    Raises Invalid `bad-subscription`, Conflict `too-many`.
    """
    wanted = subscriptions.read(resource)
    if wanted.status not in (REQUESTED, _OFF):
        raise _bad(f"status is {REQUESTED} or {_OFF}: {', '.join(_ON[1:])} are the hub's to say")
    filters(hub, wanted)
    if wanted.status == _OFF:
        return
    if wanted.end is not None and wanted.end <= hub.now():
        raise _bad("end is over already")
    if await endpoint_of(hub, connection, member, wanted.endpoint) is None:
        raise _bad(
            "channel.endpoint is at the host and port of an endpoint that is registered for you and is not disabled"
        )
    there = await store.own(connection, member.id, ids=[id_], limit=1)
    if there and there[0].topic != wanted.topic:
        raise _bad("criteria stays: events are numbered for one topic. Make another Subscription")
    on = await store.own(connection, member.id, states=_ON, limit=MOST + 1)
    if len({*beside, *(one.id for one in on)} - {id_}) >= MOST:
        raise Conflict(
            "too-many",
            f"A member has at most {MOST} subscriptions; nothing was stored. Turn one off first.",
            retry="FIX_FIRST",
        )


def _bad(said: str) -> Invalid:
    return Invalid("bad-subscription", f"Subscription.{said}. Nothing was stored.")


def filters(hub: Hub, wanted: Wanted) -> dict[str, list[Clause]]:
    """What resources of each type are to be; no types at all means every type. Raises Invalid."""
    found: dict[str, list[Clause]] = {}
    for type_, text in wanted.filters:
        if type_ not in keeping.RECORDS:
            raise _bad("criteria has filters of types of records that are kept here; /fhir/metadata says which are")
        query = search.parse(
            type_, requests.parameters(text), now=hub.now(), base=f"{hub.settings.base_url}/fhir", strict=True
        )
        found.setdefault(type_, []).extend(_clauses(query))
    if sum(map(len, found.values())) > MOST_CLAUSES:
        raise _bad(f"criteria has filters of at most {MOST_CLAUSES} parameters together")
    return found


def _clauses(query: Query) -> list[Clause]:
    if query.joins or len(query.used) > len(query.conditions):
        raise _bad("criteria has filters by what the resource itself says: no chains, order, size or additions")
    return query.clauses


async def endpoint_of(hub: Hub, connection: AsyncConnection, member: Member, address: str) -> Endpoint | None:
    """The registered endpoint at whose host and port the address is: whose secret signs what goes there."""
    place = _origin(address)
    for one in await members.endpoints(connection, hub.vault, [member.id]):
        if one.state != "disabled" and place is not None and place == _origin(one.address):
            return one
    return None


def _origin(address: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(address)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or port is None or parts.username is not None or parts.password is not None:
        return None
    return parts.scheme, parts.hostname, port


async def keep(
    hub: Hub, connection: AsyncConnection, member: Member, ready: Sequence[Ready], stored: Sequence[Stored]
) -> None:
    """Subscriptions just stored by their member are in force as they say."""
    newest = {result.id: (some, result) for some, result in zip(ready, stored, strict=True) if result.counts}
    for some, result in newest.values():
        wanted = subscriptions.read(orjson.loads(some.body))
        await store.put(
            connection,
            id_=result.id,
            member_id=member.id,
            version=result.version,
            topic=wanted.topic,
            types=wanted.types,
            state=wanted.status,
            most=wanted.most,
            heartbeat_seconds=wanted.heartbeat,
            ends_at=wanted.end,
            now=hub.now(),
        )
