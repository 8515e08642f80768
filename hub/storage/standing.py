"""Everybody at once, for a change of the linkage model: persons, links and tasks as they stand and as they would.

Records by the million are read as plain columns of ids, which the caller may hold; features are not read here.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.database import driver
from hub.storage.linkage_models import OF_MODEL_IN_FORCE

Ids: TypeAlias = "array[int]"
"""Signed 64-bit numbers."""
_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Task:
    """A review task that a model asks for: `members` hold the records a and b."""

    a: int
    b: int
    reason: str
    weight: float
    members: tuple[int, int]


async def _columns(connection: AsyncConnection, query: str, *values: Any) -> tuple[Ids, Ids]:
    """The two columns of ids that the query gives, without a row for each in memory."""
    raw = driver(connection)
    first, second = array("q"), array("q")
    async for one, other in raw.cursor(query, *values, prefetch=_AT_ONCE):
        first.append(one)
        second.append(other)
    return first, second


async def look_at_one_moment(connection: AsyncConnection) -> None:
    """All that this transaction reads is of one moment, whatever others do; before its first query."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def take_room(connection: AsyncConnection) -> None:
    """Let this transaction sort and join everybody in memory; others wait for it."""
    await connection.execute(text("SET LOCAL work_mem = '64MB'"))


async def persons(connection: AsyncConnection) -> tuple[Ids, Ids]:
    """Every record, in no order, and the oldest record of its person."""
    return await _columns(
        connection,
        """
        -- persons: everybody, persons named by their oldest records
        SELECT m.record_id, p.oldest FROM membership m
        JOIN (SELECT person_id, min(record_id) AS oldest FROM membership GROUP BY person_id) p USING (person_id)""",
    )


async def links(connection: AsyncConnection, model: int) -> tuple[Ids, Ids]:
    """The pairs that a model would link by itself."""
    return await _columns(connection, "SELECT a, b FROM pair_score WHERE model = $1 AND decision = 'auto'", model)


async def links_from(connection: AsyncConnection, model: int, ids: Sequence[int]) -> list[tuple[int, int, float]]:
    """(a, b, weight) of the links whose first record is among `ids`."""
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- links_from: what a model links by itself
        SELECT a, b, weight FROM pair_score WHERE model = $1 AND decision = 'auto' AND a = ANY($2::bigint[])""",
        model,
        list(ids),
    )
    return [(row["a"], row["b"], row["weight"]) for row in rows]


async def decided(connection: AsyncConnection, kind: str) -> tuple[Ids, Ids]:
    """The pairs about which people decided MUST or CANNOT."""
    return await _columns(connection, "SELECT a, b FROM link_constraint WHERE kind = $1 ORDER BY a, b", kind)


async def scored_among_must(connection: AsyncConnection, model: int) -> set[tuple[int, int]]:
    """The pairs decided MUST that a model does not hold for plainly different."""
    rows = await connection.execute(
        text("""
            -- scored_among_must: decisions that a model does not speak against
            SELECT c.a, c.b FROM link_constraint c
            JOIN pair_score p ON p.model = :model AND p.a = c.a AND p.b = c.b WHERE c.kind = 'MUST'"""),
        {"model": model},
    )
    return {(row.a, row.b) for row in rows}


_WANTED = """
    moved AS (SELECT * FROM unnest($2::bigint[], $3::uuid[]) AS m(record_id, person_id)),
    placed AS (
        SELECT m.record_id, coalesce(n.person_id, m.person_id) AS person_id
        FROM membership m LEFT JOIN moved n USING (record_id)),
    apart AS (
        SELECT DISTINCT least(x.person_id, y.person_id) AS one, greatest(x.person_id, y.person_id) AS other
        FROM link_constraint c JOIN placed x ON x.record_id = c.a JOIN placed y ON y.record_id = c.b
        WHERE c.kind = 'CANNOT'),
    wanted AS (
        SELECT DISTINCT ON (least(x.person_id, y.person_id), greatest(x.person_id, y.person_id)) p.a, p.b, p.weight,
            coalesce(p.vetoes[1], CASE p.decision WHEN 'review' THEN 'uncertain' ELSE 'contradiction' END) AS reason
        FROM pair_score p JOIN placed x ON x.record_id = p.a JOIN placed y ON y.record_id = p.b
        WHERE p.model = $1 AND x.person_id <> y.person_id AND NOT EXISTS (
            SELECT 1 FROM apart WHERE one = least(x.person_id, y.person_id) AND other = greatest(x.person_id, y.person_id))
        ORDER BY least(x.person_id, y.person_id), greatest(x.person_id, y.person_id), p.weight DESC, p.a, p.b)"""
"""One task for any two persons that may be one under the model $1, once the records $2 are in the persons $3."""


async def tasks(
    connection: AsyncConnection, model: int, moves: Mapping[int, UUID]
) -> tuple[list[Task], list[tuple[int, int]]]:
    """Tasks to open, which are not there or withdrawn, and open ones to withdraw; in the order of their records.

    What calls a decision or a link into question is not withdrawn: no model has asked it.
    """
    raw = driver(connection)
    rows = await raw.fetch(
        f"""
        -- tasks: what a model asks people about and nobody is asked yet, and what it does not ask
        WITH {_WANTED}
        SELECT coalesce(w.a, t.a) AS a, coalesce(w.b, t.b) AS b, w.reason, w.weight,
            (SELECT member_id FROM source_record WHERE id = w.a) AS one,
            (SELECT member_id FROM source_record WHERE id = w.b) AS other
        FROM wanted w FULL JOIN review_task t ON t.a = w.a AND t.b = w.b
        WHERE CASE WHEN w.a IS NULL THEN t.state IN ('REVIEW', 'DEFERRED') AND t.reopened_seq IS NULL
            ELSE coalesce(t.state, 'WITHDRAWN') = 'WITHDRAWN' END
        ORDER BY 1, 2""",  # noqa: S608
        model,
        list(moves),
        list(moves.values()),
    )
    opened = [Task(r["a"], r["b"], r["reason"], r["weight"], (r["one"], r["other"])) for r in rows if r["reason"]]
    return opened, [(row["a"], row["b"]) for row in rows if not row["reason"]]


async def weigh_tasks(connection: AsyncConnection) -> None:
    """Give open tasks the weight of the model in force, and those that a model asks its reason; who has one open sees
    it anew.
    """
    await connection.execute(
        text(f"""
            -- weigh_tasks: open tasks as the model in force sees them
            UPDATE review_task t SET weight = p.weight, version = t.version + 1, reason =
                CASE WHEN t.reopened_seq IS NOT NULL THEN t.reason ELSE
                coalesce(p.vetoes[1], CASE p.decision WHEN 'review' THEN 'uncertain' ELSE 'contradiction' END) END
            FROM pair_score p WHERE p.model = {OF_MODEL_IN_FORCE} AND p.a = t.a AND p.b = t.b
              AND t.state IN ('REVIEW', 'DEFERRED') AND t.weight <> p.weight""")  # noqa: S608
    )


async def score_counts(connection: AsyncConnection, model: int) -> dict[str, int]:
    """How many pairs a model would link by itself, and how many it would ask people about."""
    rows = await connection.execute(
        text("SELECT decision, count(*) AS number FROM pair_score WHERE model = :model GROUP BY decision"),
        {"model": model},
    )
    return {row.decision: int(row.number) for row in rows}
