"""Pairs that once met by a key, and the keys of their records: by these it shows whether they would meet still."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.database import driver


async def of_resources(connection: AsyncConnection, resource_ids: Sequence[UUID]) -> set[tuple[int, int]]:
    """Pairs (a, b) of the records behind these resources that any model thought worth keeping."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- of_resources: pairs that known records are in, whatever model scored them
        WITH known AS (SELECT id FROM source_record WHERE resource_id = ANY($1::uuid[]))
        SELECT p.a, p.b FROM known k JOIN pair_score p ON p.a = k.id
        UNION
        SELECT p.a, p.b FROM known k JOIN pair_score p ON p.b = k.id""",
        list(resource_ids),
    )
    return {(row["a"], row["b"]) for row in rows}


async def keys_of_resources(connection: AsyncConnection, resource_ids: Sequence[UUID]) -> set[int]:
    """The blocking keys stored for the records behind these resources."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- keys_of_resources: what known records can be found by
        SELECT DISTINCT b.key FROM source_record s JOIN blocking_key b ON b.record_id = s.id
        WHERE s.resource_id = ANY($1::uuid[])""",
        list(resource_ids),
    )
    return {row["key"] for row in rows}


async def keys(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, frozenset[int]]:
    """The blocking keys of each of the records `ids`; those that have none are left out."""
    raw = driver(connection)
    rows = await raw.fetch(
        "SELECT record_id, array_agg(key) AS keys FROM blocking_key WHERE record_id = ANY($1::bigint[]) GROUP BY 1",
        list(ids),
    )
    return {row["record_id"]: frozenset(row["keys"]) for row in rows}
