"""Pages of versions, the newest first: of one resource, or of all of a member's. A page has a most in number and in bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from hub.storage.database import AsyncConnection, driver
from hub.storage.vault import Vault
from hub.storage.versions import Version

MOST_BYTES: Final = 8 * 2**20
"""Of the bodies of one page; a longer one is a page by itself."""


class Behind(NamedTuple):
    """The last version that an earlier page shows: what follows it is older."""

    at: datetime
    id: UUID
    version: int


LATEST: Final = datetime.max.replace(tzinfo=UTC)
_FIRST: Final = Behind(LATEST, UUID(int=2**128 - 1), 2**31 - 1)
"""Before the first page. A condition that is always there is one that the index can meet."""


@dataclass(frozen=True, slots=True)
class Times:
    """Versions recorded at `since` or later, and current at some moment from `start` up to `end`, which is not in it.

    A `start` of None asks for no moment.
    """

    since: datetime
    start: datetime | None = None
    end: datetime = LATEST


@dataclass(frozen=True, slots=True)
class Page:
    """Versions, the newest first; whether there are older ones."""

    versions: tuple[Version, ...]
    more: bool


_WITHIN: Final = """
    v.recorded_at >= $2 AND v.recorded_at < $4
    AND ($3::timestamptz IS NULL OR NOT EXISTS (
        SELECT 1 FROM resource_version n
        WHERE n.resource_id = v.resource_id AND n.version = v.version + 1 AND n.recorded_at <= $3))"""
_NAMES: Final = "v.resource_id, v.version, v.recorded_at, octet_length(v.body) AS size"

_OF_ONE: Final = f"""
    SELECT {_NAMES} FROM resource_version v WHERE v.resource_id = $6 AND v.version < $7 AND {_WITHIN}
    ORDER BY v.version DESC LIMIT $5"""  # noqa: S608 - our own
_ORDER: Final = "recorded_at DESC, resource_id DESC, version DESC"
_OF_MEMBER: Final = f"""
    SELECT newest.* FROM unnest($7::text[]) AS wanted(type) CROSS JOIN LATERAL (
        SELECT {_NAMES} FROM resource_version v
        WHERE v.member_id = $6 AND v.type = wanted.type AND {_WITHIN}
        AND (v.recorded_at, v.resource_id, v.version) < ($8::timestamptz, $9::uuid, $10::int)
        ORDER BY v.recorded_at DESC, v.resource_id DESC, v.version DESC LIMIT $5) newest
    ORDER BY {_ORDER} LIMIT $5"""  # noqa: S608 - our own
_PAGE: Final = """
    -- page: the newest of some versions, as far as they fit; $1 is how many bytes
    SELECT r.id, r.type, r.member_id, r.record_key, v.version, r.version AS newest, v.deleted, v.body, v.recorded_at, p.found
    FROM (
        SELECT *, sum(size) OVER (ORDER BY {order}) AS bytes, row_number() OVER (ORDER BY {order}) AS place,
            count(*) OVER () AS found
        FROM ({chosen}) chosen) p
    JOIN resource r ON r.id = p.resource_id
    JOIN resource_version v ON v.resource_id = p.resource_id AND v.version = p.version
    WHERE p.place < $5 AND (p.place = 1 OR p.bytes <= $1) ORDER BY p.place"""


async def of_one(
    connection: AsyncConnection, vault: Vault, id_: UUID, times: Times, *, before: int, limit: int
) -> Page:
    """Versions of one resource below the number `before`."""
    statement = _PAGE.format(order="version DESC", chosen=_OF_ONE)
    return await _page(connection, vault, statement, times, limit, (id_, before))


async def of_member(
    connection: AsyncConnection,
    vault: Vault,
    member_id: int,
    types: Sequence[str],
    times: Times,
    behind: Behind | None,
    limit: int,
) -> Page:
    """Versions of a member's own resources of some types."""
    statement = _PAGE.format(order=_ORDER, chosen=_OF_MEMBER)
    return await _page(connection, vault, statement, times, limit, (member_id, list(types), *(behind or _FIRST)))


async def _page(
    connection: AsyncConnection, vault: Vault, statement: str, times: Times, limit: int, more: Sequence[Any]
) -> Page:
    given = (MOST_BYTES, times.since, times.start, times.end, limit + 1, *more)
    rows = await driver(connection).fetch(statement, *given)
    shown = tuple(_version(vault, row) for row in rows)
    return Page(shown, bool(rows) and rows[0]["found"] > len(rows))


def _version(vault: Vault, row: Any) -> Version:
    body = b"" if row["deleted"] else vault.open(row["body"])
    return Version(
        row["id"], row["type"], row["member_id"], row["record_key"], row["version"], row["newest"], row["deleted"], body,
        row["recorded_at"],
    )  # fmt: skip
