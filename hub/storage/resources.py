"""Resources and their immutable versions: the canonical bytes, sealed, with blind identifiers to find them by."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage import notable
from hub.storage.database import driver, rows_of
from hub.storage.ids import new_ids
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
    id: UUID | None = None
    """The id that a new resource is given, where it is settled already."""


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


@dataclass(slots=True)
class Known:
    """What is known under one record key: `said` is when the newest document that says so was received, and its row."""

    id: UUID
    version: int
    digest: bytes
    said: tuple[datetime, int]
    deleted: bool = False
    was: Literal["new", "changed", "same"] = "same"
    confirmed: bool = False
    identifiers: tuple[bytes, ...] = ()
    type: str = ""


_MEMBERS: Final = 0x6C71
"""The space of the locks of members."""
_EXISTING = """
    -- existing: what is stored under these record keys
    SELECT id, record_key, version, digest, said_at, said_row, deleted FROM resource
    WHERE member_id = $1 AND type = ANY($2::text[]) AND record_key = ANY($3::bytea[]) FOR UPDATE"""

_ADD: Final = f"""
    -- add: resources that are new, versions, and the identifiers that these are found by
    WITH made AS (
        INSERT INTO resource
            (id, type, member_id, record_key, version, digest, deleted, updated_at, said_at, said_row)
        SELECT id, type, $1, key, version, digest, false, $2, said_at, said_row
        FROM {rows_of("uuid", "text", "bytea", "int", "bytea", "timestamptz", "int", first=4)}
            AS n(id, type, key, version, digest, said_at, said_row)),
    noted AS ({notable.of_resources(member="$1", at="$2", deleted="false", first=11)}),
    told AS (
        INSERT INTO resource_version
            (resource_id, version, body, digest, submission_id, row, recorded_at, member_id, type)
        SELECT id, version, body, digest, $3, row, $2, $1, type
        FROM {rows_of("uuid", "int", "text", "bytea", "bytea", "int", first=11)}
            AS v(id, version, type, body, digest, row))
    INSERT INTO resource_identifier (value, resource_id) SELECT * FROM {rows_of("bytea", "uuid", first=17)}"""  # noqa: S608

_RAISE = """
    -- raise: the new current versions
    UPDATE resource
    SET version = n.version, digest = n.digest, updated_at = $5, said_at = $6, said_row = n.row, deleted = false
    FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::int[]) AS n(id, version, digest, row)
    WHERE resource.id = n.id"""

_CONFIRM = """
    -- confirm: what is current was said again, later
    UPDATE resource SET said_at = $3, said_row = n.row
    FROM unnest($1::uuid[], $2::int[]) AS n(id, row) WHERE resource.id = n.id"""


async def upsert(
    connection: AsyncConnection,
    vault: Vault,
    member_id: int,
    submission_id: UUID | None,
    items: Sequence[Incoming],
    now: datetime,
    *,
    received_at: datetime | None = None,
    known: dict[bytes, Known] | None = None,
) -> list[Stored]:
    """Store `items` in order; a repeated key gives a further version, equal content gives nothing.

    What a document received after `received_at`, or a later row of this one, has said stays: neither a document that was
    late in the queue nor a row that was released late undoes it. `known` is what is there (`existing`), if that was asked.
    """
    if not items:
        return []
    if known is None:
        known = await existing(connection, member_id, {item.type for item in items}, {item.key for item in items})
    said_at = received_at or now
    ids = iter(new_ids(len(items)))
    result = [_take(known, ids, item, (said_at, item.row or 0)) for item in items]
    await _bring_up_to_date(connection, list(known.values()), now, said_at)
    new = [(key, one) for key, one in known.items() if one.was == "new"]
    versions = [(one, item) for item, one in zip(items, result, strict=True) if one.counts]
    # In the order of the index, like blocking keys.
    named = sorted((value, one.id) for one in known.values() if one.was != "same" for value in set(one.identifiers))
    if versions:
        await driver(connection).execute(
            _ADD,
            *(member_id, now, submission_id),
            *([one.id for _, one in new], [one.type for _, one in new], [key for key, _ in new]),
            *([one.version for _, one in new], [one.digest for _, one in new]),
            *([one.said[0] for _, one in new], [one.said[1] for _, one in new]),
            *(
                [one.id for one, _ in versions],
                [one.version for one, _ in versions],
                [item.type for _, item in versions],
            ),
            *([vault.seal(item.body) for _, item in versions], [item.digest for _, item in versions]),
            [item.row for _, item in versions],
            *([value for value, _ in named], [id_ for _, id_ in named]),
        )
    return result


async def existing(
    connection: AsyncConnection, member_id: int, types: Collection[str], keys: Collection[bytes]
) -> dict[bytes, Known]:
    """What is stored of a member under these record keys, locked; no two types have a key in common."""
    rows = await driver(connection).fetch(_EXISTING, member_id, list(types), list(keys))
    return {
        row["record_key"]: Known(
            row["id"], row["version"], row["digest"], (row["said_at"], row["said_row"]), row["deleted"]
        )
        for row in rows
    }


def _take(known: dict[bytes, Known], ids: Iterator[UUID], item: Incoming, said: tuple[datetime, int]) -> Stored:
    """What becomes of one item, told in `known` too; a new resource takes the next of `ids`."""
    one = known.get(item.key)
    if one is None:
        id_ = item.id or next(ids)
        known[item.key] = one = Known(
            id_, 1, item.digest, said, was="new", identifiers=item.identifiers, type=item.type
        )
        return Stored(one.id, 1, "new")
    if one.digest == item.digest and not one.deleted:
        if one.said < said:
            one.said, one.confirmed = said, True
        return Stored(one.id, one.version, "same")
    if one.said > said:
        return Stored(one.id, one.version, "older")
    one.version, one.digest, one.said, one.identifiers = one.version + 1, item.digest, said, item.identifiers
    one.was, one.deleted = "new" if one.was == "new" else "changed", False
    return Stored(one.id, one.version, "changed")


async def _bring_up_to_date(
    connection: AsyncConnection, known: Sequence[Known], now: datetime, said_at: datetime
) -> None:
    """Write what was stored before and is different, or is said again by a newer document."""
    raw = driver(connection)
    changed = [one for one in known if one.was == "changed"]
    confirmed = [one for one in known if one.was == "same" and one.confirmed]
    if changed:
        ids = [one.id for one in changed]
        versions, digests = [one.version for one in changed], [one.digest for one in changed]
        await raw.execute(_RAISE, ids, versions, digests, [one.said[1] for one in changed], now, said_at)
        await raw.execute("DELETE FROM resource_identifier WHERE resource_id = ANY($1::uuid[])", ids)
    if confirmed:
        await raw.execute(_CONFIRM, [one.id for one in confirmed], [one.said[1] for one in confirmed], said_at)


_NEWEST: Final = (
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


async def by_keys(connection: AsyncConnection, member_id: int, type_: str, keys: Sequence[bytes]) -> dict[bytes, UUID]:
    """The resources that a member's records are kept as, by the blind indexes of its own keys."""
    rows = await driver(connection).fetch(
        "SELECT record_key, id FROM resource WHERE member_id = $1 AND type = $2 AND record_key = ANY($3::bytea[])",
        member_id,
        type_,
        list(keys),
    )
    return {row["record_key"]: row["id"] for row in rows}


@dataclass(frozen=True, slots=True)
class Head:
    """A resource without what it says: its id, its newest version, and when that was stored."""

    id: UUID
    version: int
    at: datetime


async def own_under(
    connection: AsyncConnection, member_id: int, wanted: Sequence[tuple[str, bytes]], most: int
) -> dict[tuple[str, bytes], list[Head]]:
    """Of a member's own resources `most` of each (type, blind index of an identifier) of `wanted`."""
    rows = await driver(connection).fetch(
        f"""
        -- own_under: what several conditions of one identifier each find. By the identifier first, whatever the planner
        -- knows of the tables: on the other way are all that the member has of the type
        SELECT wanted.type, wanted.value, found.*
        FROM {rows_of("text", "bytea")} AS wanted(type, value) CROSS JOIN LATERAL (
            SELECT r.id, r.version, r.updated_at
            FROM (SELECT resource_id FROM resource_identifier WHERE value = wanted.value OFFSET 0) i
            CROSS JOIN LATERAL (SELECT * FROM resource WHERE id = i.resource_id OFFSET 0) r
            WHERE r.member_id = $3 AND r.type = wanted.type AND NOT r.deleted
            LIMIT $4) found""",  # noqa: S608 - our own
        [type_ for type_, _ in wanted],
        [value for _, value in wanted],
        member_id,
        most,
    )
    found: dict[tuple[str, bytes], list[Head]] = {}
    for type_, value, *head in rows:
        found.setdefault((type_, value), []).append(Head(*head))
    return found


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
    await driver(connection).execute(lock_of(member_id))


def lock_of(member_id: int) -> str:
    """The same in SQL, for a transaction to begin with."""
    return f"SELECT pg_advisory_xact_lock({_MEMBERS}, {member_id % 2**31:d})"
