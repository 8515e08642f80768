"""Tells the search index what resources say: at once of what is written one by one, a moment later of the
documents of counties (decision 0031)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
import structlog

from hub.fhir import search
from hub.runtime import Hub
from hub.storage import search_index, versions
from hub.storage.database import Part
from hub.storage.search_index import Told
from hub.storage.versions import Version

log = structlog.get_logger(__name__)

_BATCH: Final = 500
_TYPES: Final = frozenset(search.types())
Changed = tuple[UUID, datetime, str, Sequence[int] | None]
"""A resource that changed: its id, when, its type, and the `tokens` of what it says now."""


def tokens(hub: Hub, member_id: int, resource: Mapping[str, Any]) -> list[int] | None:
    """What there is to tell of a member's resource; None of a type that is not searched. Raises TooLarge."""
    if resource["resourceType"] not in _TYPES:
        return None
    return hub.vault.searched(member_id, search.tokens(resource))


def telling(member_id: int, changed: Iterable[Changed]) -> list[Part]:
    """What tells of a member's resources, for the transaction that writes them."""
    told = [Told(id_, type_, at, found) for id_, at, type_, found in changed if found is not None]
    return search_index.putting(member_id, told)


async def catch_up(hub: Hub) -> int:
    """Tell of some of what came in documents; how many resources that were."""
    async with hub.database.begin() as connection:
        ids = await search_index.take_pending(connection, _BATCH)
        found = (await versions.current(connection, hub.vault, ids)).values() if ids else ()
        for member_id in sorted({one.member_id for one in found}):
            own = [one for one in found if one.member_id == member_id and not one.deleted and one.type in _TYPES]
            told = [one for version in own if (one := _told(hub, version)) is not None]
            await search_index.put(connection, member_id, told)
    return len(ids)


def _told(hub: Hub, found: Version) -> Told | None:
    """What a resource says. One that cannot be told is not found by searches, and holds nobody else's up."""
    try:
        said = search.tokens(orjson.loads(found.body))
        return Told(found.id, found.type, found.at, hub.vault.searched(found.member_id, said))
    except Exception as error:  # noqa: BLE001 - whatever it is, the next try would end the same
        # The type only: the error's text may quote the resource.
        log.warning("resource not told", resource=str(found.id), type=found.type, error=type(error).__name__)
        return None
