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


async def chains(connection: AsyncConnection, member_id: int, starts: Sequence[UUID]) -> dict[UUID, UUID]:
    """{loser: survivor} of the replacements that lead on from any of the resources `starts`, over however many."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- chains: what replaces the resources, and what replaces that; UNION ends where it would turn in a ring. One that
        -- was deleted may come back: it is left out only where another has its identifier.
        WITH RECURSIVE chain(loser, survivor) AS (
            SELECT NULL::uuid, unnest($2::uuid[])
            UNION
            SELECT c.survivor, n.id FROM chain c JOIN source_link l ON l.resource_id = c.survivor CROSS JOIN LATERAL (
                SELECT r.id FROM resource_identifier i JOIN resource r ON r.id = i.resource_id
                WHERE i.value = l.survivor AND r.member_id = $1 AND r.type = 'Patient'
                ORDER BY r.deleted, r.id LIMIT 1) n)
        SELECT loser, survivor FROM chain WHERE loser IS NOT NULL""",
        member_id,
        list(starts),
    )
    return {row["loser"]: row["survivor"] for row in rows}


async def unsaid(connection: AsyncConnection, resources: Sequence[UUID]) -> set[UUID]:
    """Those of the resources of which it is not kept that anything replaces them."""
    raw = driver(connection)
    rows = await raw.fetch(
        "SELECT id FROM unnest($1::uuid[]) AS id WHERE NOT EXISTS (SELECT 1 FROM source_link WHERE resource_id = id)",
        list(resources),
    )
    return {row["id"] for row in rows}


async def forget(connection: AsyncConnection, losers: Sequence[UUID]) -> None:
    """Wait no longer for what replaces these resources."""
    raw = driver(connection)
    await raw.execute("DELETE FROM source_link WHERE resource_id = ANY($1::uuid[])", list(losers))


async def record_ids(connection: AsyncConnection, resources: Sequence[UUID]) -> dict[UUID, int]:
    """The source records behind the resources."""
    raw = driver(connection)
    rows = await raw.fetch(
        "SELECT id, resource_id FROM source_record WHERE resource_id = ANY($1::uuid[])", list(resources)
    )
    return {row["resource_id"]: row["id"] for row in rows}
