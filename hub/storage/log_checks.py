"""What verifying the audit log asks of the database, and what is kept outside of it: the log's head, the trust list's.

All questions are about one frozen moment. The files hold the last checkpoint that this machine signed and the newest
trust list that it used: whoever can rewrite the whole database cannot rewrite those.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import orjson
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import HubError
from hub.storage import durable
from hub.storage.audit import Checkpoint
from hub.storage.tables import audit_leaf, audit_node, checkpoint, review_task

_HEAD = "log-head"
_SEEN = "trust-seen"


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


_BEYOND_LEAVES = text("""
    -- beyond_leaves: how many decisions there are beyond those that the log has a leaf of, whether placed yet or not
    SELECT (SELECT count(*) FROM decision_event) - (SELECT count(*) FROM audit_leaf WHERE act = ANY(:acts)) AS number""")
_WITHOUT_EVENT = text("""
    -- without_event: what holds of a pair, and does not follow from the event that it names
    SELECT c.a, c.b, count(*) OVER () AS total FROM link_constraint c LEFT JOIN decision_event d ON d.seq = c.seq
    WHERE d.seq IS NULL OR d.subjects <> ARRAY[c.a, c.b]
        OR d.kind NOT IN ('MUST_LINK', 'SOURCE_MERGE', 'CANNOT_LINK') OR (c.kind = 'CANNOT') <> (d.kind = 'CANNOT_LINK')
    ORDER BY c.a, c.b LIMIT :limit""")


async def decisions_without_leaf(
    connection: AsyncConnection, acts: Collection[str], limit: int
) -> tuple[int, list[str]]:
    """(how many decisions, and constraints of none, were not logged as one of `acts`; where the first of them are)."""
    beyond = int((await connection.execute(_BEYOND_LEAVES, {"acts": list(acts)})).scalar_one())
    rows = (await connection.execute(_WITHOUT_EVENT, {"limit": limit})).all()
    places = [f"records {row.a} and {row.b}" for row in rows] + (["decisions"] if beyond > 0 else [])
    return (int(rows[0].total) if rows else 0) + max(beyond, 0), places


async def pairs_of(connection: AsyncConnection, tasks: Collection[str]) -> dict[str, tuple[int, int]]:
    """The two records of each of these conflicts, by its id as the log writes it."""
    ids = [UUID(task) for task in tasks]
    rows = await connection.execute(
        select(review_task.c.id, review_task.c.a, review_task.c.b).where(review_task.c.id.in_(ids))
    )
    return {str(row.id): (row.a, row.b) for row in rows}


def read_head(folder: Path) -> bytes | None:
    """The note kept by `keep_head`."""
    try:
        return (folder / _HEAD).read_bytes()
    except FileNotFoundError:
        return None


def keep_head(folder: Path, note: bytes) -> None:
    """Keep a signed note; whole or not at all."""
    durable.write(folder / _HEAD, note, replace=True, mode=0o644)


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest trust list that this machine has used; version 0 before there was one."""

    version: int
    digest: str | None


def read_seen(folder: Path) -> Seen:
    """What `keep_seen` kept. Raises HubError `trust-seen-damaged`."""
    path = folder / _SEEN
    try:
        kept = orjson.loads(path.read_bytes())
        return Seen(int(kept["version"]), str(kept["digest"]))
    except FileNotFoundError:
        return Seen(0, None)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        text = f"{path} does not say which trust list was used last; bring back the file, or remove it on purpose."
        raise HubError("trust-seen-damaged", text) from error


def keep_seen(folder: Path, seen: Seen) -> None:
    """Keep it, whole or not at all, unless a newer one is kept already."""
    if seen.version > read_seen(folder).version:
        durable.write(
            folder / _SEEN, orjson.dumps({"version": seen.version, "digest": seen.digest}), replace=True, mode=0o644
        )
