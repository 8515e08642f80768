"""Reads a member's own resources: as they are, and as they were.

Another member's are found nowhere here: what agreements show of them goes through `services.identity`, in the fewest
fields. Whatever is about a person leaves its line in her ledger. Reads that arrive at the same time are done together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

from hub.errors import NotFound, Refused
from hub.runtime import Hub
from hub.services.exchange import noting
from hub.services.exchange.noting import Looked
from hub.services.gathering import Gathering
from hub.services.identity.ledger import LookedUp
from hub.storage import own_records
from hub.storage.database import Database
from hub.storage.members import Member
from hub.storage.own_records import Named
from hub.storage.versions import Version


class Gone(Refused):
    """The caller's own resource was deleted."""

    status = 410

    def __init__(self) -> None:
        super().__init__("deleted", "The resource was deleted; its earlier versions are still in its history.")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One read: `wanted` for `purpose`."""

    hub: Hub
    member: Member
    purpose: str
    wanted: Named


_Reading = Gathering[_Asked, Version | None]
_gatherings: Final[WeakKeyDictionary[Database, _Reading]] = WeakKeyDictionary()


async def read(hub: Hub, member: Member, purpose: str, type_: str, id_: UUID) -> Version:
    """The newest version. Raises NotFound, Gone."""
    return await _read(hub, member, purpose, Named(member.id, type_, id_))


async def version(hub: Hub, member: Member, purpose: str, type_: str, id_: UUID, number: int) -> Version:
    """One version. Raises NotFound, and Gone for the one that says that the resource was deleted."""
    return await _read(hub, member, purpose, Named(member.id, type_, id_, number))


async def _read(hub: Hub, member: Member, purpose: str, wanted: Named) -> Version:
    gathering = _gatherings.get(hub.database) or _gatherings.setdefault(hub.database, Gathering(_together, at_once=1))
    return _there(await gathering.ask(_Asked(hub, member, purpose, wanted)))


async def _together(asked: Sequence[_Asked]) -> Sequence[Version | None]:
    """Some reads at once, whoever asks: each finds its member's own only, and leaves its own leaf."""
    hub = asked[0].hub
    now = hub.now()
    async with hub.database.singly() as connection:
        found = await own_records.each(connection, hub.vault, [one.wanted for one in asked])
        looked = [
            Looked(LookedUp(one.member, "read", one.purpose, now), [seen.version], noting.seen_among([seen]))
            if seen
            else Looked(LookedUp(one.member, "read", one.purpose, now), [])
            for one, seen in zip(asked, found, strict=True)
        ]
        await noting.note(hub, connection, looked)
    return [seen.version if seen else None for seen in found]


def _there(found: Version | None) -> Version:
    """What was found. Raises NotFound, Gone: when the leaf that says that it was asked for is stored."""
    if found is None:
        raise NotFound
    if found.deleted:
        raise Gone
    return found
