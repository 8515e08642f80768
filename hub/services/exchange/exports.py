"""A member asks for its resources as files, sees how far they are, and may take that back.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html. A worker makes the files (`export_making`); they are lists of versions, so
what is fetched is what was there then, and nothing of a person lies anywhere twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hub.errors import HubError, NotFound, TooMany
from hub.runtime import Hub
from hub.services.intake import refusals_noted
from hub.storage import audit, exports, work
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.exports import DONE, FAILED, Export, File
from hub.storage.ids import new_id
from hub.storage.members import Member

KIND: Final = "export"
MOST: Final = 10
"""Exports that a member has at a time, until they are over or deleted."""


class ExportFailed(HubError):
    """The files could not be made; asking anew may help."""

    def __init__(self) -> None:
        said = "The export could not be made, whatever was tried. Ask for it anew; your records are as they were."
        super().__init__("export-failed", said, retry="NORMAL")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: the newest versions of `types`, of what was stored after `since`."""

    request: str
    types: Sequence[str]
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """An export that is done, and its files."""

    export: Export
    files: Sequence[File]


async def ask(hub: Hub, member: Member, purpose: str, wanted: Wanted) -> UUID:
    """Ask for an export; answers its id. Raises TooMany."""
    now, id_ = hub.now(), new_id()
    until = now + timedelta(hours=hub.settings.export_hours)
    new = Export(id_, member.id, wanted.request, purpose, tuple(sorted(wanted.types)), wanted.since, now, until)
    content = {
        "export": str(id_),
        "types": list(new.types),
        "since": wanted.since.isoformat() if wanted.since else None,
        "purpose": purpose,
    }
    async with refusals_noted(hub, member, id_), hub.database.begin() as connection:
        if not await exports.add(connection, new, most=MOST):
            said = f"You have {MOST} exports; delete those that you have fetched, or wait until they are over."
            raise TooMany(said, retry_after=60, code="too-many-exports")
        await work.put(connection, KIND, id_, now=now, priority=7)
        await audit.append(connection, hub.vault, [Act("export", member.name, content, now)])
    return id_


async def state(hub: Hub, member: Member, id_: UUID) -> Export | Manifest:
    """How far an export is, or its files. Raises NotFound, ExportFailed."""
    async with hub.database.read() as connection:
        found = await own(hub, connection, member, id_)
        if found.state == FAILED:
            raise ExportFailed
        return Manifest(found, await exports.files(connection, id_)) if found.state == DONE else found


async def cancel(hub: Hub, member: Member, id_: UUID) -> None:
    """Take an export back, done or not: nothing of it can be fetched any more. Raises NotFound."""
    async with hub.database.begin() as connection:
        await own(hub, connection, member, id_)
        await exports.remove(connection, id_)
        act = Act("cancel-export", member.name, {"export": str(id_)}, hub.now())
        await audit.append(connection, hub.vault, [act])


async def own(hub: Hub, connection: AsyncConnection, member: Member, id_: UUID) -> Export:
    """The member's own export that is not over. Raises NotFound."""
    found = await exports.by_id(connection, id_)
    if found is None or found.member_id != member.id or found.expires_at <= hub.now():
        raise NotFound
    return found
