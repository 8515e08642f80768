"""What sources say of their own records: which is replaced by which, as the newest version of each says.

A row stays when the survivor is not known yet, so that the order of arrival does not matter.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.database import driver


async def replace(
    connection: AsyncConnection, member_id: int, changed: Sequence[UUID], links: Mapping[UUID, bytes]
) -> dict[UUID, bytes]:
    """Let exactly `links` {resource: survivor} hold of the resources `changed`; answers what held before."""
    raw = driver(connection)
    before = await raw.fetch(
        "DELETE FROM source_link WHERE resource_id = ANY($1::uuid[]) RETURNING resource_id, survivor", list(changed)
    )
    if links:
        await raw.executemany(
            "INSERT INTO source_link (resource_id, member_id, survivor) VALUES ($1, $2, $3)",
            [(loser, member_id, survivor) for loser, survivor in links.items()],
        )
    return {row["resource_id"]: row["survivor"] for row in before}


async def waiting_for(
    connection: AsyncConnection, member_id: int, identifiers: Sequence[bytes]
) -> list[tuple[UUID, bytes]]:
    """(loser, survivor) of the member's records that one of these identifiers replaces."""
    raw = driver(connection)
    if not await raw.fetchval("SELECT EXISTS (SELECT 1 FROM source_link WHERE member_id = $1)", member_id):
        return []  # most members never feed one: nothing is looked for among thousands
    rows = await raw.fetch(
        "SELECT resource_id, survivor FROM source_link WHERE member_id = $1 AND survivor = ANY($2::bytea[])",
        member_id,
        list(identifiers),
    )
    return [(row["resource_id"], row["survivor"]) for row in rows]


async def survivors(connection: AsyncConnection, member_id: int, identifiers: Sequence[bytes]) -> dict[bytes, UUID]:
    """The member's own Patient under each of the identifiers, the oldest where there are several."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- survivors: whom an identifier of a member's own domain names
        SELECT DISTINCT ON (i.value) i.value, r.id
        FROM resource_identifier i JOIN resource r ON r.id = i.resource_id
        WHERE i.value = ANY($2::bytea[]) AND r.member_id = $1 AND r.type = 'Patient' AND NOT r.deleted
        ORDER BY i.value, r.id""",
        member_id,
        list(identifiers),
    )
    return {row["value"]: row["id"] for row in rows}


async def leads_back(connection: AsyncConnection, member_id: int, survivor: UUID, loser: UUID) -> bool:
    """Is `survivor` itself replaced, over however many others, by `loser`?"""
    raw = driver(connection)
    return bool(
        await raw.fetchval(
            """
            -- leads_back: the chain of replacements behind the survivor; UNION ends where it would turn in a ring
            WITH RECURSIVE chain(id) AS (
                SELECT $2::uuid
                UNION
                SELECT r.id FROM chain c JOIN source_link l ON l.resource_id = c.id
                JOIN resource_identifier i ON i.value = l.survivor
                JOIN resource r ON r.id = i.resource_id AND r.member_id = $1 AND r.type = 'Patient')
            SELECT EXISTS (SELECT 1 FROM chain WHERE id = $3)""",
            member_id,
            survivor,
            loser,
        )
    )


async def record_ids(connection: AsyncConnection, resources: Sequence[UUID]) -> dict[UUID, int]:
    """The source records behind the resources."""
    raw = driver(connection)
    rows = await raw.fetch(
        "SELECT id, resource_id FROM source_record WHERE resource_id = ANY($1::uuid[])", list(resources)
    )
    return {row["resource_id"]: row["id"] for row in rows}
