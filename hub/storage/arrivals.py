"""Records of people that come for the first time: numbered, with the person's id that each lends, in one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.storage.blocking_keys import locking
from hub.storage.database import AsyncConnection, driver, rows_of
from hub.storage.ids import new_ids
from hub.storage.people import NewRecord
from hub.storage.vault import Vault

_ADD: Final = f"""
    -- add: records of resources that have none, in their order
    WITH held AS MATERIALIZED {locking(3)}
    INSERT INTO source_record (resource_id, member_id, anchor, features, version, live, seen_at)
    SELECT resource_id, $1, anchor, features, version, live, $2
    FROM {rows_of("uuid", "uuid", "bytea", "int", "boolean", first=4)} WITH ORDINALITY
        AS r(resource_id, anchor, features, version, live, place), held ORDER BY place RETURNING id"""  # noqa: S608


async def add(
    connection: AsyncConnection,
    vault: Vault,
    member_id: int,
    records: Sequence[NewRecord],
    now: datetime,
    locked: Sequence[int],
) -> dict[int, UUID]:
    """Insert records of a member, with the stripes `locked` held; answers the ids they have and the ids of persons they
    lend, in order.
    """
    if not records:
        return {}
    anchors = new_ids(len(records))
    rows = await driver(connection).fetch(
        _ADD,
        member_id,
        now,
        locked,
        [one.resource_id for one in records],
        anchors,
        [vault.seal(one.features) for one in records],
        [one.version for one in records],
        [one.live for one in records],
    )
    return dict(zip(sorted(row[0] for row in rows), anchors, strict=True))
