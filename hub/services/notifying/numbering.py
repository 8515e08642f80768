"""Gives what happened its number in each subscription that it is about.

One process at a time, and in one transaction with taking it off the list: each event has one number, and no number is skipped.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import structlog

from hub.errors import HubError
from hub.fhir import search, subscriptions
from hub.fhir.search import Clause, Meta
from hub.runtime import Hub
from hub.services import subscribing
from hub.storage import subscriptions as store
from hub.storage import versions
from hub.storage.database import AsyncConnection
from hub.storage.subscriptions import Happened, Subscription
from hub.storage.versions import Version

log = structlog.get_logger(__name__)

_BATCH: Final = 200
_SKEW: Final = timedelta(minutes=1)
"""By how much clocks may differ: an event too many from before a handshake is better than one too few behind it."""
_AT_ONCE: Final = 20
"""Resources that are opened at once to be tested."""

_Filters = Mapping[str, Sequence[Clause]]
_Opened = Mapping[tuple[UUID, int], Version | None]


async def number(hub: Hub) -> int:
    """Number some of what happened; answers how much that was."""
    async with hub.database.begin() as connection:
        if not await store.lock_numbering(connection):
            return 0
        happened = await store.take_pending(connection, _BATCH)
        for member_id in sorted({one.member_id for one in happened}):
            some = [one for one in happened if one.member_id == member_id]
            await _of_member(hub, connection, member_id, some)
    return len(happened)


async def _of_member(hub: Hub, connection: AsyncConnection, member_id: int, happened: Sequence[Happened]) -> None:
    listening = await store.listening(connection, member_id)
    filters = await _filters(hub, connection, member_id, listening)
    tested = {type_ for one in filters.values() for type_, clauses in one.items() if clauses}
    for start in range(0, len(happened), _AT_ONCE):
        some = happened[start : start + _AT_ONCE]
        opened = await _opened(hub, connection, member_id, [one for one in some if one.type in tested])
        for at, one in enumerate(listening):
            own = [event for event in some if _is_for(one, filters[one.id], event, opened)]
            if own:
                await store.add_events(connection, one, own, hub.now())
                (listening[at],) = await store.own(connection, member_id, ids=[one.id], limit=1)


async def _filters(
    hub: Hub, connection: AsyncConnection, member_id: int, listening: Sequence[Subscription]
) -> dict[UUID, _Filters]:
    """What each subscription asks of each type; one that cannot be read (any more) asks for all of its types: too much rather
    than too little, as what is told is decided when it is sent.
    """
    filters: dict[UUID, _Filters] = {one.id: dict.fromkeys(one.types, ()) for one in listening}
    for one in listening:
        try:
            found = await versions.own(connection, hub.vault, member_id, [one.id])
            filters[one.id] = subscribing.filters(hub, subscriptions.read(orjson.loads(found[one.id].body)))
        except (HubError, LookupError, ValueError) as error:  # a resource that is not there, or is not what it was
            code = error.code if isinstance(error, HubError) else type(error).__name__
            log.warning("filters not read", subscription=str(one.id), code=code)
    return filters


async def _opened(hub: Hub, connection: AsyncConnection, member_id: int, happened: Sequence[Happened]) -> _Opened:
    """The versions to be tested; of what was deleted the one before. None is one that cannot be opened."""
    opened: dict[tuple[UUID, int], Version | None] = {}
    for wanted in dict.fromkeys(map(_tested, happened)):
        try:
            found = await versions.one(connection, hub.vault, *wanted)
            if found is not None and found.member_id == member_id:
                opened[wanted] = found
        except HubError as error:
            log.warning("resource not opened", resource=str(wanted[0]), code=error.code)
            opened[wanted] = None
    return opened


def _tested(one: Happened) -> tuple[UUID, int]:
    return one.subject, one.version - one.deleted


def _is_for(one: Subscription, filters: _Filters, event: Happened, opened: _Opened) -> bool:
    if one.topic != event.topic or (one.since is not None and event.at < one.since - _SKEW):
        return False
    if not filters:
        return True
    clauses = filters.get(event.type)
    if not clauses:
        return clauses is not None
    tested = _tested(event)
    return tested in opened and _meets(clauses, opened[tested])


def _meets(clauses: Sequence[Clause], found: Version | None) -> bool:
    """Is it what they ask for? What cannot be tested counts as if it were, and holds nobody else's events up."""
    if found is None:
        return True
    resource: dict[str, Any] = orjson.loads(found.body)
    try:
        return search.matches_all(list(clauses), resource, Meta(str(found.id), found.at))
    except Exception as error:  # noqa: BLE001 - whatever it is, the next try would end the same
        # The type only: the error's text may quote the resource.
        log.warning("filter not tested", resource=str(found.id), type=found.type, error=type(error).__name__)
        return True
