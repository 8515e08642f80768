"""Persons as HAPI's MDM tells them: links between a golden resource (our person) and a source (our record), a page at a time.

MATCH is a membership; NO_MATCH a decision in force that keeps two records apart; POSSIBLE_MATCH and POSSIBLE_DUPLICATE are
conflicts that wait for a decision. A golden resource has the id of the person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.linkage_models import OF_MODEL_IN_FORCE

SORTS: Final = {
    "goldenResourceId": "golden",
    "sourceResourceId": "source",
    "myMatchResult": "result",
    "myLinkSource": "link_source",
    "myScore": "score",
    "myCreated": "created_at",
    "myUpdated": "updated_at",
}
"""Names of HAPI's MdmLink properties, and what they sort by here."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; None is all. `visible` are the members whose records the caller may see."""

    visible: tuple[int, ...] | None
    golden: UUID | None = None
    source: UUID | None = None
    result: str | None = None
    link_source: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `source` is a record's resource, or a person for POSSIBLE_DUPLICATE; `records` are those it shows."""

    golden: UUID
    source: UUID
    result: str
    link_source: str
    score: float
    created: bool
    created_at: datetime
    updated_at: datetime
    records: tuple[int, ...]


_LINKS = """
    -- mdm links: memberships, decisions that keep apart, and open conflicts as possible matches or duplicates
    WITH seen AS NOT MATERIALIZED (
        SELECT s.id, s.resource_id, s.member_id, s.anchor, m.person_id, m.since, s.seen_at
        FROM source_record s JOIN membership m ON m.record_id = s.id
    ), open_task AS (
        SELECT t.*, a.person_id AS person_a, b.person_id AS person_b, b.resource_id AS resource_b
        FROM review_task t JOIN seen a ON a.id = t.a JOIN seen b ON b.id = t.b
        WHERE t.state IN ('REVIEW', 'DEFERRED') AND (CAST(:visible AS bigint[]) IS NULL OR t.member_ids && :visible)
    ), link AS (
        SELECT s.person_id AS golden, s.resource_id AS source, 'MATCH' AS result,
               CASE WHEN EXISTS (SELECT 1 FROM link_constraint c WHERE c.kind = 'MUST' AND (c.a = s.id OR c.b = s.id))
                    THEN 'MANUAL' ELSE 'AUTO' END AS link_source,
               COALESCE((SELECT max(p.probability) FROM pair_score p JOIN membership o
                         ON o.record_id = CASE WHEN p.a = s.id THEN p.b ELSE p.a END AND o.person_id = s.person_id
                         WHERE p.model = {model} AND (p.a = s.id OR p.b = s.id)), 1) AS score,
               s.anchor = s.person_id AS created, e.at AS created_at, e.at AS updated_at, ARRAY[s.id] AS records
        FROM seen s JOIN person_event e ON e.id = s.since
        WHERE CAST(:visible AS bigint[]) IS NULL OR s.member_id = ANY(:visible)
        UNION ALL
        SELECT a.person_id, b.resource_id, 'NO_MATCH', 'MANUAL', COALESCE(p.probability, 0), false,
               d.valid_from, d.valid_from, ARRAY[a.id, b.id]
        FROM link_constraint c JOIN seen a ON a.id = c.a JOIN seen b ON b.id = c.b
        JOIN decision_event d ON d.seq = c.seq LEFT JOIN pair_score p ON p.model = {model} AND p.a = c.a AND p.b = c.b
        WHERE c.kind = 'CANNOT' AND (CAST(:visible AS bigint[]) IS NULL OR a.member_id = ANY(:visible) OR b.member_id = ANY(:visible))
        UNION ALL
        SELECT person_a, resource_b, 'POSSIBLE_MATCH', 'AUTO', COALESCE(p.probability, 0), false, opened_at, opened_at,
               ARRAY[t.a, t.b]
        FROM open_task t LEFT JOIN pair_score p ON p.model = {model} AND p.a = t.a AND p.b = t.b
        UNION ALL
        SELECT person_a, person_b, 'POSSIBLE_DUPLICATE', 'AUTO', COALESCE(p.probability, 0), false, opened_at, opened_at,
               ARRAY[t.a, t.b]
        FROM open_task t LEFT JOIN pair_score p ON p.model = {model} AND p.a = t.a AND p.b = t.b
        WHERE CAST(:result AS text) = 'POSSIBLE_DUPLICATE' AND person_a <> person_b
    )
    SELECT * FROM link WHERE {conditions} ORDER BY {order} golden, source, result LIMIT :limit OFFSET :offset"""
_CHOICES = ("golden", "source", "result", "link_source")


async def links(
    connection: AsyncConnection, wanted: Wanted, *, sort: Sequence[tuple[str, bool]] = (), limit: int, offset: int
) -> list[Link]:
    """A page of links, sorted by (a name of `SORTS`, falling?) and then by the ids."""
    order = "".join(f"{SORTS[name]} {'DESC' if falling else 'ASC'}, " for name, falling in sort)
    # Only what is asked for is a condition: each then reaches the index that answers it.
    chosen = {name: value for name in _CHOICES if (value := getattr(wanted, name)) is not None}
    conditions = " AND ".join(f"{name} = :{name}" for name in chosen) or "true"
    visible = list(wanted.visible) if wanted.visible is not None else None
    values = {"visible": visible, "result": wanted.result, **chosen, "limit": limit, "offset": offset}
    rows = await connection.execute(
        text(_LINKS.format(order=order, conditions=conditions, model=OF_MODEL_IN_FORCE)), values
    )
    return [
        Link(
            row.golden,
            row.source,
            row.result,
            row.link_source,
            round(float(row.score), 4),
            row.created,
            row.created_at,
            row.updated_at,
            tuple(row.records),
        )
        for row in rows
    ]


_HISTORY = text("""
    -- history: each time a record came to a person (MATCH) or left it (NO_MATCH), the newest first
    WITH wanted AS (
        SELECT id, resource_id, anchor FROM source_record s
        WHERE (CAST(:visible AS bigint[]) IS NULL OR s.member_id = ANY(:visible))
    ), stay AS (
        SELECT record_id, person_id, since AS from_event, CAST(NULL AS bigint) AS to_event FROM membership
        UNION ALL SELECT record_id, person_id, from_event, to_event FROM membership_history
    ), change AS (
        SELECT record_id, person_id, from_event AS event, 'MATCH' AS result FROM stay
        UNION ALL SELECT record_id, person_id, to_event, 'NO_MATCH' FROM stay WHERE to_event IS NOT NULL
    )
    SELECT c.person_id AS golden, w.resource_id AS source, c.result,
           CASE WHEN e.cause = 'decision' THEN 'MANUAL' ELSE 'AUTO' END AS link_source, w.anchor = c.person_id AS created,
           e.at, w.id AS record_id
    FROM change c JOIN wanted w ON w.id = c.record_id JOIN person_event e ON e.id = c.event
    WHERE w.resource_id = ANY(CAST(:sources AS uuid[])) OR c.person_id = ANY(CAST(:goldens AS uuid[]))
    ORDER BY c.event DESC, w.id, c.result LIMIT :limit""")


async def history(
    connection: AsyncConnection,
    visible: tuple[int, ...] | None,
    *,
    goldens: Sequence[UUID],
    sources: Sequence[UUID],
    limit: int,
) -> list[Link]:
    """What changed between these persons and records, the newest first, each change once."""
    values = {
        "visible": list(visible) if visible is not None else None,
        "goldens": list(goldens),
        "sources": list(sources),
        "limit": limit,
    }
    return [
        Link(row.golden, row.source, row.result, row.link_source, 1.0, row.created, row.at, row.at, (row.record_id,))
        for row in await connection.execute(_HISTORY, values)
    ]
