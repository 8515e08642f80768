"""The ids that resources have at their sender, blind: how the lines of an import find what they are, and refer to."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from hub.storage.database import AsyncConnection, driver


async def find(connection: AsyncConnection, values: Iterable[bytes]) -> dict[bytes, UUID]:
    """The resources under these blind indexes."""
    statement = "SELECT value, resource_id FROM resource_alias WHERE value = ANY($1::bytea[])"
    return {row[0]: row[1] for row in await driver(connection).fetch(statement, list(values))}


async def put(connection: AsyncConnection, named: Mapping[bytes, UUID]) -> None:
    """Let each of these indexes stand for its resource from now on."""
    await driver(connection).execute(
        """
        -- put: names in the order of the index
        INSERT INTO resource_alias (value, resource_id) SELECT * FROM unnest($1::bytea[], $2::uuid[])
        ON CONFLICT (value) DO UPDATE SET resource_id = excluded.resource_id
        WHERE resource_alias.resource_id <> excluded.resource_id""",
        sorted(named),
        [named[value] for value in sorted(named)],
    )
