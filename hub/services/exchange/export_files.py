"""Hands over the files of an export, NDJSON: some resources at a time, so that memory does not grow with a file.

Whose records they are is in the ledger before they leave, in the transaction that read them.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import orjson

from hub.domain import scopes
from hub.errors import NotFound
from hub.fhir import exact
from hub.runtime import Hub
from hub.services.exchange import export_others, noting
from hub.services.exchange import exports as own_exports
from hub.services.exchange.noting import Looked
from hub.services.identity.ledger import LookedUp
from hub.services.intake import refusals_noted
from hub.services.tokens import Access
from hub.storage import exports, versions
from hub.storage.exports import DONE, Contents, Export
from hub.storage.members import Member
from hub.storage.versions import Version

ACT: Final = "export"
AT_ONCE: Final = 500
MOST_BYTES: Final = 2**20
"""Of the bodies that are read at once; the last of them may go beyond. So much of each file waits for a slow reader."""
_OTHERS_AT_ONCE: Final = 50


async def open_file(hub: Hub, access: Access, export_id: UUID, number: int) -> AsyncIterator[bytes]:
    """The lines of one file, in parts. Raises NotFound, NotAllowed `no-agreement`, MissingScope, before the first of them."""
    member = access.member
    async with refusals_noted(hub, member, export_id), hub.database.read() as connection:
        export = await own_exports.own(hub, connection, member, export_id)
        found = await exports.contents(connection, export_id, number) if export.state == DONE else None
        if found is None:
            raise NotFound
        owner = found.file.owner_id
        if owner != member.id:
            access.require(scopes.purpose(export.purpose))  # another token may have asked for it
            await export_others.check(connection, member, export.purpose, owner, hub.now())
            return _others(hub, member, export, found)
    return _deletions(found) if found.file.deleted else _resources(hub, member, export.purpose, found)


async def _others(hub: Hub, member: Member, export: Export, found: Contents) -> AsyncIterator[bytes]:
    """Other members' people, as they are now. Raises NotAllowed `no-agreement`."""
    for at in range(0, len(found.ids), _OTHERS_AT_ONCE):
        trace = LookedUp(member, ACT, export.purpose, hub.now())
        async with refusals_noted(hub, member, export.id):  # the agreement may end between two parts
            some = await export_others.read(hub, trace, found.file.owner_id, found.ids[at : at + _OTHERS_AT_ONCE])
        yield b"".join(_line(orjson.dumps(one)) for one in some)


async def _deletions(found: Contents) -> AsyncIterator[bytes]:
    """A transaction of one DELETE for each."""
    for start in range(0, len(found.ids), AT_ONCE):
        yield b"".join(_deletion(found.file.type, id_) for id_ in found.ids[start : start + AT_ONCE])


def _deletion(type_: str, id_: UUID) -> bytes:
    request = {"method": "DELETE", "url": f"{type_}/{id_}"}
    return _line(orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]}))


async def _resources(hub: Hub, member: Member, purpose: str, found: Contents) -> AsyncIterator[bytes]:
    at = 0
    while at < len(found.ids):
        some = await _read(hub, member, purpose, found, at)
        yield b"".join(_line(exact.shown(one.body, str(one.id), one.version, one.at)) for one in some)
        at = bisect_right(found.ids, some[-1].id) if some else at + AT_ONCE


async def _read(hub: Hub, member: Member, purpose: str, found: Contents, at: int) -> list[Version]:
    """Some of the resources from place `at` on."""
    ids, numbers = found.ids[at : at + AT_ONCE], found.versions[at : at + AT_ONCE]
    async with hub.database.begin() as connection:
        some = await versions.pinned(connection, hub.vault, found.file.owner_id, ids, numbers, most_bytes=MOST_BYTES)
        await noting.note(hub, connection, [Looked(LookedUp(member, ACT, purpose, hub.now()), some)])
    return some


def _line(resource: bytes) -> bytes:
    return resource + b"\n"
