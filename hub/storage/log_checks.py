"""What verifying the audit log asks of the database, and the one head that is kept outside of it.

All questions are about one frozen moment. The head file holds the last checkpoint that this machine signed: whoever can
rewrite the whole database cannot rewrite that.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage import durable
from hub.storage.audit import Checkpoint
from hub.storage.tables import audit_leaf, audit_node, checkpoint

_HEAD = "log-head"


@dataclass(frozen=True, slots=True)
class Counts:
    """Sizes of the log's tables; `size` is one above the highest place."""

    size: int
    unplaced: int
    nodes: int
    checkpoints: int


async def freeze(connection: AsyncConnection) -> None:
    """Every later question of the transaction sees the same moment. Must come before the first."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def counts(connection: AsyncConnection) -> Counts:
    """How much there is to verify."""
    size, placed, every = (
        await connection.execute(
            select(
                func.coalesce(func.max(audit_leaf.c.tree_index) + 1, 0),
                func.count(audit_leaf.c.tree_index),
                func.count(),
            ).select_from(audit_leaf)
        )
    ).one()
    nodes = (await connection.execute(select(func.count()).select_from(audit_node))).scalar_one()
    signed = (await connection.execute(select(func.count()).select_from(checkpoint))).scalar_one()
    return Counts(int(size), int(every - placed), int(nodes), int(signed))


async def checkpoints_within(connection: AsyncConnection, above: int, most: int | None) -> list[Checkpoint]:
    """Those of a size above `above` and at most `most` (without bound if None), smallest first."""
    statement = select(checkpoint).where(checkpoint.c.size > above).order_by(checkpoint.c.size)
    if most is not None:
        statement = statement.where(checkpoint.c.size <= most)
    return [Checkpoint(row.size, row.root, row.note, row.at) for row in await connection.execute(statement)]


_WITHOUT_LEAF = text("""
    -- without_leaf: acknowledged submissions whose audit leaf is not in the log
    SELECT s.id, count(*) OVER () AS total FROM submission s
    WHERE NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.hash = s.leaf)
    ORDER BY s.received_at LIMIT :limit""")


async def submissions_without_leaf(connection: AsyncConnection, limit: int) -> tuple[int, list[UUID]]:
    """(how many, the first of them)."""
    rows = (await connection.execute(_WITHOUT_LEAF, {"limit": limit})).all()
    return (int(rows[0].total) if rows else 0), [row.id for row in rows]


def read_head(folder: Path) -> bytes | None:
    """The note kept by `keep_head`."""
    try:
        return (folder / _HEAD).read_bytes()
    except FileNotFoundError:
        return None


def keep_head(folder: Path, note: bytes) -> None:
    """Keep a signed note; whole or not at all."""
    durable.write(folder / _HEAD, note, replace=True, mode=0o644)
