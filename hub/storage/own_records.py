"""A member's own resources for its reads and searches: one statement, whatever the number.

`each` and `few` give with every record of a person whom it belongs to and a number for its line of the ledger, which
`access.leave` writes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from hub.storage.access import NUMBER
from hub.storage.database import AsyncConnection, driver, rows_of
from hub.storage.search_index import Wanted
from hub.storage.vault import Vault
from hub.storage.versions import Version

_EACH: Final = f"""
    -- each: of each that is named the version that is meant, the newest where no number is; nobody's but the member's.
    -- One after the other (OFFSET 0), whatever the planner believes: while tables are new it takes them for empty
    SELECT n.place, r.id, r.type, r.member_id, r.record_key, v.version, r.version, v.deleted,
        CASE WHEN n.opened THEN v.body END, v.recorded_at,
        m.person_id, CASE WHEN s.id IS NOT NULL THEN {NUMBER} END
    FROM {rows_of("bigint", "text", "uuid", "int", "boolean")} WITH ORDINALITY
        AS n(member_id, type, id, number, opened, place)
    CROSS JOIN LATERAL (SELECT * FROM resource WHERE id = n.id OFFSET 0) r
    CROSS JOIN LATERAL (
        SELECT * FROM resource_version WHERE resource_id = r.id AND version = coalesce(n.number, r.version) OFFSET 0) v
    LEFT JOIN LATERAL (SELECT id FROM source_record WHERE resource_id = r.id OFFSET 0) s ON true
    LEFT JOIN LATERAL (SELECT person_id FROM membership WHERE record_id = s.id OFFSET 0) m ON true
    WHERE r.member_id = n.member_id AND r.type = n.type"""  # noqa: S608 - our own

FEW: Final = 50
"""Resources that are given at once for one search, and ..."""
MOST_BYTES: Final = 2**20
"""... of all their bodies together, in bytes."""
_MOST_TEXTS: Final = 1_000

_FEW: Final = f"""
    -- few: of each search what may be meant; without bodies where it is too much for one of many
    WITH found AS MATERIALIZED (
        SELECT w.place, w.member_id, ARRAY(
            SELECT s.resource_id FROM resource_search s
            WHERE s.tokens @> w.every::bigint[] AND s.tokens && w.one::bigint[] AND s.tokens && w.other::bigint[]
                AND s.member_id = w.member_id AND s.type = w.type LIMIT {FEW + 1}) AS ids
        FROM {rows_of("bigint", "text", "text", "text", "text")} WITH ORDINALITY
            AS w(member_id, type, every, one, other, place)),
    met AS (
        SELECT f.place, r.id, r.type, r.member_id, r.record_key, v.version, v.version AS newest, r.deleted, v.body,
            v.recorded_at, sum(octet_length(v.body)) OVER (PARTITION BY f.place) AS size
        FROM found f CROSS JOIN LATERAL unnest(CASE WHEN cardinality(f.ids) <= {FEW} THEN f.ids END) AS i(id)
        JOIN LATERAL (SELECT * FROM resource WHERE id = i.id OFFSET 0) r ON r.member_id = f.member_id AND NOT r.deleted
        CROSS JOIN LATERAL (
            SELECT * FROM resource_version WHERE resource_id = r.id AND version = r.version OFFSET 0) v)
    SELECT f.place, m.id, m.type, m.member_id, m.record_key, m.version, m.newest, m.deleted,
        CASE WHEN m.size <= $6 THEN m.body END, m.recorded_at,
        p.person_id, CASE WHEN s.id IS NOT NULL THEN {NUMBER} END,
        cardinality(f.ids) > {FEW} OR m.size > $6
    FROM found f LEFT JOIN met m ON m.place = f.place
    LEFT JOIN LATERAL (SELECT id FROM source_record WHERE resource_id = m.id OFFSET 0) s ON true
    LEFT JOIN LATERAL (SELECT person_id FROM membership WHERE record_id = s.id OFFSET 0) p ON true
    ORDER BY f.place, m.id"""  # noqa: S608 - our own


@dataclass(frozen=True, slots=True)
class Named:
    """A resource of a member's, by type and id: its newest version where no `number` is given, its body where `opened`."""

    member_id: int
    type: str
    id: UUID
    number: int | None = None
    opened: bool = True


class Seen(NamedTuple):
    """A resource. `person_id` is whom a record of a person belongs to, `line` a number of the ledger for it alone."""

    version: Version
    person_id: UUID | None
    line: int | None


async def each(connection: AsyncConnection, vault: Vault, named: Sequence[Named]) -> list[Seen | None]:
    """What each of `named` leads to, in order; None for what is not there, or is not the member's."""
    found: list[Seen | None] = [None] * len(named)
    columns = [[getattr(one, name) for one in named] for name in Named.__slots__]
    for row in await driver(connection).fetch(_EACH, *columns):
        found[row[0] - 1] = Seen(version_of(vault, row), *row[10:])
    return found


def version_of(vault: Vault, row: Any) -> Version:
    """The version in a row of `each`; its body is empty where it was not to be opened."""
    body = b"" if row[7] or row[8] is None else vault.open(row[8])
    return Version(row[1], row[2], row[3], row[4], row[5], row[6], row[7], body, row[9])


def can_be_few(wanted: Wanted) -> bool:
    """Is it found by texts alone, and not by too many?"""
    by_texts = bool(wanted.all_of) and wanted.ids is None and wanted.updated is None
    return by_texts and sum(map(len, wanted.all_of)) <= _MOST_TEXTS


async def few(connection: AsyncConnection, vault: Vault, wanted: Sequence[Wanted]) -> list[list[Seen] | None]:
    """What may be meant by each of `wanted` (`can_be_few`), the oldest first; None where that is too much.

    Of several groups of texts two are looked for; whoever asks has to compare what is found anyway.
    """
    columns: list[list[Any]] = [[one.member_id for one in wanted], [one.type for one in wanted], [], [], []]
    for one in wanted:
        every = [text for group in one.all_of if len(group) == 1 for text in group]
        several: Sequence[Collection[str]] = sorted((group for group in one.all_of if len(group) != 1), key=len)[:2]
        some = several or [every]
        for column, texts in zip(columns[2:], (every, some[0], some[-1]), strict=True):
            column.append(f"{{{','.join(map(str, vault.searched(one.member_id, texts)))}}}")
    found: list[list[Seen] | None] = [[] for _ in wanted]
    for row in await driver(connection).fetch(_FEW, *columns, MOST_BYTES):
        at = row[0] - 1
        if row[12]:
            found[at] = None
        elif (so_far := found[at]) is not None and row[1] is not None:
            so_far.append(Seen(version_of(vault, row), *row[10:12]))
    return found
