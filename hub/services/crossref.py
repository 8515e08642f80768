"""Cross-references: which record of another member is the same person (IHE PIX, within what the caller may see)."""

from uuid import UUID

import orjson

from hub.runtime import Hub
from hub.services.blinds import IDENTIFIER
from hub.storage import people, resources
from hub.storage.database import AsyncConnection
from mappings.vocabulary import record_system


async def person_of(hub: Hub, connection: AsyncConnection, member: str, record_id: str) -> UUID | None:
    """The person behind a member's own record id; None when the hub has no such record."""
    value = hub.vault.blind(IDENTIFIER, record_system(member), record_id)
    for found in await resources.by_identifier(connection, hub.vault, "Patient", value, limit=1):
        record = await people.record_of_resource(connection, found.id)
        if record is not None:
            return (await people.info(connection, [record]))[record].person_id
    return None


async def record_ids_at(
    hub: Hub, connection: AsyncConnection, person_id: UUID, member_id: int, member: str
) -> list[str]:
    """The record ids under which `member` holds the person, oldest first."""
    ids = await people.records_of(connection, person_id)
    own = [info for info in (await people.info(connection, ids)).values() if info.member_id == member_id and info.live]
    bodies = await resources.newest(connection, hub.vault, [info.resource_id for info in own])
    system = record_system(member)
    return [
        identifier["value"]
        for info in sorted(own, key=lambda info: info.id)
        for identifier in orjson.loads(bodies[info.resource_id].body).get("identifier", ())
        if identifier.get("system") == system
    ]
