"""Resources one by one: found by id whether they are deleted or not, at one version, and deleted."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hub.storage import notable
from hub.storage.database import AsyncConnection, copy_rows, driver
from hub.storage.vault import Vault

_GONE: Final = hashlib.sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a member's resource; `body` is empty where it says that the resource was deleted, or was not opened.

    `newest` is the number of the newest version, `key` the blind index of the sender's own key.
    """

    id: UUID
    type: str
    member_id: int
    key: bytes
    version: int
    newest: int
    deleted: bool
    body: bytes
    at: datetime


_COLUMNS: Final = """
    r.id, r.type, r.member_id, r.record_key, v.version, r.version AS newest, v.deleted, v.body, v.recorded_at
    FROM resource r JOIN resource_version v ON v.resource_id = r.id"""

_CURRENT: Final = f"""
    -- current: resources at their newest version, deleted or not
    SELECT {_COLUMNS} AND v.version = r.version WHERE r.id = ANY($1::uuid[])"""
_OWN: Final = f"{_CURRENT} AND r.member_id = $2"
_OWN_UNOPENED: Final = _OWN.replace("v.body", "NULL")

_ONE: Final = f"SELECT {_COLUMNS} WHERE r.id = $1 AND v.version = $2"

_PINNED: Final = """
    -- pinned: one version of each of some resources of a member, as many as their sizes allow, and one at least
    SELECT id, type, member_id, record_key, version, newest, deleted, body, recorded_at FROM (
        SELECT r.id, r.type, r.member_id, r.record_key, v.version, r.version AS newest, v.deleted, v.body, v.recorded_at,
            sum(octet_length(v.body)) OVER (ORDER BY r.id, v.version) - octet_length(v.body) AS ahead
        FROM unnest($1::uuid[], $2::int[]) AS w(id, version)
        JOIN resource r ON r.id = w.id
        JOIN resource_version v ON v.resource_id = w.id AND v.version = w.version
        WHERE r.member_id = $3) AS found
    WHERE ahead < $4 ORDER BY id, version"""


def _version(vault: Vault, row: Any) -> Version:
    return Version(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        b"" if row[7] is None or row[6] else vault.open(row[7]),
        row[8],
    )


async def current(connection: AsyncConnection, vault: Vault, ids: Sequence[UUID]) -> dict[UUID, Version]:
    """The newest versions of resources by their ids, whosever they are."""
    return {row[0]: _version(vault, row) for row in await driver(connection).fetch(_CURRENT, list(ids))}


async def own(
    connection: AsyncConnection,
    vault: Vault,
    member_id: int,
    ids: Sequence[UUID],
    *,
    lock: bool = False,
    opened: bool = True,
) -> dict[UUID, Version]:
    """Those of the resources that are the member's; locked until the transaction ends where they will change.

    Their bodies are left out where they are not to be `opened`: a Bundle may change many long ones. Another's are neither
    opened nor locked: how long that takes, or for whom it waits, would tell that they are there.
    """
    statement = (_OWN if opened else _OWN_UNOPENED) + (" ORDER BY r.id FOR UPDATE OF r" if lock else "")
    return {row[0]: _version(vault, row) for row in await driver(connection).fetch(statement, list(ids), member_id)}


async def one(connection: AsyncConnection, vault: Vault, id_: UUID, version: int) -> Version | None:
    """One version of a resource."""
    row = await driver(connection).fetchrow(_ONE, id_, version)
    return None if row is None else _version(vault, row)


async def keys_of(connection: AsyncConnection, member_id: int, ids: Sequence[UUID]) -> dict[UUID, tuple[str, bytes]]:
    """(type, blind index of its key) of those of the resources that are the member's, deleted or not."""
    statement = "SELECT id, type, record_key FROM resource WHERE id = ANY($1::uuid[]) AND member_id = $2"
    return {row[0]: (row[1], row[2]) for row in await driver(connection).fetch(statement, list(ids), member_id)}


async def pinned(
    connection: AsyncConnection,
    vault: Vault,
    member_id: int,
    ids: Sequence[UUID],
    numbers: Sequence[int],
    *,
    most_bytes: int,
) -> list[Version]:
    """These versions of a member's resources in the order of ids: the first of them, until they have `most_bytes`."""
    rows = await driver(connection).fetch(_PINNED, list(ids), list(numbers), member_id, most_bytes)
    return [_version(vault, row) for row in rows]


async def before(connection: AsyncConnection, vault: Vault, deletion: Version) -> Version:
    """The version that was deleted by `deletion`."""
    found = await one(connection, vault, deletion.id, deletion.version - 1)
    if found is None:
        raise LookupError(f"resource {deletion.id} was deleted before it was there")
    return found


async def delete(connection: AsyncConnection, vault: Vault, found: Sequence[Version], now: datetime) -> None:
    """Add to each a version that says that it was deleted; it is not found by its identifiers any more."""
    ids = [one.id for one in found]
    raw = driver(connection)
    await raw.execute(
        """
        -- delete: the resources at a version more
        UPDATE resource SET version = version + 1, digest = $2, deleted = true, updated_at = $3, said_at = $3
        WHERE id = ANY($1::uuid[])""",
        ids,
        _GONE,
        now,
    )
    await raw.execute("DELETE FROM resource_identifier WHERE resource_id = ANY($1::uuid[])", ids)
    await copy_rows(
        connection,
        "resource_version",
        ("resource_id", "version", "body", "digest", "recorded_at", "deleted", "member_id", "type"),
        [(one.id, one.newest + 1, vault.seal(b""), _GONE, now, True, one.member_id, one.type) for one in found],
    )
    for member_id, type_ in sorted({(one.member_id, one.type) for one in found}):
        some = [one for one in found if (one.member_id, one.type) == (member_id, type_)]
        numbers = [one.newest + 1 for one in some]
        await notable.deleted(connection, member_id, type_, [one.id for one in some], numbers, now)
