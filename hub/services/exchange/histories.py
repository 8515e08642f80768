"""How a member's own resources came to be as they are: versions of one, of all of a type, or of all, in pages.

The newest first; a page leads on by the last version it shows, so that nothing is shown twice or passed over while others
write. Whatever is about a person leaves its line in her ledger. FHIR R4, http.html#history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from hub.errors import NotFound
from hub.runtime import Hub
from hub.services.exchange import noting
from hub.services.exchange.noting import Looked
from hub.services.identity.ledger import LookedUp
from hub.storage import histories, versions
from hub.storage.database import AsyncConnection
from hub.storage.histories import Behind, Page, Times
from hub.storage.members import Member

__all__ = ["ALWAYS", "MOST", "Behind", "History", "Page", "Times", "of_one", "of_types"]

MOST: Final = 100
"""Versions of one page; fewer where they are long."""
ALWAYS: Final = Times(datetime.min.replace(tzinfo=UTC))
_ALL: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class History:
    """A page of one resource's versions, and the number of its newest."""

    page: Page
    newest: int


async def of_one(
    hub: Hub, member: Member, purpose: str, type_: str, id_: UUID, times: Times, *, before: int | None, limit: int
) -> History:
    """The versions of one resource below the number `before`. Raises NotFound."""
    page = Page((), more=False)
    async with hub.database.begin() as connection:
        found = (await versions.own(connection, hub.vault, member.id, [id_])).get(id_)
        own = found if found is not None and found.type == type_ else None
        if own is not None:
            page = await histories.of_one(
                connection, hub.vault, id_, times, before=before or _ALL, limit=min(limit, MOST)
            )
        await _note(hub, connection, member, purpose, page)
    if own is None:
        raise NotFound
    return History(page, own.newest)


async def of_types(
    hub: Hub, member: Member, purpose: str, types: Sequence[str], times: Times, behind: Behind | None, limit: int
) -> Page:
    """The versions of all of a member's own resources of some types, behind what an earlier page showed."""
    async with hub.database.begin() as connection:
        page = await histories.of_member(connection, hub.vault, member.id, types, times, behind, limit=min(limit, MOST))
        await _note(hub, connection, member, purpose, page)
    return page


async def _note(hub: Hub, connection: AsyncConnection, member: Member, purpose: str, page: Page) -> None:
    await noting.note(hub, connection, [Looked(LookedUp(member, "read", purpose, hub.now()), page.versions)])
