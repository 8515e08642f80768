"""The audit log: gives leaves their places in the tree, signs its head, and proves what is in it (RFC 9162, C2SP notes).

One sequencer at a time, whoever holds the lock. Before it signs, it checks that the tree still gives the root that was
signed last, here and in this machine's own memory of it: a rewritten log is not signed again. `verify` checks all of it.
"""

import asyncio
import math
from dataclasses import dataclass
from typing import Final

from certs import checkpoint as notes
from certs import merkle
from certs.errors import CertsError
from certs.merkle import Nodes
from hub.errors import HubError, Invalid, NotFound, Unavailable
from hub.runtime import Hub
from hub.services.log_findings import Finding, Report
from hub.services.log_verification import verify
from hub.storage import audit, log_checks
from hub.storage.audit import Checkpoint
from hub.storage.database import AsyncConnection

__all__ = ["Consistency", "Finding", "Inclusion", "Report", "consistency", "head", "inclusion", "sequence", "verify"]

_BATCH: Final = 5_000


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Proof that a leaf is in the tree of the checkpoint `note`."""

    leaf: bytes
    index: int
    size: int
    root: bytes
    proof: list[bytes]
    note: str


@dataclass(frozen=True, slots=True)
class Consistency:
    """Proof that the tree of `second` leaves began as the tree of `first`."""

    first: int
    second: int
    proof: list[bytes]


async def sequence(hub: Hub) -> int:
    """Place up to one batch of leaves, and sign a checkpoint if one is due; answers how many were placed.

    0 as well when another process is at it. Raises HubError `log-damaged` rather than build on a rewritten log.
    """
    signed: Checkpoint | None = None
    async with hub.database.begin() as connection:
        if not await audit.lock_sequencer(connection):
            return 0
        size = await audit.tree_size(connection)
        waiting = await audit.unplaced(connection, _BATCH)
        if waiting:
            await _place(connection, size, waiting)
        last = await audit.last_checkpoint(connection)
        if _is_due(hub, last, size + len(waiting)):
            signed = await _sign(hub, connection, last, size + len(waiting))
    if signed is not None:
        await asyncio.to_thread(log_checks.keep_head, hub.settings.data_dir, signed.note.encode())
    return len(waiting)


async def _place(connection: AsyncConnection, size: int, waiting: list[tuple[int, bytes]]) -> None:
    edge = Nodes(await _nodes(connection, merkle.nodes_for_append(size)))
    added = merkle.append(edge, size, [hash_ for _, hash_ in waiting])
    await audit.place(connection, [id_ for id_, _ in waiting], size)
    await audit.add_nodes(connection, [(node.level, node.index, node.hash) for node in added])


async def _nodes(connection: AsyncConnection, wanted: list[merkle.Place]) -> dict[merkle.Place, bytes]:
    found = await audit.nodes(connection, wanted)
    if len(found) != len(wanted):
        raise _damaged("nodes of its tree are missing")
    return found


def _is_due(hub: Hub, last: Checkpoint | None, size: int) -> bool:
    if last is None:
        return size > 0
    age = (hub.now() - last.at).total_seconds()
    return size != last.size and age >= hub.settings.checkpoint_seconds


async def _sign(hub: Hub, connection: AsyncConnection, last: Checkpoint | None, size: int) -> Checkpoint:
    origin, remembered = hub.settings.origin, log_checks.read_head(hub.settings.data_dir)
    heads = [(last.size, last.root)] if last is not None else []
    if remembered is not None:
        try:
            seen = notes.verify(remembered, hub.signer.public, origin)
        except CertsError as error:
            raise _damaged("the head kept on this machine is not one the hub signed") from error
        heads.append((seen.size, seen.root))
    for known, root in heads:
        if known > size or await _root(connection, known) != root:
            raise _damaged("it does not continue what was signed before")
    made = notes.Checkpoint(origin, size, await _root(connection, size))
    note = notes.sign(made, hub.signer).decode("utf-8")
    signed = Checkpoint(made.size, made.root, note, hub.now())
    await audit.add_checkpoint(connection, signed)
    return signed


async def _root(connection: AsyncConnection, size: int) -> bytes:
    return merkle.root(Nodes(await _nodes(connection, merkle.nodes_for_root(size))), size)


def _damaged(what: str) -> HubError:
    return HubError("log-damaged", f"The audit log was changed: {what}. Nothing is signed; run `hub audit verify`.")


async def head(hub: Hub) -> Checkpoint:
    """The newest checkpoint. Raises NotFound when none was signed yet."""
    async with hub.database.read() as connection:
        return await _head(connection)


async def _head(connection: AsyncConnection) -> Checkpoint:
    found = await audit.last_checkpoint(connection)
    if found is None:
        raise NotFound("No checkpoint has been signed yet.")
    return found


async def inclusion(hub: Hub, leaf: bytes) -> Inclusion:
    """Proof that the leaf hash is under the newest checkpoint. Raises NotFound, Unavailable (`not-yet-logged`)."""
    async with hub.database.read() as connection:
        found = await audit.leaf_by_hash(connection, leaf)
        if found is None:
            raise NotFound("The log has no such leaf.")
        newest = await audit.last_checkpoint(connection)
        if newest is None or found.tree_index is None or found.tree_index >= newest.size:
            wait = math.ceil(hub.settings.checkpoint_seconds)
            raise Unavailable("not-yet-logged", "The leaf is under no checkpoint yet; ask again.", retry_after=wait)
        wanted = merkle.nodes_for_inclusion(found.tree_index, newest.size)
        nodes = Nodes(await _nodes(connection, wanted))
    proof = merkle.inclusion_proof(nodes, found.tree_index, newest.size)
    return Inclusion(leaf, found.tree_index, newest.size, newest.root, proof, newest.note)


async def consistency(hub: Hub, first: int, second: int) -> Consistency:
    """Proof that the log only grew between two sizes, both under the newest checkpoint. Raises NotFound, Invalid."""
    async with hub.database.read() as connection:
        newest = await _head(connection)
        if not 0 <= first <= second <= newest.size:
            raise Invalid("bad-request", f"0 ≤ from ≤ to ≤ {newest.size} is needed.")
        nodes = Nodes(await _nodes(connection, merkle.nodes_for_consistency(first, second)))
    return Consistency(first, second, merkle.consistency_proof(nodes, first, second))
