"""The audit log's leaves, tree and checkpoints.

A leaf is inserted in the act's own transaction, so an act without a leaf cannot be committed. One sequencer at a time
(advisory lock) gives leaves their places and stores the tree's complete nodes; RFC 9162 §2.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from certs import merkle
from hub.storage.database import Part, copy_rows, rows_of, write_together
from hub.storage.tables import audit_leaf, audit_node, checkpoint
from hub.storage.vault import Vault

APPEND: Final = f"""
    -- append: a leaf for each act, in their order
    INSERT INTO audit_leaf (act, actor, hash, salt, content, at)
    SELECT act, actor, hash, salt, content, at
    FROM {rows_of("text", "text", "bytea", "bytea", "bytea", "timestamptz")} WITH ORDINALITY
        AS l(act, actor, hash, salt, content, at, place) ORDER BY place"""  # noqa: S608 - our own
_SEQUENCER = 0x6C71_6C6F  # "lqlo"
LOOK_UP: Final = "look-up"
"""The act whose leaf binds rows of the ledger of look-ups (`storage.access.fingerprint`)."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done: `content` is JSON without plaintext of sealed kinds."""

    act: str
    actor: str
    content: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Leaf:
    """A stored leaf; `content` and `salt` are None once erased."""

    id: int
    act: str
    actor: str
    hash: bytes
    salt: bytes | None
    content: bytes | None
    tree_index: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed head of the tree."""

    size: int
    root: bytes
    note: str
    at: datetime


def canonical(act: Act) -> bytes:
    """The bytes a leaf commits to, behind its salt."""
    return orjson.dumps(
        {"act": act.act, "actor": act.actor, "at": act.at, "content": act.content}, option=orjson.OPT_SORT_KEYS
    )


async def append(connection: AsyncConnection, vault: Vault, acts: Sequence[Act]) -> list[bytes]:
    """Insert a leaf for each act; answers their leaf hashes (32 bytes)."""
    hashes, parts = appending(vault, acts)
    await write_together(connection, *parts)
    return hashes


def appending(vault: Vault, acts: Sequence[Act]) -> tuple[list[bytes], list[Part]]:
    """(the leaf hashes of `acts`, what `append` does, to be done with more)."""
    if not acts:
        return [], []
    hashes, leaves = columns(vault, acts)
    return hashes, [(APPEND, leaves)]


def columns(vault: Vault, acts: Sequence[Act]) -> tuple[list[bytes], tuple[list[Any], ...]]:
    """(the leaf hashes of `acts`, what APPEND takes)."""
    contents = [canonical(act) for act in acts]
    salts = [os.urandom(16) for _ in acts]
    hashes = [merkle.leaf_hash(salt + content) for salt, content in zip(salts, contents, strict=True)]
    sealed = [vault.seal(content) for content in contents]
    return hashes, (
        [act.act for act in acts],
        [act.actor for act in acts],
        hashes,
        salts,
        sealed,
        [act.at for act in acts],
    )


async def lock_sequencer(connection: AsyncConnection) -> bool:
    """Become the sequencer until the transaction ends; False when another is."""
    return bool(
        (await connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _SEQUENCER})).scalar_one()
    )


async def tree_size(connection: AsyncConnection) -> int:
    """How many leaves have a place."""
    return int((await connection.execute(select(func.coalesce(func.max(audit_leaf.c.tree_index) + 1, 0)))).scalar_one())


async def unplaced(connection: AsyncConnection, limit: int) -> list[tuple[int, bytes]]:
    """(id, hash) of committed leaves without a place, oldest first."""
    rows = await connection.execute(
        select(audit_leaf.c.id, audit_leaf.c.hash)
        .where(audit_leaf.c.tree_index.is_(None))
        .order_by(audit_leaf.c.id)
        .limit(limit)
    )
    return [(row.id, row.hash) for row in rows]


_PLACE = text("""
    -- place: give the leaves :ids the indexes :places
    UPDATE audit_leaf SET tree_index = p.place
    FROM unnest(CAST(:ids AS bigint[]), CAST(:places AS bigint[])) AS p(id, place)
    WHERE audit_leaf.id = p.id AND audit_leaf.tree_index IS NULL""")


async def place(connection: AsyncConnection, ids: Sequence[int], first: int) -> None:
    """Give the leaves consecutive places from `first`."""
    places = list(range(first, first + len(ids)))
    done = await connection.execute(_PLACE, {"ids": list(ids), "places": places})
    if done.rowcount != len(ids):
        raise RuntimeError("a leaf was placed by somebody else although the sequencer's lock was held")


async def add_nodes(connection: AsyncConnection, nodes: Sequence[tuple[int, int, bytes]]) -> None:
    """Store complete nodes (level, index, hash); one that is there already is an error, never overwritten."""
    await copy_rows(connection, audit_node.name, ("level", "index", "hash"), nodes)


async def nodes(connection: AsyncConnection, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """The stored nodes among `wanted` (level, index)."""
    if not wanted:
        return {}
    rows = await connection.execute(
        text("""
            -- nodes: the hashes at (level, index) pairs
            SELECT n.level, n.index, n.hash FROM audit_node n
            JOIN unnest(CAST(:levels AS int[]), CAST(:indexes AS bigint[])) AS w(level, index)
              ON n.level = w.level AND n.index = w.index"""),
        {"levels": [level for level, _ in wanted], "indexes": [index for _, index in wanted]},
    )
    return {(level, index): hash_ for level, index, hash_ in rows}


async def add_checkpoint(connection: AsyncConnection, made: Checkpoint) -> None:
    """Store a checkpoint."""
    await connection.execute(insert(checkpoint).values(size=made.size, root=made.root, note=made.note, at=made.at))


async def last_checkpoint(connection: AsyncConnection) -> Checkpoint | None:
    """The newest checkpoint."""
    row = (await connection.execute(select(checkpoint).order_by(checkpoint.c.size.desc()).limit(1))).one_or_none()
    return Checkpoint(row.size, row.root, row.note, row.at) if row else None


async def checkpoints(connection: AsyncConnection) -> list[Checkpoint]:
    """All of them, smallest first."""
    rows = await connection.execute(select(checkpoint).order_by(checkpoint.c.size))
    return [Checkpoint(row.size, row.root, row.note, row.at) for row in rows]


async def leaf_by_hash(connection: AsyncConnection, hash_: bytes) -> Leaf | None:
    """The leaf with that hash."""
    row = (await connection.execute(select(audit_leaf).where(audit_leaf.c.hash == hash_))).one_or_none()
    return _leaf(row) if row else None


async def leaves(connection: AsyncConnection, first: int, limit: int) -> list[Leaf]:
    """Placed leaves from index `first`, in order."""
    rows = await connection.execute(
        select(audit_leaf)
        .where(audit_leaf.c.tree_index >= first, audit_leaf.c.tree_index < first + limit)
        .order_by(audit_leaf.c.tree_index)
    )
    return [_leaf(row) for row in rows]


def _leaf(row: Any) -> Leaf:
    return Leaf(row.id, row.act, row.actor, row.hash, row.salt, row.content, row.tree_index, row.at)
