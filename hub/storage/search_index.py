"""What is told of a member's resources for its searches: blind tokens, one array a resource (decision 0017).

The database finds what may be meant, among one member's resources of one type; whether it is meant is decided on the opened
resource. Resources that come in counties' documents are told a moment later, by the workers (`search_pending`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hub.storage.database import AsyncConnection, Part, driver, rows_of, write_together
from hub.storage.vault import Vault

MOST: Final = 5_000
"""Resources that are put in order at once; of more, only the first pages are looked at."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a resource says, as the stand-ins for texts that `Vault.searched` has for its member."""

    id: UUID
    type: str
    updated_at: datetime
    tokens: Sequence[int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: of each group one text, one of `ids`, stored within one of `updated` (from, before)."""

    member_id: int
    type: str
    all_of: Sequence[frozenset[str]] = ()
    ids: Sequence[UUID] | None = None
    updated: Sequence[tuple[datetime | None, datetime | None]] | None = None


_PUT: Final = f"""
    -- put: what resources say; lists of tokens, which differ in length, come as one text each
    INSERT INTO resource_search (resource_id, member_id, type, updated_at, tokens)
    SELECT id, $1, type, updated_at, tokens::bigint[]
    FROM {rows_of("uuid", "text", "timestamptz", "text", first=2)} AS t(id, type, updated_at, tokens)
    ON CONFLICT (resource_id) DO UPDATE
    SET member_id = excluded.member_id, updated_at = excluded.updated_at, tokens = excluded.tokens"""  # noqa: S608


async def put(connection: AsyncConnection, member_id: int, told: Sequence[Told]) -> None:
    """Tell of resources, in place of what was told of them before."""
    await write_together(connection, *putting(member_id, told))


def putting(member_id: int, told: Sequence[Told]) -> list[Part]:
    """What `put` does, to be done with more."""
    if not told:
        return []
    ids, types, times = [one.id for one in told], [one.type for one in told], [one.updated_at for one in told]
    tokens = [f"{{{','.join(map(str, sorted(one.tokens)))}}}" for one in told]
    return [(_PUT, (member_id, ids, types, times, tokens))]


async def forget(connection: AsyncConnection, ids: Sequence[UUID]) -> None:
    """Tell nothing of these resources any more."""
    await driver(connection).execute("DELETE FROM resource_search WHERE resource_id = ANY($1::uuid[])", list(ids))


async def put_off(connection: AsyncConnection, member_id: int, type_: str, ids: Iterable[UUID]) -> None:
    """Leave these resources of a member for the workers to tell."""
    await driver(connection).execute(
        "INSERT INTO search_pending (member_id, type, resource_id) SELECT $1, $2, unnest($3::uuid[]) "
        "ON CONFLICT (member_id, type, resource_id) DO UPDATE SET again = false",
        member_id,
        type_,
        sorted(ids),
    )


async def pending(connection: AsyncConnection, member_id: int, type_: str, limit: int) -> list[UUID]:
    """Resources of a member of which the newest version is still to be told."""
    rows = await driver(connection).fetch(
        "SELECT resource_id FROM search_pending WHERE member_id = $1 AND type = $2 AND NOT again LIMIT $3",
        member_id,
        type_,
        limit,
    )
    return [row[0] for row in rows]


async def take_pending(connection: AsyncConnection, limit: int) -> list[UUID]:
    """Some resources that are to be told, and that nobody is changing; nobody else does until the transaction ends.

    One that is put off once more at this moment is left for the next time.
    """
    rows = await driver(connection).fetch(
        """
        -- take_pending: resources whose newest version is still to be told
        DELETE FROM search_pending WHERE ctid = ANY(ARRAY(
            SELECT p.ctid FROM search_pending p
            CROSS JOIN LATERAL (SELECT FROM resource WHERE id = p.resource_id FOR UPDATE SKIP LOCKED) r
            LIMIT $1 FOR UPDATE OF p SKIP LOCKED))
        RETURNING resource_id""",
        limit,
    )
    return sorted(row[0] for row in rows)


async def few(connection: AsyncConnection, vault: Vault, wanted: Wanted) -> list[tuple[UUID, datetime]] | None:
    """Every resource that may be meant and when it was stored, the oldest first; None where there are more than MOST.

    Found in whatever order first: the planner cannot know how rare a token is, and would read on in the wanted order.
    """
    where, values = _where(vault, wanted)
    rows = await driver(connection).fetch(
        f"""
        -- few: what may be meant, when it is not too much
        SELECT resource_id, updated_at FROM resource_search WHERE {where} LIMIT {MOST + 1}""",  # noqa: S608 - our own
        *values,
    )
    if len(rows) > MOST:
        return None
    return sorted((row[0], row[1]) for row in rows)


async def some(
    connection: AsyncConnection, vault: Vault, wanted: Wanted, after: UUID | None, limit: int
) -> list[tuple[UUID, datetime]]:
    """The first resources behind `after` that may be meant, where there are many."""
    where, values = _where(vault, wanted)
    rows = await driver(connection).fetch(
        f"""
        -- some: the next of many
        SELECT resource_id, updated_at FROM resource_search
        WHERE {where} AND resource_id > ${len(values) + 1}::uuid ORDER BY resource_id LIMIT {limit}""",  # noqa: S608
        *values,
        after or UUID(int=0),
    )
    return [(row[0], row[1]) for row in rows]


async def number(connection: AsyncConnection, vault: Vault, wanted: Wanted) -> int:
    """How many resources may be meant."""
    where, values = _where(vault, wanted)
    statement = f"SELECT count(*) FROM resource_search WHERE {where}"  # noqa: S608 - our own
    return int(await driver(connection).fetchval(statement, *values))


def _where(vault: Vault, wanted: Wanted) -> tuple[str, list[Any]]:
    """The condition in SQL, and its values."""
    values: list[Any] = [wanted.member_id, wanted.type]
    conditions = ["member_id = $1", "type = $2"]

    def add(condition: str, value: Any) -> None:
        values.append(value)
        conditions.append(condition.format(f"${len(values)}"))

    single = [text for group in wanted.all_of if len(group) == 1 for text in group]
    if single:
        add("tokens @> {}::bigint[]", vault.searched(wanted.member_id, single))
    for group in wanted.all_of:
        if len(group) != 1:
            add("tokens && {}::bigint[]", vault.searched(wanted.member_id, group))
    if wanted.ids is not None:
        add("resource_id = ANY({}::uuid[])", list(wanted.ids))
    if wanted.updated is not None:
        ranges = []
        for start, end in wanted.updated:
            ends = []
            for sign, moment in ((">=", start), ("<", end)):
                if moment is not None:
                    values.append(moment)
                    ends.append(f"updated_at {sign} ${len(values)}::timestamptz")
            ranges.append(f"({' AND '.join(ends) or 'true'})")
        conditions.append(f"({' OR '.join(ranges) or 'false'})")
    return " AND ".join(conditions), values
