"""Records of people as look-ups read them: those that could be somebody, by blocking keys, and those that are shown.

For many requests at once: one statement each, whatever the number of requests. Nothing here knows who may see what.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.storage import agreements, linkage_models
from hub.storage.access import NUMBER
from hub.storage.database import AsyncConnection, driver, rows_of
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Shown:
    """One live record at its newest version, with the person it belongs to."""

    record: int
    resource_id: UUID
    member_id: int
    person_id: UUID | None
    version: int
    updated_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class Near:
    """What look-ups by keys begin with. Columns, one place a candidate: the number of the request, the record that could
    answer it, its member, its plain features. Beside them so many ids for the ledger as there are candidates, and the
    seals of what decides: of the agreements toward each of the callers, of the linkage models.
    """

    asked: Sequence[int]
    records: Sequence[int]
    members: Sequence[int]
    features: Sequence[bytes]
    numbers: Sequence[int]
    agreements: Sequence[bytes | None]
    models: bytes | None
    _sealed: Sequence[tuple[UUID, UUID | None, int, datetime, bytes]]

    def shown(self, vault: Vault, place: int) -> Shown:
        """The candidate as it may be shown."""
        resource_id, person_id, version, at, body = self._sealed[place]
        record, member = self.records[place], self.members[place]
        return Shown(record, resource_id, member, person_id, version, at, vault.open(body))


_NEAR = f"""
    -- near: the live records that share a key with a request (a key that too many share says too little), with what decides
    WITH held AS MATERIALIZED (
        SELECT k.asked, ARRAY(SELECT b.record_id FROM blocking_key b WHERE b.key = k.key ORDER BY b.record_id LIMIT $3) AS ids
        FROM {rows_of("int", "bigint")} AS k(asked, key)),
    found AS (SELECT DISTINCT h.asked, id FROM held h, unnest(h.ids) AS id WHERE cardinality(h.ids) < $3),
    near AS (
        SELECT f.asked, s.id, s.member_id, s.features, s.resource_id, m.person_id, r.version, r.updated_at, v.body
        FROM found f JOIN source_record s ON s.id = f.id AND s.live
        JOIN resource r ON r.id = s.resource_id AND NOT r.deleted
        JOIN resource_version v ON v.resource_id = r.id AND v.version = r.version
        LEFT JOIN membership m ON m.record_id = s.id)
    SELECT array_agg(asked), array_agg(id), array_agg(member_id), array_agg(features), array_agg({NUMBER}),
        {agreements.seals_toward(4)}, {linkage_models.SEALS},
        array_agg(resource_id), array_agg(person_id), array_agg(version), array_agg(updated_at), array_agg(body)
    FROM near"""  # noqa: S608

_SHOWN = """
    -- shown: records at their newest version with their present person
    SELECT s.id, s.resource_id, s.member_id, m.person_id, r.version, r.updated_at, v.body
    FROM source_record s
    JOIN resource r ON r.id = s.resource_id AND NOT r.deleted
    JOIN resource_version v ON v.resource_id = r.id AND v.version = r.version
    LEFT JOIN membership m ON m.record_id = s.id
    WHERE s.id = ANY($1::bigint[])"""


async def near(
    connection: AsyncConnection, vault: Vault, keys: Sequence[tuple[int, int]], limit: int, callers: Sequence[int]
) -> Near:
    """The records that share one of `keys` (request, blocking key) held by no more than `limit` records.

    All of it is one statement: each further one costs more than what it asks.
    """
    row = await driver(connection).fetchrow(
        _NEAR, [asked for asked, _ in keys], [key for _, key in keys], limit + 1, list(callers)
    )
    asked, records, members, features, numbers, agreed, models, *sealed = row
    return Near(
        asked or (), records or (), members or (), [vault.open(one) for one in features or ()],
        numbers or (), agreed, models, list(zip(*sealed, strict=True)) if records else (),
    )  # fmt: skip


async def shown(connection: AsyncConnection, vault: Vault, records: Iterable[int]) -> dict[int, Shown]:
    """The records by their id; those whose resource is deleted are left out. None is asked for like some: in the same time."""
    raw = driver(connection)
    return {
        row[0]: Shown(row[0], row[1], row[2], row[3], row[4], row[5], vault.open(row[6]))
        for row in await raw.fetch(_SHOWN, list(records))
    }


async def by_identifiers(connection: AsyncConnection, values: Sequence[bytes], limit: int) -> list[int]:
    """The live records that carry one of the identifiers with these blind indexes, the oldest first."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- by_identifiers: live records of people by blind indexes
        SELECT DISTINCT s.id FROM resource_identifier i JOIN source_record s ON s.resource_id = i.resource_id
        WHERE i.value = ANY($1::bytea[]) AND s.live ORDER BY s.id LIMIT $2""",
        list(values),
        limit,
    )
    return [row[0] for row in rows]


async def by_resources(connection: AsyncConnection, ids: Sequence[UUID]) -> list[int]:
    """The records, live or not, behind these resources."""
    raw = driver(connection)
    rows = await raw.fetch("SELECT id FROM source_record WHERE resource_id = ANY($1::uuid[]) ORDER BY id", list(ids))
    return [row[0] for row in rows]


async def of_persons(connection: AsyncConnection, persons: Sequence[UUID], limit: int) -> list[int]:
    """The live records of some persons, the oldest first."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- of_persons: live records of persons
        SELECT s.id FROM membership m JOIN source_record s ON s.id = m.record_id
        WHERE m.person_id = ANY($1::uuid[]) AND s.live ORDER BY s.id LIMIT $2""",
        list(persons),
        limit,
    )
    return [row[0] for row in rows]


async def behind_keys(connection: AsyncConnection, keys: Sequence[int], limit: int) -> list[int]:
    """The records under any of `keys`, the oldest first, one more than `limit` at most."""
    raw = driver(connection)
    rows = await raw.fetch(
        "SELECT DISTINCT record_id FROM blocking_key WHERE key = ANY($1::bigint[]) ORDER BY record_id LIMIT $2",
        list(keys),
        limit + 1,
    )
    return [row[0] for row in rows]


async def of_member(connection: AsyncConnection, member_id: int, offset: int, limit: int) -> list[int]:
    """A member's own live records, the oldest first."""
    raw = driver(connection)
    rows = await raw.fetch(
        "SELECT id FROM source_record WHERE member_id = $1 AND live ORDER BY id OFFSET $2 LIMIT $3",
        member_id,
        offset,
        limit,
    )
    return [row[0] for row in rows]


async def number_of(connection: AsyncConnection, member_id: int) -> int:
    """How many live records a member has."""
    raw = driver(connection)
    return int(await raw.fetchval("SELECT count(*) FROM source_record WHERE member_id = $1 AND live", member_id))
