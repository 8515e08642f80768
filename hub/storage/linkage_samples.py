"""What training and evaluation of linkage models read: some keys with who shares them, anybody, records by number."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.database import driver


async def sizes(connection: AsyncConnection) -> tuple[int, int]:
    """How many live records there are, and how many blocking keys they have in all."""
    row = (
        await connection.execute(
            text("""
                SELECT (SELECT count(*) FROM source_record WHERE live) AS records,
                       (SELECT count(*) FROM blocking_key) AS keys""")
        )
    ).one()
    return int(row.records), int(row.keys)


async def blocks_between(connection: AsyncConnection, low: int, high: int, limit: int) -> dict[int, list[int]]:
    """The records of each key from `low` to `high` that two or more share, and not more than `limit`.

    Keys are hashes: a part of their range is a sample of them.
    """
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- blocks_between: keys in a part of their range
        SELECT key, array_agg(record_id ORDER BY record_id) AS records FROM blocking_key
        WHERE key BETWEEN $1 AND $2 GROUP BY key HAVING count(*) BETWEEN 2 AND $3 ORDER BY key""",
        low,
        high,
        limit,
    )
    return {row["key"]: row["records"] for row in rows}


async def anybody(connection: AsyncConnection, number: int, seed: int) -> list[int]:
    """Up to `number` live records at random, the same for the same seed and records."""
    rows = await connection.execute(
        text("SELECT id FROM source_record WHERE live ORDER BY hashint8extended(id, :seed), id LIMIT :number"),
        {"seed": seed, "number": number},
    )
    return sorted(row.id for row in rows)


async def records_known_as(connection: AsyncConnection, identifiers: Collection[bytes]) -> dict[bytes, int]:
    """The oldest record that carries each of the blind identifiers."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- records_known_as: records by the numbers that their members gave them
        SELECT i.value, min(s.id) AS id FROM resource_identifier i JOIN source_record s USING (resource_id)
        WHERE i.value = ANY($1::bytea[]) GROUP BY i.value""",
        list(identifiers),
    )
    return {bytes(row["value"]): row["id"] for row in rows}
