"""Exports: what a member asked for, and files that are lists of versions. Versions never change, so no body is copied.

A file's lists are made by one statement in the database, however many resources there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hub.storage.database import POOL_SECONDS, AsyncConnection, driver

WAITING, DONE, FAILED = "WAITING", "DONE", "FAILED"
PER_FILE: Final = 10_000
"""Resources of one file."""
_MEMBERS: Final = 0x6C62  # "lb"
_SLACK: Final = timedelta(seconds=POOL_SECONDS + 5)
"""How long an act may have looked at the clock before its transaction began: it waits for a connection in between."""


@dataclass(frozen=True, slots=True)
class Export:
    """One export. Until it is begun, `as_of` is None; of its types `done` are listed."""

    id: UUID
    member_id: int
    request: str
    purpose: str
    types: tuple[str, ...]
    since: datetime | None
    created_at: datetime
    expires_at: datetime
    state: str = WAITING
    done: int = 0
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class File:
    """One file of an export: `count` resources of `owner_id`, there or deleted."""

    number: int
    type: str
    owner_id: int
    deleted: bool
    count: int


@dataclass(frozen=True, slots=True)
class Contents:
    """The versions that a file is made of."""

    file: File
    ids: Sequence[UUID]
    versions: Sequence[int]


_COLUMNS: Final = "id, member_id, request, purpose, types, since, created_at, expires_at, state, done, as_of"


def _export(row: Any) -> Export:
    return Export(**{**dict(row), "types": tuple(row["types"])})


async def add(connection: AsyncConnection, new: Export, *, most: int) -> bool:
    """Store an export; False where the member has `most` of them that are not over."""
    raw = driver(connection)
    await raw.execute("SELECT pg_advisory_xact_lock($1, $2)", _MEMBERS, new.member_id % 2**31)
    kept = "SELECT count(*) FROM bulk_export WHERE member_id = $1 AND expires_at > $2"
    if await raw.fetchval(kept, new.member_id, new.created_at) >= most:
        return False
    await raw.execute(
        """
        -- add: an export that nobody has begun
        INSERT INTO bulk_export (id, member_id, request, purpose, types, since, created_at, expires_at, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        new.id,
        new.member_id,
        new.request,
        new.purpose,
        list(new.types),
        new.since,
        new.created_at,
        new.expires_at,
        new.state,
    )
    return True


async def by_id(connection: AsyncConnection, id_: UUID) -> Export | None:
    """The export with that id."""
    row = await driver(connection).fetchrow(f"SELECT {_COLUMNS} FROM bulk_export WHERE id = $1", id_)  # noqa: S608
    return None if row is None else _export(row)


async def remove(connection: AsyncConnection, id_: UUID) -> None:
    """Drop an export, its files, and the work that makes them, whoever is at it."""
    raw = driver(connection)
    await raw.execute("DELETE FROM work_item WHERE kind = 'export' AND subject = $1", id_)
    await raw.execute("DELETE FROM bulk_export WHERE id = $1", id_)


async def begin(connection: AsyncConnection, id_: UUID, now: datetime) -> datetime:
    """Settle as of when an export is; answers that moment. What says that it was stored by then can be seen from now on.

    A transaction that is not over yet says that it stores at a moment before it began: none of those is passed over.
    """
    raw = driver(connection)
    oldest = await raw.fetchval(
        """
        -- begin: how long the oldest transaction has been going on
        SELECT clock_timestamp() - min(xact_start) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
    )
    as_of = now - _SLACK - (oldest or timedelta())
    await raw.execute("UPDATE bulk_export SET as_of = $2 WHERE id = $1", id_, as_of)
    return as_of


async def list_type(connection: AsyncConnection, export: Export, type_: str, owner_id: int, *, deletions: bool) -> int:
    """Make the files of one type of one member's resources, as they are now; answers how many resources there are."""
    return int(
        await driver(connection).fetchval(
            f"""
            -- list_type: the newest versions, {PER_FILE} a file
            WITH chosen AS (
                SELECT id, version, deleted,
                    (row_number() OVER (PARTITION BY deleted ORDER BY id) - 1) / {PER_FILE} AS part
                FROM resource
                WHERE member_id = $2 AND type = $3 AND ($4::timestamptz IS NULL OR updated_at > $4) AND (NOT deleted OR $5)
            ), listed AS (
                SELECT deleted, part, array_agg(id ORDER BY id) AS ids, array_agg(version ORDER BY id) AS versions
                FROM chosen GROUP BY deleted, part
            ), made AS (
                INSERT INTO bulk_export_file (export_id, number, type, owner_id, deleted, ids, versions)
                SELECT $1, (SELECT coalesce(max(number), 0) FROM bulk_export_file WHERE export_id = $1)
                    + row_number() OVER (ORDER BY deleted, part), $3, $2, deleted, ids, versions FROM listed
                RETURNING cardinality(ids) AS number
            )
            SELECT coalesce(sum(number), 0) FROM made""",  # noqa: S608 - our own number
            export.id,
            owner_id,
            type_,
            export.since,
            deletions,
        )
    )


async def progress(connection: AsyncConnection, id_: UUID) -> None:
    """One type more is listed."""
    await driver(connection).execute("UPDATE bulk_export SET done = done + 1 WHERE id = $1", id_)


async def settle(connection: AsyncConnection, id_: UUID, state: str, expires_at: datetime) -> None:
    """It is done, or has failed, and is over at `expires_at`."""
    statement = "UPDATE bulk_export SET state = $2, expires_at = $3 WHERE id = $1"
    await driver(connection).execute(statement, id_, state, expires_at)


async def files(connection: AsyncConnection, id_: UUID) -> list[File]:
    """The files of an export, in order."""
    rows = await driver(connection).fetch(
        """
        -- files: what an export consists of
        SELECT number, type, owner_id, deleted, cardinality(ids) FROM bulk_export_file
        WHERE export_id = $1 ORDER BY number""",
        id_,
    )
    return [File(*row) for row in rows]


async def contents(connection: AsyncConnection, id_: UUID, number: int) -> Contents | None:
    """One file of an export."""
    row = await driver(connection).fetchrow(
        """
        -- contents: the versions that a file is made of
        SELECT number, type, owner_id, deleted, cardinality(ids), ids, versions FROM bulk_export_file
        WHERE export_id = $1 AND number = $2""",
        id_,
        number,
    )
    return None if row is None else Contents(File(*tuple(row)[:5]), row[5], row[6])
