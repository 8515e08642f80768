"""Resources and their immutable versions: the canonical bytes, sealed, with blind identifiers to find them by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.database import copy_rows, driver
from hub.storage.ids import new_id
from hub.storage.tables import resource, resource_identifier, resource_version
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Incoming:
    """A resource as translated: `key` and `identifiers` are blind indexes, `body` the canonical bytes."""

    type: str
    key: bytes
    body: bytes
    digest: bytes
    identifiers: tuple[bytes, ...]
    row: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an Incoming: a new resource, a new version, or nothing: it is the same, or older than what is known."""

    id: UUID
    version: int
    change: Literal["new", "changed", "same", "older"]

    @property
    def counts(self) -> bool:
        """Is the Incoming the newest version now?"""
        return self.change in ("new", "changed")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource at its newest version."""

    id: UUID
    type: str
    member_id: int
    version: int
    body: bytes
    updated_at: datetime


_EXISTING = """
    -- existing: what is stored under these record keys, and when the document that says so was received
    SELECT r.id, r.record_key, r.version, r.digest, s.received_at
    FROM resource r
    JOIN resource_version v ON v.resource_id = r.id AND v.version = r.version
    LEFT JOIN submission s ON s.id = v.submission_id
    WHERE r.member_id = $1 AND r.type = $2 AND r.record_key = ANY($3::bytea[]) FOR UPDATE OF r"""

_RAISE = """
    -- raise: the new current versions
    UPDATE resource SET version = n.version, digest = n.digest, updated_at = $4
    FROM unnest($1::uuid[], $2::int[], $3::bytea[]) AS n(id, version, digest) WHERE resource.id = n.id"""


async def upsert(
    connection: AsyncConnection,
    vault: Vault,
    member_id: int,
    submission_id: UUID | None,
    items: Sequence[Incoming],
    now: datetime,
    *,
    received_at: datetime | None = None,
) -> list[Stored]:
    """Store `items` (all of one type) in order; a repeated key gives a further version, equal content gives nothing.

    What a document received after `received_at` has said stays: a document that was late in the queue does not undo it.
    """
    if not items:
        return []
    raw = await driver(connection)
    type_ = items[0].type
    rows = await raw.fetch(_EXISTING, member_id, type_, list({item.key for item in items}))
    current = {row["record_key"]: (row["id"], row["version"], row["digest"]) for row in rows}
    before = set(current)
    newer = {
        row["record_key"] for row in rows if received_at and row["received_at"] and row["received_at"] > received_at
    }
    result: list[Stored] = []
    versions = []
    fresh_identifiers: dict[UUID, tuple[bytes, ...]] = {}
    for item in items:
        known = current.get(item.key)
        if known is not None and known[2] == item.digest:
            result.append(Stored(known[0], known[1], "same"))
            continue
        if known is not None and item.key in newer:
            result.append(Stored(known[0], known[1], "older"))
            continue
        id_, version = (known[0], known[1] + 1) if known else (new_id(), 1)
        current[item.key] = (id_, version, item.digest)
        fresh_identifiers[id_] = item.identifiers
        versions.append((id_, version, vault.seal(item.body), item.digest, submission_id, item.row, now))
        result.append(Stored(id_, version, "changed" if known else "new"))
    created = [
        (id_, type_, member_id, key, version, digest, False, now)
        for key, (id_, version, digest) in current.items()
        if key not in before
    ]
    raised = [
        (id_, version, digest)
        for key, (id_, version, digest) in current.items()
        if key in before and id_ in fresh_identifiers
    ]
    await copy_rows(
        connection,
        "resource",
        ("id", "type", "member_id", "record_key", "version", "digest", "deleted", "updated_at"),
        created,
    )
    if raised:
        ids = [row[0] for row in raised]
        await raw.execute(_RAISE, ids, [row[1] for row in raised], [row[2] for row in raised], now)
        await raw.execute("DELETE FROM resource_identifier WHERE resource_id = ANY($1::uuid[])", ids)
    await copy_rows(
        connection,
        "resource_version",
        ("resource_id", "version", "body", "digest", "submission_id", "row", "recorded_at"),
        versions,
    )
    await copy_rows(
        connection,
        "resource_identifier",
        ("value", "resource_id"),
        [(value, id_) for id_, values in fresh_identifiers.items() for value in dict.fromkeys(values)],
    )
    return result


_NEWEST = (
    select(
        resource.c.id,
        resource.c.type,
        resource.c.member_id,
        resource.c.version,
        resource_version.c.body,
        resource.c.updated_at,
    )
    .join(
        resource_version,
        (resource_version.c.resource_id == resource.c.id) & (resource_version.c.version == resource.c.version),
    )
    .where(resource.c.deleted.is_(False))
)


async def newest(connection: AsyncConnection, vault: Vault, ids: Sequence[UUID]) -> dict[UUID, Resource]:
    """The newest versions of the resources `ids`."""
    rows = await connection.execute(_NEWEST.where(resource.c.id.in_(list(ids))))
    return {
        row.id: Resource(row.id, row.type, row.member_id, row.version, vault.open(row.body), row.updated_at)
        for row in rows
    }


async def by_identifier(
    connection: AsyncConnection, vault: Vault, type_: str, value: bytes, *, limit: int = 100
) -> list[Resource]:
    """Resources of `type_` that carry the identifier with blind index `value`, oldest first."""
    rows = await connection.execute(
        _NEWEST.join(resource_identifier, resource_identifier.c.resource_id == resource.c.id)
        .where(resource.c.type == type_, resource_identifier.c.value == value)
        .order_by(resource.c.updated_at, resource.c.id)
        .limit(limit)
    )
    return [
        Resource(row.id, row.type, row.member_id, row.version, vault.open(row.body), row.updated_at) for row in rows
    ]


async def lock_member(connection: AsyncConnection, member_id: int) -> None:
    """Take a member's records for this transaction: its documents are stored one batch after the other, in order."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(:space, :member)"), {"space": 0x6C71, "member": member_id % 2**31}
    )
