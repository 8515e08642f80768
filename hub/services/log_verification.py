"""Verifies the whole audit log: every leaf against its content, every node, every checkpoint, and that nothing is gone.

Reads one frozen moment in batches, so memory does not grow with the log. The root at the size of every checkpoint is
computed from the leaves themselves; that each of them matches proves that each continued the one before. What is wrong
is told in words, the first cases of each kind and how many there are.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from certs import checkpoint as notes
from certs import merkle
from certs.errors import CertsError, UnknownKey
from certs.keys import VerifyKey
from certs.merkle import Nodes, Place
from hub.errors import HubError
from hub.runtime import HUB_NAME, Hub
from hub.services import log_decisions, trust
from hub.services.log_findings import Gathered, Report
from hub.storage import access, audit, decisions, log_checks, seals
from hub.storage.audit import Checkpoint, Leaf
from hub.storage.database import AsyncConnection
from hub.storage.log_checks import Counts

Progress = Callable[[int, int], None]
"""Called with (leaves verified, leaves in all)."""

BATCH: Final = 2_000
_FIRST: Final = 5


async def verify(hub: Hub, progress: Progress | None = None) -> Report:
    """Verify everything; the report says in words what is wrong."""
    keys = await _log_keys(hub)
    remembered = log_checks.read_head(hub.settings.data_dir)  # before the moment is frozen: the log is never behind it
    async with hub.database.read() as connection:
        await log_checks.freeze(connection)
        counts = await log_checks.counts(connection)
        walk = _Walk(hub, connection, counts, keys, remembered)
        await walk.run(progress)
        await walk.check_what_is_beyond()
        without = await log_checks.submissions_without_leaf(connection, _FIRST)
        walk.found.add_many("submission-without-leaf", *without)
        unlogged = await log_checks.decisions_without_leaf(connection, log_decisions.ACTS, _FIRST)
        walk.found.add_many("decision-unlogged", *unlogged)
        forged = await seals.forged(connection)
        walk.found.add_many("row-forged", len(forged), forged[:_FIRST])
    return Report(counts.size, counts.unplaced, walk.erased, counts.checkpoints, walk.found.findings())


async def _log_keys(hub: Hub) -> list[VerifyKey]:
    """The keys that may have signed checkpoints: ours today, and those of ours that the roots vouch for."""
    found = {hub.signer.kid: hub.signer.public}
    try:
        listed = (await trust.current(hub)).member(HUB_NAME).keys
    except (CertsError, HubError):
        # Without a list in force only today's key counts; older checkpoints are then reported as not verifiable.
        listed = ()
    for key in listed:
        if key.use == "sig" and "checkpoint" in key.types:
            found[key.kid] = VerifyKey.from_jwk(dict(key.jwk), key.suite)
    return list(found.values())


class _Walk:
    """Goes through the leaves once, in order; `edge` is the right edge of the tree over those behind it."""

    def __init__(
        self,
        hub: Hub,
        connection: AsyncConnection,
        counts: Counts,
        keys: Sequence[VerifyKey],
        remembered: bytes | None,
    ) -> None:
        self.found = Gathered()
        self.erased = 0
        self._hub = hub
        self._connection = connection
        self._counts = counts
        self._keys = keys
        self._edge: dict[Place, bytes] = {}
        self._look_ups: list[tuple[int, dict[str, Any]]] = []
        self._decided: list[tuple[int, str, str, dict[str, Any]]] = []
        self._remembered = self._read_remembered(remembered)

    async def run(self, progress: Progress | None) -> None:
        """Every batch of leaves, its nodes and the checkpoints that end in it."""
        for first in range(0, self._counts.size, BATCH):
            last = min(first + BATCH, self._counts.size)
            hashes = await self._leaves(first, last)
            complete = merkle.append(Nodes(self._edge), first, hashes)
            await self._compare(complete)
            await self._compare_ledger()
            await self._compare_decisions()
            tree = Nodes(self._edge)
            tree.add(complete)
            for signed in await log_checks.checkpoints_within(self._connection, first, last):
                self._check_signed(signed, merkle.root(tree, signed.size))
            if self._remembered is not None and first < self._remembered.size <= last:
                self._check_remembered(merkle.root(tree, self._remembered.size))
            self._edge = {place: tree.get(*place) for place in merkle.nodes_for_append(last)}
            if progress is not None:
                progress(last, self._counts.size)

    async def check_what_is_beyond(self) -> None:
        """Nodes and checkpoints for which there are no leaves."""
        size = self._counts.size
        for signed in await log_checks.checkpoints_within(self._connection, size, None):
            self._check_note(signed)
            self.found.add("tail-missing", signed.size)
        if self._remembered is not None and self._remembered.size > size:
            self.found.add("tail-missing", self._remembered.size)
        expected = sum(size >> level for level in range(size.bit_length()))
        if self._counts.nodes > expected:
            self.found.add_many("node-extra", self._counts.nodes - expected, [f"beyond {size} entries"])
        if self._remembered is not None:
            newest = await audit.last_checkpoint(self._connection)
            if newest is None or newest.size < self._remembered.size:
                self.found.add("checkpoint-missing", self._remembered.size)

    async def _leaves(self, first: int, last: int) -> list[bytes]:
        """The hashes the tree is built from: the leaves' own, the tree's where a leaf is gone."""
        leaves = {leaf.tree_index: leaf for leaf in await audit.leaves(self._connection, first, last - first)}
        missing = [index for index in range(first, last) if index not in leaves]
        stored = await audit.nodes(self._connection, [(0, index) for index in missing])
        hashes = []
        for index in range(first, last):
            leaf = leaves.get(index)
            if leaf is None:
                self.found.add("leaf-missing", index)
                hashes.append(stored.get((0, index), bytes(32)))
            else:
                self._check_leaf(leaf, index)
                hashes.append(leaf.hash)
        return hashes

    def _check_leaf(self, leaf: Leaf, index: int) -> None:
        if leaf.salt is None or leaf.content is None:
            self.erased += 1
            return
        try:
            content = self._hub.vault.open(leaf.content)
        except HubError:
            self.found.add("leaf-edited", index)
            return
        if merkle.leaf_hash(leaf.salt + content) != leaf.hash:
            self.found.add("leaf-edited", index)
            return
        said = orjson.loads(content)
        beside = orjson.loads(orjson.dumps({"act": leaf.act, "actor": leaf.actor, "at": leaf.at}))
        if any(said.get(name) != value for name, value in beside.items()):
            self.found.add("leaf-relabelled", index)
        elif leaf.act == audit.LOOK_UP:
            self._look_ups.append((index, said["content"]))
        elif leaf.act in log_decisions.ACTS and "event" in said["content"]:
            self._decided.append((index, leaf.act, leaf.actor, said["content"]))

    async def _compare_ledger(self) -> None:
        """The look-ups that this batch of leaves binds stand in the ledger as they were written."""
        for index, bound in self._look_ups:
            kept = await access.fingerprint(self._connection, self._hub.vault, bound["rows"])
            if kept != bound["digest"]:
                self.found.add("look-up-missing", index)
        self._look_ups.clear()

    async def _compare_decisions(self) -> None:
        """The decisions that this batch of leaves names are what was decided."""
        contents = [said for *_, said in self._decided]
        found = await decisions.by_seq(self._connection, [said["event"] for said in contents])
        pairs = await log_checks.pairs_of(self._connection, {said["task"] for said in contents if "task" in said})
        for index, act, actor, said in self._decided:
            pair = pairs.get(said.get("task", ""))
            if not log_decisions.agrees(act, actor, said, found.get(said["event"]), pair):
                self.found.add("decision-changed", index)
        self._decided.clear()

    async def _compare(self, complete: Sequence[merkle.Node]) -> None:
        stored = await audit.nodes(self._connection, [(node.level, node.index) for node in complete])
        for node in complete:
            kept = stored.get((node.level, node.index))
            if kept is None:
                self.found.add("node-missing", _place(node))
            elif kept != node.hash:
                self.found.add(*("leaf-replaced", node.index) if node.level == 0 else ("node-wrong", _place(node)))

    def _check_signed(self, signed: Checkpoint, root: bytes) -> None:
        claimed = self._check_note(signed)
        if claimed is not None and claimed.root != root:
            self.found.add("checkpoint-unmet", signed.size)

    def _check_note(self, signed: Checkpoint) -> notes.Checkpoint | None:
        """What the note says, once the hub signed it."""
        claimed = self._believe(signed.note.encode())
        if claimed is None:
            self.found.add("checkpoint-forged", signed.size)
        elif (claimed.size, claimed.root) != (signed.size, signed.root):
            self.found.add("checkpoint-edited", signed.size)
        return claimed

    def _believe(self, note: bytes) -> notes.Checkpoint | None:
        for key in self._keys:
            try:
                return notes.verify(note, key, self._hub.settings.origin)
            except UnknownKey:
                continue
            except CertsError:
                return None
        return None

    def _read_remembered(self, note: bytes | None) -> notes.Checkpoint | None:
        if note is None:
            return None
        head = self._believe(note)
        if head is None:
            self.found.add("head-damaged", self._hub.settings.origin)
        return head

    def _check_remembered(self, root: bytes) -> None:
        if self._remembered is not None and self._remembered.root != root:
            self.found.add("history-differs", self._remembered.size)


def _place(node: merkle.Node) -> str:
    return f"{node.level}/{node.index}"
