"""A Patient and all that is in its compartment, of the member's own resources, in pages.

The order is by type and then as resources came to be, so that a page shows nothing twice and passes nothing over while
others write. What one page opens is bounded; where much of it is not meant, a page is short and the next goes on.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from hub.errors import NotFound
from hub.fhir import compartment
from hub.fhir.compartment import PATIENT
from hub.fhir.search.spans import Span
from hub.runtime import Hub
from hub.services.exchange import noting
from hub.services.exchange.noting import Looked
from hub.services.exchange.reading import Gone
from hub.services.identity.ledger import LookedUp
from hub.storage import compartments, versions
from hub.storage.compartments import FIRST, Place, Sought
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.versions import Version

ACT: Final = "everything"
DEFAULT: Final = 50
LARGEST: Final = 200
MOST: Final = 1_000
"""Resources that are opened for one page."""
MOST_BYTES: Final = 16 * 2**20
"""Of a page: it ends with the resource that goes beyond."""
_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of the Patient `id`: which `types`, when `care` was given, stored after `since`, behind `after`."""

    id: UUID
    types: Collection[str]
    care: Span | None = None
    since: datetime | None = None
    count: int = DEFAULT
    after: Place | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown, and behind what to read on; None at the end."""

    shown: tuple[Version, ...]
    after: Place | None


async def page(hub: Hub, member: Member, purpose: str, asked: Asked) -> Page:
    """One page. Raises NotFound, Gone: when the leaf that says that it was asked for is stored."""
    found = Page((), None)
    async with hub.database.begin() as connection:
        whom = (await versions.own(connection, hub.vault, member.id, [asked.id])).get(asked.id)
        whom = whom if whom is not None and whom.type == PATIENT else None
        if whom is not None and not whom.deleted:
            found = await _page(hub, connection, member, asked, whom)
        await noting.note(hub, connection, [Looked(LookedUp(member, ACT, purpose, hub.now()), found.shown)])
    if whom is None:
        raise NotFound
    if whom.deleted:
        raise Gone
    return found


async def _page(hub: Hub, connection: AsyncConnection, member: Member, asked: Asked, whom: Version) -> Page:
    shown: list[Version] = []
    if asked.after is None and PATIENT in asked.types and (asked.since is None or whom.at > asked.since):
        shown.append(whom)
    base = f"{hub.settings.base_url}/fhir"
    texts = compartment.texts(asked.types, str(asked.id), base)
    sought = Sought(member.id, asked.types, texts, asked.since)
    after = asked.after or FIRST
    places = await compartments.behind(connection, hub.vault, sought, after, MOST + 1) if texts else []
    size, looked = 0, 0
    while looked < min(len(places), MOST) and len(shown) < asked.count and size < MOST_BYTES:
        some = places[looked : min(looked + _AT_ONCE, MOST)]
        for found in await _opened(hub, connection, member, some):
            if len(shown) == asked.count or size >= MOST_BYTES:
                break
            looked += 1
            if found is not None and _is_meant(found, asked, base):
                shown.append(found)
                size += len(found.body)
    return Page(tuple(shown), (places[looked - 1] if looked else after) if looked < len(places) else None)


async def _opened(
    hub: Hub, connection: AsyncConnection, member: Member, places: Sequence[Place]
) -> list[Version | None]:
    """The resources at these places, None where one is gone by now."""
    there = await versions.own(connection, hub.vault, member.id, [id_ for _, id_ in places])
    return [there.get(id_) for _, id_ in places]


def _is_meant(found: Version, asked: Asked, base: str) -> bool:
    if found.deleted or found.id == asked.id:  # the Patient itself comes first
        return False
    resource = orjson.loads(found.body)
    if asked.care is not None and not compartment.falls_within(resource, asked.care):
        return False
    return compartment.holds(resource, str(asked.id), base)
