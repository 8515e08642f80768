"""Which of a member's resources, of several types, say one of some texts: by their blind tokens (decision 0017)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hub.storage.database import AsyncConnection, driver
from hub.storage.vault import Vault

Place = tuple[str, UUID]
"""Where a resource stands in the order of all: by type, then as they came to be."""
FIRST: Final[Place] = ("", UUID(int=0))
MOST: Final = 5_000
"""Resources that are put in order at once; of more, the database reads on in their order."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: one of `texts`, said by a resource of one of `types` that was stored after `since`."""

    member_id: int
    types: Collection[str]
    texts: Collection[str]
    since: datetime | None = None


async def behind(connection: AsyncConnection, vault: Vault, sought: Sought, after: Place, limit: int) -> list[Place]:
    """The first `limit` resources behind `after` that may be meant."""
    values: list[Any] = [sought.member_id, sorted(sought.types), vault.searched(sought.member_id, sought.texts)]
    where = "member_id = $1 AND type = ANY($2::text[]) AND tokens && $3::bigint[]"
    if sought.since is not None:
        values.append(sought.since)
        where += " AND updated_at > $4::timestamptz"
    raw = driver(connection)
    # In whatever order first: the planner cannot know how rare a token is, and would read on in the wanted order.
    statement = f"SELECT type, resource_id FROM resource_search WHERE {where} LIMIT {MOST + 1}"  # noqa: S608 - our own
    rows = await raw.fetch(statement, *values)
    if len(rows) <= MOST:
        return sorted(place for row in rows if (place := (row[0], row[1])) > after)[:limit]
    at = len(values)
    rows = await raw.fetch(
        f"""
        -- behind: the next of many
        SELECT type, resource_id FROM resource_search
        WHERE {where} AND (type COLLATE "C", resource_id) > (${at + 1}::text COLLATE "C", ${at + 2}::uuid)
        ORDER BY type COLLATE "C", resource_id LIMIT {limit}""",  # noqa: S608 - our own
        *values,
        *after,
    )
    return [(row[0], row[1]) for row in rows]
