"""A member's own resources for its reads and searches, and what these leave behind: two statements, whatever the number.

`each` gives with every resource the person it is about and a number for its line of the ledger; `leave` writes lines and
leaves in one statement, which a connection of `Database.singly` commits by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from hub.storage import access, audit
from hub.storage.access import Access
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, driver
from hub.storage.vault import Vault
from hub.storage.versions import Version

_EACH: Final = """
    -- each: of each that is named the version that is meant, the newest where no number is; nobody's but the member's
    SELECT n.place, r.id, r.type, r.member_id, r.record_key, v.version, r.version, v.deleted,
        CASE WHEN n.opened THEN v.body END, v.recorded_at, s.id IS NOT NULL, m.person_id, nextval('access_event_id_seq')
    FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::int[], $5::boolean[]) WITH ORDINALITY
        AS n(member_id, type, id, number, opened, place)
    JOIN resource r ON r.id = n.id AND r.member_id = n.member_id AND r.type = n.type
    JOIN resource_version v ON v.resource_id = r.id AND v.version = coalesce(n.number, r.version)
    LEFT JOIN source_record s ON s.resource_id = r.id
    LEFT JOIN membership m ON m.record_id = s.id"""

_LEAVE: Final = f"""
    -- leave: lines of the ledger under the numbers that `each` gave, and the leaves that bind them
    WITH noted AS (
        INSERT INTO access_event (id, actor, region, act, purpose, person_id, subject, fields, outcome, at)
        OVERRIDING SYSTEM VALUE
        SELECT id, actor, region, act, purpose, person_id, subject, string_to_array(fields, E'\\x1f'), outcome, at
        FROM unnest($7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::bytea[], $14::text[],
            $15::text[], $16::timestamptz[])
            AS e(id, actor, region, act, purpose, person_id, subject, fields, outcome, at))
    {audit.APPEND}"""  # noqa: S608 - our own


@dataclass(frozen=True, slots=True)
class Named:
    """A resource of a member's, by type and id: its newest version where no `number` is given, its body where `opened`."""

    member_id: int
    type: str
    id: UUID
    number: int | None = None
    opened: bool = True


class Seen(NamedTuple):
    """What a name leads to. `person_id` is whom a record of a person belongs to; `line` is a number nobody else is given."""

    version: Version
    is_record: bool
    person_id: UUID | None
    line: int


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


async def leave(
    connection: AsyncConnection, vault: Vault, lines: Sequence[tuple[int, Access]], acts: Sequence[Act]
) -> None:
    """Write lines (number, what it says) and a leaf for each act: all of it or nothing.

    None is written like some: how long it takes does not tell whether there was anybody.
    """
    numbers = [number for number, _ in lines]
    _, leaves = audit.columns(vault, acts)
    await driver(connection).execute(_LEAVE, *leaves, numbers, *access.columns([event for _, event in lines]))
