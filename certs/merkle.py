"""The audit log's Merkle tree (RFC 9162 §2.1, SHA-256): growing it, and proving that an entry is in it or that it only grew.

A database holds the nodes: node (level, index) is the root of the 2^level leaves from index·2^level on, stored once they
are all there, never changed. Each question comes in two steps: which nodes it needs (`nodes_for_…`), to be fetched at
one go, and the answer from them. Verifying needs nothing but the proof.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from certs.encoding import sha256
from certs.errors import ConsistencyNotProven, InclusionNotProven

EMPTY_ROOT: Final = sha256(b"")

Place = tuple[int, int]
"""(level, index) of a complete node."""


@dataclass(frozen=True, slots=True)
class Node:
    """A complete node to be stored."""

    level: int
    index: int
    hash: bytes


class NodeStore(Protocol):
    """Complete nodes by place. A node asked for is one that `nodes_for_…` named; a missing one raises KeyError."""

    def get(self, level: int, index: int) -> bytes: ...


class Nodes:
    """The nodes fetched for one question, or a whole tree in memory."""

    def __init__(self, nodes: Mapping[Place, bytes] | None = None) -> None:
        self._nodes: dict[Place, bytes] = dict(nodes or {})

    def get(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]

    def add(self, nodes: Iterable[Node]) -> None:
        """Take up new nodes."""
        self._nodes.update({(node.level, node.index): node.hash for node in nodes})

    @classmethod
    def of(cls, leaf_hashes: Sequence[bytes]) -> "Nodes":
        """The whole tree over these leaf hashes."""
        tree = cls()
        tree.add(append(tree, 0, leaf_hashes))
        return tree


def leaf_hash(entry: bytes) -> bytes:
    """Hash of an entry."""
    return sha256(b"\x00" + entry)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right)


def append(store: NodeStore, size: int, leaf_hashes: Sequence[bytes]) -> list[Node]:
    """The nodes that become complete when these leaves follow the first `size`; needs `nodes_for_append(size)`."""
    edge = {level: store.get(level, index) for level, index in nodes_for_append(size)}
    complete: list[Node] = []
    for position, leaf in enumerate(leaf_hashes, start=size):
        level, index, current = 0, position, leaf
        complete.append(Node(level, index, current))
        while index & 1:
            current = node_hash(edge.pop(level), current)
            level, index = level + 1, index >> 1
            complete.append(Node(level, index, current))
        edge[level] = current
    return complete


def root(store: NodeStore, size: int) -> bytes:
    """The root of the first `size` leaves; needs `nodes_for_root(size)`."""
    return _hash_of(store, 0, size)


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes at hand."""
    return root(Nodes.of(leaf_hashes), len(leaf_hashes))


def inclusion_proof(store: NodeStore, index: int, size: int) -> list[bytes]:
    """Proof that leaf `index` is in the tree of `size`; needs `nodes_for_inclusion(index, size)`."""
    return [_hash_of(store, start, end) for start, end in _inclusion_ranges(index, size)]


def consistency_proof(store: NodeStore, first: int, second: int) -> list[bytes]:
    """Proof that the tree of `second` begins with that of `first`; needs `nodes_for_consistency(first, second)`."""
    return [_hash_of(store, start, end) for start, end in _consistency_ranges(first, second)]


def nodes_for_append(size: int) -> list[Place]:
    """The nodes `append` reads: the right edge of the tree."""
    return _cover(0, size)


def nodes_for_root(size: int) -> list[Place]:
    """The nodes `root` reads."""
    return _cover(0, size)


def nodes_for_inclusion(index: int, size: int) -> list[Place]:
    """The nodes `inclusion_proof` reads."""
    return [place for start, end in _inclusion_ranges(index, size) for place in _cover(start, end)]


def nodes_for_consistency(first: int, second: int) -> list[Place]:
    """The nodes `consistency_proof` reads."""
    return [place for start, end in _consistency_ranges(first, second) for place in _cover(start, end)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """InclusionNotProven unless the proof leads from the leaf hash to the root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        raise InclusionNotProven(f"no leaf {index} in a tree of {size}")
    position, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise InclusionNotProven("the proof is too long")
        if position & 1 or position == last:
            current = node_hash(sibling, current)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        position, last = position >> 1, last >> 1
    if last or current != root:
        raise InclusionNotProven


def verify_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    """ConsistencyNotProven unless the proof shows that the first tree grew into the second (RFC 9162 §2.1.4.2)."""
    if not 0 <= first <= second:
        raise ConsistencyNotProven("the second tree is the smaller one")
    if first == 0 or first == second:
        _check_trivial(first, proof, first_root, second_root)
        return
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        raise ConsistencyNotProven("the proof is empty")
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ConsistencyNotProven("the proof is too long")
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last or old != first_root or new != second_root:
        raise ConsistencyNotProven


def _check_trivial(first: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    expected = EMPTY_ROOT if first == 0 else second_root
    if proof or first_root != expected:
        raise ConsistencyNotProven


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _cover(start: int, end: int) -> list[Place]:
    """The complete nodes, left to right, that make up the leaves [start, end); `start` begins a subtree that holds them."""
    places = []
    while start < end:
        level = (end - start).bit_length() - 1
        places.append((level, start >> level))
        start += 1 << level
    return places


def _hash_of(store: NodeStore, start: int, end: int) -> bytes:
    hashes = [store.get(level, index) for level, index in _cover(start, end)]
    if not hashes:
        return EMPTY_ROOT
    current = hashes.pop()
    while hashes:
        current = node_hash(hashes.pop(), current)
    return current


def _inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The subtrees beside the path from the leaf to the root, lowest first."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    start, end = 0, size
    beside: list[tuple[int, int]] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            beside.append((middle, end))
            end = middle
        else:
            beside.append((start, middle))
            start = middle
    return beside[::-1]


def _consistency_ranges(first: int, second: int) -> list[tuple[int, int]]:
    if not 0 <= first <= second:
        raise ValueError(f"no proof from {first} to {second}")
    if first in {0, second}:
        return []
    return list(_subproof(first, 0, second, whole=True))[::-1]


def _subproof(first: int, start: int, end: int, *, whole: bool) -> Iterator[tuple[int, int]]:
    """RFC 9162 §2.1.4.1, from the top; `whole` while the old tree's root is known to the verifier."""
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            yield (middle, end)
            end = middle
        else:
            yield (start, middle)
            start, whole = middle, False
    if not whole:
        yield (start, end)
