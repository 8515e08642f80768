"""Profiles of what linkage sees, measured every week; the newest 104 are kept (storage.retention)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.database import driver
from hub.storage.ids import new_id
from hub.storage.linkage_models import OF_MODEL_IN_FORCE
from hub.storage.tables import drift_profile


@dataclass(frozen=True, slots=True)
class Measured:
    """One profile as it is kept, and what had moved by then."""

    id: UUID
    model: str
    profile: dict[str, Any]
    findings: list[dict[str, Any]]
    measured_at: datetime


async def weights(connection: AsyncConnection, edges: Sequence[float]) -> list[int]:
    """Scored pairs by weight: below the first edge, between each two, above the last."""
    raw = driver(connection)
    rows = await raw.fetch(
        f"""
        -- weights: scored pairs by bin of weight
        SELECT width_bucket(weight::float8, $1::float8[]) AS bin, count(*) AS number FROM pair_score
        WHERE model = {OF_MODEL_IN_FORCE} GROUP BY bin""",  # noqa: S608 - own text
        list(edges),
    )
    found = {row["bin"]: int(row["number"]) for row in rows}
    return [found.get(at, 0) for at in range(len(edges) + 1)]


async def missing(connection: AsyncConnection, fields: Sequence[str]) -> dict[str, int]:
    """For each field, in the order of a score's levels, the pairs in which it says nothing."""
    sums = ", ".join(f"count(*) FILTER (WHERE get_byte(levels, {at}) = 0)" for at in range(len(fields)))
    row = (
        await connection.execute(
            text(f"SELECT {sums} FROM pair_score WHERE model = {OF_MODEL_IN_FORCE} AND length(levels) = :width"),  # noqa: S608
            {"width": len(fields)},
        )
    ).one()
    return {field: int(number) for field, number in zip(fields, row, strict=True)}


async def outcomes(connection: AsyncConnection) -> dict[int, tuple[int, int, int]]:
    """Of each member the live records that are linked by themselves, only wait for a person, are alone."""
    rows = await connection.execute(
        text(f"""
            -- outcomes: live records of each member by the best pair they have
            SELECT s.member_id, count(*) FILTER (WHERE best = 2) AS auto, count(*) FILTER (WHERE best = 1) AS review,
                   count(*) FILTER (WHERE best IS NULL) AS alone
            FROM source_record s LEFT JOIN (
                SELECT id, max(best) AS best FROM (
                    SELECT a AS id, CASE decision WHEN 'auto' THEN 2 ELSE 1 END AS best FROM pair_score
                    WHERE model = {OF_MODEL_IN_FORCE}
                    UNION ALL SELECT b, CASE decision WHEN 'auto' THEN 2 ELSE 1 END FROM pair_score
                    WHERE model = {OF_MODEL_IN_FORCE}) AS ends
                GROUP BY id) AS p USING (id)
            WHERE s.live GROUP BY s.member_id""")  # noqa: S608 - own text
    )
    return {row.member_id: (int(row.auto), int(row.review), int(row.alone)) for row in rows}


async def add(
    connection: AsyncConnection, model: str, profile: dict[str, Any], findings: list[dict[str, Any]], now: datetime
) -> None:
    """Keep a profile."""
    values = {"id": new_id(), "model": model, "profile": profile, "findings": findings, "measured_at": now}
    await connection.execute(insert(drift_profile).values(**values))


async def newest(connection: AsyncConnection) -> Measured | None:
    """The newest profile."""
    return await _one(connection, select(drift_profile).order_by(drift_profile.c.measured_at.desc()))


async def reference(connection: AsyncConnection, model: str, before: datetime) -> Measured | None:
    """What the present is held against: the newest profile of that model up to `before`, else its oldest."""
    own = select(drift_profile).where(drift_profile.c.model == model)
    old = own.where(drift_profile.c.measured_at <= before).order_by(drift_profile.c.measured_at.desc())
    return await _one(connection, old) or await _one(connection, own.order_by(drift_profile.c.measured_at))


async def _one(connection: AsyncConnection, statement: Any) -> Measured | None:
    row = (await connection.execute(statement.limit(1))).one_or_none()
    return Measured(**row._mapping) if row else None
