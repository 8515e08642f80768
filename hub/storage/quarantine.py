"""Rows that could not be translated, kept with their original text until a mapping can read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import quarantined_row, submission
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Held:
    """One row: `original` is the row as JSON bytes (mappings.Row)."""

    row: int
    original: bytes
    codes: tuple[str, ...]


async def hold(
    connection: AsyncConnection,
    vault: Vault,
    submission_id: UUID,
    mapping: str,
    digest: str,
    rows: Sequence[Held],
    now: datetime,
) -> None:
    """Keep rows; a row held before (replayed in vain) keeps its place with the newer reasons."""
    if not rows:
        return
    statement = upsert(quarantined_row)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["submission_id", "row"],
            set_={
                "mapping": statement.excluded.mapping,
                "mapping_digest": statement.excluded.mapping_digest,
                "codes": statement.excluded.codes,
            },
        ),
        [
            {
                "submission_id": submission_id,
                "row": held.row,
                "mapping": mapping,
                "mapping_digest": digest,
                "original": vault.seal(held.original),
                "codes": ",".join(held.codes),
                "at": now,
            }
            for held in rows
        ],
    )


async def held_by(
    connection: AsyncConnection, vault: Vault, submission_id: UUID, *, after: int, limit: int
) -> list[Held]:
    """Held rows of a submission behind row `after` that could still be translated, in order."""
    rows = await connection.execute(
        select(quarantined_row)
        .where(
            quarantined_row.c.submission_id == submission_id,
            quarantined_row.c.state == "held",
            quarantined_row.c.row > after,
            ~quarantined_row.c.codes.contains("forbidden-content"),
        )
        .order_by(quarantined_row.c.row)
        .limit(limit)
    )
    return [Held(row.row, vault.open(row.original), tuple(row.codes.split(","))) for row in rows]


async def held_rows(connection: AsyncConnection, submission_id: UUID) -> dict[int, tuple[str, ...]]:
    """Number of each held row of a submission → why, those too that can never be translated."""
    rows = await connection.execute(
        select(quarantined_row.c.row, quarantined_row.c.codes).where(
            quarantined_row.c.submission_id == submission_id, quarantined_row.c.state == "held"
        )
    )
    return {row.row: tuple(row.codes.split(",")) for row in rows}


async def release(connection: AsyncConnection, submission_id: UUID, rows: Sequence[int], now: datetime) -> None:
    """These rows were translated after all."""
    await connection.execute(
        update(quarantined_row)
        .where(quarantined_row.c.submission_id == submission_id, quarantined_row.c.row.in_(list(rows)))
        .values(state="released", released_at=now)
    )


async def waiting(connection: AsyncConnection, mapping_prefix: str) -> list[UUID]:
    """Submissions, worked through to their end, with held rows of mappings whose name begins so."""
    rows = await connection.execute(
        select(quarantined_row.c.submission_id)
        .join(submission, submission.c.id == quarantined_row.c.submission_id)
        .where(
            quarantined_row.c.state == "held",
            quarantined_row.c.mapping.startswith(mapping_prefix),
            submission.c.state.in_(["PROCESSED", "BUSINESS_ERROR"]),
        )
        .distinct()
    )
    return [row.submission_id for row in rows]


@dataclass(frozen=True, slots=True)
class Group:
    """Held rows of one mapping and first reason: in how many documents they are, and since when the oldest is held."""

    mapping: str
    code: str
    rows: int
    documents: int
    since: datetime


async def groups(connection: AsyncConnection) -> list[Group]:
    """All that is held, by mapping and first reason."""
    first = func.split_part(quarantined_row.c.codes, ",", 1).label("code")
    rows = await connection.execute(
        select(
            quarantined_row.c.mapping,
            first,
            func.count().label("rows"),
            func.count(quarantined_row.c.submission_id.distinct()).label("documents"),
            func.min(quarantined_row.c.at).label("since"),
        )
        .where(quarantined_row.c.state == "held")
        .group_by(quarantined_row.c.mapping, first)
        .order_by(quarantined_row.c.mapping, first)
    )
    return [Group(row.mapping, row.code, row.rows, row.documents, row.since) for row in rows]


async def totals(connection: AsyncConnection) -> dict[str, int]:
    """Held rows by their first reason."""
    first = func.split_part(quarantined_row.c.codes, ",", 1)
    rows = await connection.execute(
        select(first, func.count()).where(quarantined_row.c.state == "held").group_by(first)
    )
    return {code: int(number) for code, number in rows}
