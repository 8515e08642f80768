"""Audit samples: pairs drawn at random from strata of weight, judged blind; and what to draw them from.

A round's strata keep their populations as they were when it was drawn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.database import driver
from hub.storage.linkage_models import OF_MODEL_IN_FORCE
from hub.storage.tables import sample_pair, sample_round


@dataclass(frozen=True, slots=True)
class Band:
    """One stratum: pairs of a zone (auto, review, near) with weights from `low` up to `high`."""

    zone: str
    low: float | None
    high: float | None
    population: float = 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """One round of sampling."""

    id: UUID
    model: str
    drawn_by: str
    strata: tuple[Band, ...]
    drawn_at: datetime


@dataclass(frozen=True, slots=True)
class Sampled:
    """One pair of a round. `answer` is same, different or unsure; None while nobody judged it."""

    id: UUID
    round_id: UUID
    stratum: int
    a: int
    b: int
    member_ids: tuple[int, ...]
    answer: str | None
    answered_by: str | None


def _round(row: Any) -> Round:
    return Round(row.id, row.model, row.drawn_by, tuple(Band(**band) for band in row.strata), row.drawn_at)


def _sampled(row: Any) -> Sampled:
    return Sampled(row.id, row.round_id, row.stratum, row.a, row.b, tuple(row.member_ids), row.answer, row.answered_by)


async def draw_stored(
    connection: AsyncConnection, band: Band, limit: int
) -> tuple[int, list[tuple[int, int, tuple[int, int]]]]:
    """How many scored pairs are in the band, and some of them at random with their members."""
    where = "p.decision = $1 AND ($2::real IS NULL OR p.weight >= $2) AND ($3::real IS NULL OR p.weight < $3)"
    raw = driver(connection)
    values = (band.zone, band.low, band.high)
    number = await raw.fetchval(
        f"SELECT count(*) FROM pair_score p WHERE p.model = {OF_MODEL_IN_FORCE} AND {where}",  # noqa: S608 - own text
        *values,
    )
    rows = await raw.fetch(
        f"""
        -- draw_stored: pairs of a band at random
        SELECT p.a, p.b, s.member_id AS one, o.member_id AS other FROM
            (SELECT a, b FROM pair_score p WHERE p.model = {OF_MODEL_IN_FORCE} AND {where} ORDER BY random() LIMIT $4) AS p
        JOIN source_record s ON s.id = p.a JOIN source_record o ON o.id = p.b""",  # noqa: S608
        *values,
        limit,
    )
    return int(number), [(r["a"], r["b"], (r["one"], r["other"])) for r in rows]


async def draw_records(connection: AsyncConnection, limit: int) -> tuple[int, dict[int, tuple[int, ...]]]:
    """How many live records there are, and some of them at random with their blocking keys."""
    number = (await connection.execute(text("SELECT count(*) FROM source_record WHERE live"))).scalar_one()
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- draw_records: live records at random with what they can be found by
        SELECT r.id, array_agg(k.key) AS keys FROM
            (SELECT id FROM source_record WHERE live ORDER BY random() LIMIT $1) AS r
        JOIN blocking_key k ON k.record_id = r.id GROUP BY r.id""",
        limit,
    )
    return int(number), {r["id"]: tuple(r["keys"]) for r in rows}


async def add_round(
    connection: AsyncConnection, drawn: Round, pairs: Iterable[tuple[UUID, int, int, int, Sequence[int]]]
) -> None:
    """Store a round with its pairs (id, stratum, a, b, members), in the order given."""
    strata = [{"zone": b.zone, "low": b.low, "high": b.high, "population": b.population} for b in drawn.strata]
    await connection.execute(
        insert(sample_round).values(
            id=drawn.id, model=drawn.model, drawn_by=drawn.drawn_by, strata=strata, drawn_at=drawn.drawn_at
        )
    )
    rows = [
        {
            "id": id_,
            "round_id": drawn.id,
            "stratum": stratum,
            "a": a,
            "b": b,
            "member_ids": sorted(set(ids)),
            "place": at,
        }
        for at, (id_, stratum, a, b, ids) in enumerate(pairs)
    ]
    if rows:
        await connection.execute(insert(sample_pair), rows)


async def rounds(connection: AsyncConnection, limit: int) -> list[Round]:
    """The newest rounds."""
    rows = await connection.execute(
        select(sample_round).order_by(sample_round.c.drawn_at.desc(), sample_round.c.id).limit(limit)
    )
    return [_round(row) for row in rows]


async def judged(connection: AsyncConnection, round_id: UUID) -> dict[tuple[int, str | None], int]:
    """How many pairs of a round have which answer, by stratum."""
    rows = await connection.execute(
        select(sample_pair.c.stratum, sample_pair.c.answer, func.count())
        .where(sample_pair.c.round_id == round_id)
        .group_by(sample_pair.c.stratum, sample_pair.c.answer)
    )
    return {(stratum, answer): int(number) for stratum, answer, number in rows}


def _visible(member_ids: Sequence[int] | None) -> Any:
    return text("true") if member_ids is None else sample_pair.c.member_ids.overlap(list(member_ids))


async def waiting(
    connection: AsyncConnection, round_id: UUID, member_ids: Sequence[int] | None
) -> tuple[int, UUID | None]:
    """How many pairs of the round wait for these members' stewards, and the first of them."""
    open_ = (sample_pair.c.round_id == round_id, sample_pair.c.answer.is_(None), _visible(member_ids))
    number = await connection.execute(select(func.count()).select_from(sample_pair).where(*open_))
    first = await connection.execute(select(sample_pair.c.id).where(*open_).order_by(sample_pair.c.place).limit(1))
    return int(number.scalar_one()), first.scalar_one_or_none()


async def get(
    connection: AsyncConnection, id_: UUID, member_ids: Sequence[int] | None, *, lock: bool = False
) -> Sampled | None:
    """The pair, if these members may see it."""
    statement = select(sample_pair).where(sample_pair.c.id == id_, _visible(member_ids))
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return _sampled(row) if row else None


async def answer(connection: AsyncConnection, id_: UUID, answer_: str, by: str, now: datetime) -> None:
    """Note a judgement."""
    values = {"answer": answer_, "answered_by": by, "answered_at": now}
    await connection.execute(update(sample_pair).where(sample_pair.c.id == id_).values(**values))


async def answers(connection: AsyncConnection, limit: int) -> list[tuple[int, int, str, datetime]]:
    """The newest judgements that were sure: (a, b, same or different, when)."""
    rows = await connection.execute(
        select(sample_pair.c.a, sample_pair.c.b, sample_pair.c.answer, sample_pair.c.answered_at)
        .where(sample_pair.c.answer.in_(("same", "different")))
        .order_by(sample_pair.c.answered_at.desc(), sample_pair.c.id)
        .limit(limit)
    )
    return [(row.a, row.b, row.answer, row.answered_at) for row in rows]
