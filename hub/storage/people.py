"""Source records, pair scores and persons: what linkage reads and writes, in bulk.

Everything here runs inside the act's transaction, under the locks of its blocking keys (`storage.blocking_keys`) and
`lock_records` (row locks in id order), so that concurrent arrivals of one person give one person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.database import copy_rows, driver, rows_of
from hub.storage.ids import new_ids
from hub.storage.linkage_models import OF_MODEL_IN_FORCE
from hub.storage.tables import membership, source_record
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to be compared: `features` are plain bytes."""

    resource_id: UUID
    version: int
    features: bytes
    live: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """A scored pair worth keeping, a < b."""

    a: int
    b: int
    weight: float
    probability: float
    decision: str
    vetoes: tuple[str, ...]
    levels: bytes


@dataclass(frozen=True, slots=True)
class Constraint:
    """A decision in force about a pair: kind MUST or CANNOT."""

    a: int
    b: int
    kind: str


@dataclass(frozen=True, slots=True)
class RecordInfo:
    """Where a record comes from and whom it belongs to now."""

    id: int
    resource_id: UUID
    member_id: int
    anchor: UUID
    person_id: UUID | None
    live: bool


async def members_of(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, int]:
    """The member that holds each of the records `ids`."""
    raw = driver(connection)
    rows = await raw.fetch("SELECT id, member_id FROM source_record WHERE id = ANY($1::bigint[])", list(ids))
    return {row["id"]: row["member_id"] for row in rows}


async def forget_pairs(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Drop the scores of the records `ids` under every model, before they are compared anew."""
    raw = driver(connection)
    await raw.execute("DELETE FROM pair_score WHERE a = ANY($1::bigint[])", list(ids))
    await raw.execute("DELETE FROM pair_score WHERE b = ANY($1::bigint[])", list(ids))


async def pairs_known(connection: AsyncConnection, ids: Sequence[int]) -> set[tuple[int, int]]:
    """Pairs with an end among the records `ids` that any model thought worth keeping."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- pairs_known: whatever model scored them
        SELECT a, b FROM pair_score WHERE a = ANY($1::bigint[])
        UNION
        SELECT a, b FROM pair_score WHERE b = ANY($1::bigint[])""",
        list(ids),
    )
    return {(row["a"], row["b"]) for row in rows}


async def lock_records(connection: AsyncConnection, ids: Iterable[int]) -> None:
    """Hold the rows of the records `ids`, in ascending order."""
    raw = driver(connection)
    await raw.execute(
        "SELECT id FROM source_record WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE", sorted(set(ids))
    )


async def put_records(
    connection: AsyncConnection, vault: Vault, member_id: int, records: Sequence[NewRecord], now: datetime
) -> list[int]:
    """Insert or replace records; answers their ids in order. The keys and scores of replaced records are gone."""
    raw = driver(connection)
    known = await records_of_resources(connection, [record.resource_id for record in records])
    replaced = [(known[record.resource_id], record) for record in records if record.resource_id in known]
    await _replace(connection, vault, replaced, now)
    fresh = [record for record in records if record.resource_id not in known]
    numbers = [
        row["id"]
        for row in await raw.fetch(
            "SELECT nextval('source_record_id_seq') AS id FROM generate_series(1, $1)", len(fresh)
        )
    ]
    await copy_rows(
        connection,
        "source_record",
        ("id", "resource_id", "member_id", "anchor", "features", "version", "live", "seen_at"),
        [
            (id_, r.resource_id, member_id, anchor, vault.seal(r.features), r.version, r.live, now)
            for id_, anchor, r in zip(numbers, new_ids(len(fresh)), fresh, strict=True)
        ],
    )
    by_resource = known | {record.resource_id: id_ for record, id_ in zip(fresh, numbers, strict=True)}
    return [by_resource[record.resource_id] for record in records]


async def _replace(
    connection: AsyncConnection, vault: Vault, replaced: Sequence[tuple[int, NewRecord]], now: datetime
) -> None:
    """What is known of records (id, record) changes; their keys and scores go."""
    if not replaced:
        return
    raw = driver(connection)
    ids = sorted(id_ for id_, _ in replaced)
    await raw.executemany(
        "UPDATE source_record SET features = $2, version = $3, live = $4, seen_at = $5 WHERE id = $1",
        # In ascending order, like every lock on records.
        [
            (id_, vault.seal(record.features), record.version, record.live, now)
            for id_, record in sorted(replaced, key=lambda pair: pair[0])
        ],
    )
    await raw.execute("DELETE FROM blocking_key WHERE record_id = ANY($1::bigint[])", ids)
    await forget_pairs(connection, ids)


async def features(connection: AsyncConnection, vault: Vault, ids: Iterable[int]) -> dict[int, bytes]:
    """The plain feature bytes of the records `ids`."""
    raw = driver(connection)
    rows = await raw.fetch("SELECT id, features FROM source_record WHERE id = ANY($1::bigint[])", list(ids))
    return {row["id"]: vault.open(row["features"]) for row in rows}


async def put_pairs(connection: AsyncConnection, model: int, pairs: Sequence[Pair]) -> None:
    """Store scores under a model, replacing older ones of the same pairs."""
    if not pairs:
        return
    raw = driver(connection)
    await raw.executemany(
        """
        INSERT INTO pair_score (a, b, weight, probability, decision, vetoes, levels, model)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (a, b, model) DO UPDATE SET weight = excluded.weight, probability = excluded.probability,
            decision = excluded.decision, vetoes = excluded.vetoes, levels = excluded.levels""",
        [(p.a, p.b, p.weight, p.probability, p.decision, list(p.vetoes), p.levels, model) for p in pairs],
    )


_NEIGHBOURS = f"""
    -- neighbours: what hangs together with the records $1 by automatic links, decisions or today's persons
    SELECT b AS id FROM pair_score WHERE model = {OF_MODEL_IN_FORCE} AND a = ANY($1::bigint[]) AND decision = 'auto'
    UNION ALL
    SELECT a FROM pair_score WHERE model = {OF_MODEL_IN_FORCE} AND b = ANY($1::bigint[]) AND decision = 'auto'
    UNION ALL SELECT b FROM link_constraint WHERE a = ANY($1::bigint[]) AND kind = 'MUST'
    UNION ALL SELECT a FROM link_constraint WHERE b = ANY($1::bigint[]) AND kind = 'MUST'
    UNION ALL SELECT record_id FROM membership WHERE person_id = ANY(ARRAY(
        -- persons first: joined record by record, one person's records would come as many times as there are of them
        SELECT DISTINCT person_id FROM membership WHERE record_id = ANY($1::bigint[])))"""  # noqa: S608


async def component(connection: AsyncConnection, ids: Iterable[int]) -> list[int]:
    """All records whose persons can depend on the records `ids`, ascending."""
    raw = driver(connection)
    reached = set(ids)
    edge = reached
    while edge:
        edge = {row["id"] for row in await raw.fetch(_NEIGHBOURS, list(edge))} - reached
        reached |= edge
    return sorted(reached)


_TOUCHING = f"""
    -- pairs_touching: scores with an end among the records
    SELECT a, b, weight, probability, decision, vetoes, levels FROM pair_score
    WHERE model = {OF_MODEL_IN_FORCE} AND a = ANY($1::bigint[])
    UNION
    SELECT a, b, weight, probability, decision, vetoes, levels FROM pair_score
    WHERE model = {OF_MODEL_IN_FORCE} AND b = ANY($1::bigint[])"""  # noqa: S608


async def pairs_touching(connection: AsyncConnection, ids: Sequence[int]) -> list[Pair]:
    """Scores under the model in force with at least one end among the records `ids`."""
    raw = driver(connection)
    rows = await raw.fetch(_TOUCHING, list(ids))
    return [
        Pair(r["a"], r["b"], r["weight"], r["probability"], r["decision"], tuple(r["vetoes"]), r["levels"])
        for r in rows
    ]


async def pair(connection: AsyncConnection, a: int, b: int) -> Pair | None:
    """The stored score of one pair."""
    return next((found for found in await pairs_touching(connection, [a]) if (found.a, found.b) == (a, b)), None)


async def constraints_touching(connection: AsyncConnection, ids: Sequence[int]) -> list[Constraint]:
    """Decisions in force with at least one end among the records `ids`."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- constraints_touching: MUST and CANNOT with an end among the records
        SELECT a, b, kind FROM link_constraint WHERE a = ANY($1::bigint[])
        UNION
        SELECT a, b, kind FROM link_constraint WHERE b = ANY($1::bigint[])""",
        list(ids),
    )
    return [Constraint(row["a"], row["b"], row["kind"]) for row in rows]


async def info(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, RecordInfo]:
    """Origin and present person of the records `ids`."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- info: records with their present person
        SELECT s.id, s.resource_id, s.member_id, s.anchor, s.live, m.person_id
        FROM source_record s LEFT JOIN membership m ON m.record_id = s.id WHERE s.id = ANY($1::bigint[])""",
        list(ids),
    )
    return {
        r["id"]: RecordInfo(r["id"], r["resource_id"], r["member_id"], r["anchor"], r["person_id"], r["live"])
        for r in rows
    }


async def records_of(connection: AsyncConnection, person_id: UUID) -> list[int]:
    """The records of one person, oldest first."""
    rows = await connection.execute(
        select(membership.c.record_id).where(membership.c.person_id == person_id).order_by(membership.c.record_id)
    )
    return [row.record_id for row in rows]


async def resolve(connection: AsyncConnection, person_id: UUID) -> UUID | None:
    """The person that an id, present or lost, stands for now: ids are lent by records, so none is ever dangling."""
    row = (
        await connection.execute(
            select(membership.c.person_id)
            .join(source_record, source_record.c.id == membership.c.record_id)
            .where(source_record.c.anchor == person_id)
        )
    ).one_or_none()
    return row.person_id if row else None


async def record_of_resource(connection: AsyncConnection, resource_id: UUID) -> int | None:
    """The record behind a Patient's resource."""
    return (await records_of_resources(connection, [resource_id])).get(resource_id)


async def records_of_resources(connection: AsyncConnection, resource_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The record of each of these resources that is about a person's identity."""
    rows = await driver(connection).fetch(
        "SELECT resource_id, id FROM source_record WHERE resource_id = ANY($1::uuid[]) ORDER BY id", list(resource_ids)
    )
    return {row["resource_id"]: row["id"] for row in rows}


_TELL = """
    -- tell: the event of some moves; where the moved records were until it is history
    WITH told AS (
        INSERT INTO person_event (cause, decision_seq, moves, at) VALUES ($1, $2, $3::jsonb, $4) RETURNING id),
    left_ AS (DELETE FROM membership WHERE record_id = ANY($5::bigint[]) RETURNING record_id, since, person_id),
    kept AS (
        INSERT INTO membership_history (record_id, from_event, to_event, person_id)
        SELECT record_id, since, told.id, person_id FROM left_, told)
    SELECT id FROM told"""


_TELL_NEW: Final = f"""
    -- tell new: the event of records that were nobody's, and whose they are now
    WITH told AS (
        INSERT INTO person_event (cause, decision_seq, moves, at) VALUES ($1, $2, $3::jsonb, $4) RETURNING id),
    put AS (
        INSERT INTO membership (record_id, person_id, since)
        SELECT record_id, person_id, told.id FROM {rows_of("bigint", "uuid", first=5)} AS m(record_id, person_id), told)
    SELECT id FROM told"""  # noqa: S608 - our own


async def move_records(
    connection: AsyncConnection,
    moves: Mapping[int, tuple[UUID | None, UUID]],
    *,
    cause: str,
    decision_seq: int | None,
    now: datetime,
) -> int:
    """Put records into persons ({record: (from, to)}), keep the history, tell it in one event; answers the event's id."""
    raw = driver(connection)
    listed = [[record, str(old) if old else None, str(new)] for record, (old, new) in sorted(moves.items())]
    moved = [record for record, (old, _) in moves.items() if old is not None]
    if not moved:
        records, persons = list(moves), [new for _, new in moves.values()]
        return int(
            await raw.fetchval(_TELL_NEW, cause, decision_seq, orjson.dumps(listed).decode(), now, records, persons)
        )
    event = int(await raw.fetchval(_TELL, cause, decision_seq, orjson.dumps(listed).decode(), now, moved))
    await copy_rows(
        connection,
        "membership",
        ("record_id", "person_id", "since"),
        [(record, new, event) for record, (_, new) in moves.items()],
    )
    return event


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """Records, live or not, and persons."""
    records = (await connection.execute(select(func.count()).select_from(source_record))).scalar_one()
    persons = (await connection.execute(select(func.count(membership.c.person_id.distinct())))).scalar_one()
    return {"records": int(records), "persons": int(persons)}


async def analyze(connection: AsyncConnection) -> None:
    """Refresh the planner's statistics after a bulk load."""
    for table in ("source_record", "blocking_key", "pair_score", "membership", "resource", "resource_identifier"):
        await connection.execute(text(f"ANALYZE {table}"))


async def records_behind(
    connection: AsyncConnection,
    cursor: int,
    last: int,
    limit: int,
    *,
    changed_since: datetime | None = None,
    also_dead: bool = False,
) -> list[int]:
    """Up to `limit` live record ids above `cursor`, not above `last`; of those changed after a time, if one is given.

    Records that are not live are among them when they are asked for.
    """
    wanted = [source_record.c.id > cursor, source_record.c.id <= last]
    if not also_dead:
        wanted.append(source_record.c.live)
    if changed_since is not None:
        wanted.append(source_record.c.seen_at > changed_since)
    rows = await connection.execute(select(source_record.c.id).where(*wanted).order_by(source_record.c.id).limit(limit))
    return [row.id for row in rows]
