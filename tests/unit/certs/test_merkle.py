"""The tree of RFC 9162: grown step by step it is the same tree, its proofs convince, changed proofs do not."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import merkle
from certs.errors import ConsistencyNotProven, InclusionNotProven
from certs.merkle import Nodes, leaf_hash, node_hash

MOST = 70
LEAVES = [leaf_hash(f"entry {number}".encode()) for number in range(MOST)]
TREE = Nodes.of(LEAVES)
sizes = st.integers(0, MOST)


class Counted:
    """A store that holds only the nodes it was given and notes which were asked for."""

    def __init__(self, places: list[merkle.Place]) -> None:
        self.held = {place: TREE.get(*place) for place in places}
        self.asked: set[merkle.Place] = set()

    def get(self, level: int, index: int) -> bytes:
        self.asked.add((level, index))
        return self.held[level, index]


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def path_by_definition(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162 §2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*path_by_definition(index, leaves[:split]), by_definition(leaves[split:])]
    return [*path_by_definition(index - split, leaves[split:]), by_definition(leaves[:split])]


def subproof_by_definition(first: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """RFC 9162 §2.1.4.1."""
    if first == len(leaves):
        return [] if whole else [by_definition(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if first <= split:
        return [*subproof_by_definition(first, leaves[:split], whole), by_definition(leaves[split:])]
    return [*subproof_by_definition(first - split, leaves[split:], False), by_definition(leaves[:split])]


@pytest.mark.parametrize("size", range(MOST + 1))
def test_the_root_is_the_one_of_the_definition(size: int) -> None:
    assert merkle.root(TREE, size) == by_definition(LEAVES[:size]) == merkle.root_of(LEAVES[:size])


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_entry_is_provably_in_the_tree(size: int) -> None:
    root = merkle.root(TREE, size)
    for index in range(size):
        proof = merkle.inclusion_proof(TREE, index, size)
        assert proof == path_by_definition(index, LEAVES[:size])
        merkle.verify_inclusion(LEAVES[index], index, size, proof, root)


@pytest.mark.parametrize("second", range(MOST + 1))
def test_every_tree_provably_grew_out_of_each_earlier_one(second: int) -> None:
    root = merkle.root(TREE, second)
    for first in range(second + 1):
        proof = merkle.consistency_proof(TREE, first, second)
        if 0 < first < second:
            assert proof == subproof_by_definition(first, LEAVES[:second], True)
        merkle.verify_consistency(first, second, proof, merkle.root(TREE, first), root)


@given(st.lists(st.integers(0, 9), max_size=12))
def test_growing_in_steps_gives_the_same_nodes(steps: list[int]) -> None:
    grown, size = Nodes(), 0
    for step in steps:
        batch = LEAVES[size : min(size + step, MOST)]
        new = merkle.append(grown, size, batch)
        assert all((node.level, node.index) not in grown._nodes for node in new)
        grown.add(new)
        size += len(batch)
    assert grown._nodes == Nodes.of(LEAVES[:size])._nodes
    assert merkle.root(grown, size) == by_definition(LEAVES[:size])


def test_a_new_entry_stores_few_nodes() -> None:
    assert len(TREE._nodes) == sum(MOST >> level for level in range(8))


@given(sizes, st.data())
def test_each_question_names_the_nodes_it_needs(size: int, data: st.DataObject) -> None:
    store = Counted(merkle.nodes_for_root(size))
    merkle.root(store, size)
    assert store.asked == set(store.held)
    store = Counted(merkle.nodes_for_append(size))
    merkle.append(store, size, LEAVES[size:])
    assert store.asked == set(store.held)
    first = data.draw(st.integers(0, size))
    store = Counted(merkle.nodes_for_consistency(first, size))
    merkle.consistency_proof(store, first, size)
    assert store.asked == set(store.held)
    if size:
        index = data.draw(st.integers(0, size - 1))
        store = Counted(merkle.nodes_for_inclusion(index, size))
        merkle.inclusion_proof(store, index, size)
        assert store.asked == set(store.held)


@given(st.integers(1, MOST), st.data())
def test_a_changed_inclusion_proof_convinces_nobody(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root = merkle.inclusion_proof(TREE, index, size), merkle.root(TREE, size)
    other = data.draw(st.integers(0, MOST - 1).filter(lambda number: number != index))
    wrong: list[tuple[bytes, int, int, list[bytes], bytes]] = [
        (LEAVES[other], index, size, proof, root),
        (LEAVES[index], index, size, [*proof, bytes(32)], root),
        (LEAVES[index], index, size, proof, bytes(32)),
        (LEAVES[index], size, size, proof, root),
        (LEAVES[index], -1, size, proof, root),
        (LEAVES[index], index, 0, proof, root),
    ]
    if proof:
        wrong += [
            (LEAVES[index], index, size, proof[:-1], root),
            (LEAVES[index], index, size, proof[1:], root),
            (LEAVES[index], index, size, [bytes(32), *proof[1:]], root),
        ]
    if other < size:
        wrong.append((LEAVES[index], other, size, proof, root))
    for arguments in wrong:
        with pytest.raises(InclusionNotProven):
            merkle.verify_inclusion(*arguments)


@given(st.integers(0, MOST), st.data())
def test_a_changed_consistency_proof_convinces_nobody(second: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, second))
    proof = merkle.consistency_proof(TREE, first, second)
    old, new = merkle.root(TREE, first), merkle.root(TREE, second)
    wrong: list[tuple[int, int, list[bytes], bytes, bytes]] = [
        (first, second, [*proof, bytes(32)], old, new),
        (first, second, proof, bytes(32), new),
        (second + 1, second, proof, old, new),
        (-1, second, proof, old, new),
    ]
    if proof:
        wrong += [
            (first, second, proof, old, bytes(32)),
            (first, second, proof[:-1], old, new),
            (first, second, proof[1:], old, new),
            (first, second, [*proof[:-1], bytes(32)], old, new),
            (first, second, [], old, new),
        ]
    for arguments in wrong:
        with pytest.raises(ConsistencyNotProven):
            merkle.verify_consistency(*arguments)


def test_a_rewritten_entry_breaks_consistency() -> None:
    rewritten = [*LEAVES[:3], leaf_hash(b"another"), *LEAVES[4:]]
    proof = merkle.consistency_proof(Nodes.of(rewritten), 10, 20)
    with pytest.raises(ConsistencyNotProven):
        merkle.verify_consistency(10, 20, proof, merkle.root(TREE, 10), merkle.root_of(rewritten[:20]))


def test_questions_that_make_no_sense_are_refused() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 5)):
        with pytest.raises(ValueError, match="no leaf"):
            merkle.inclusion_proof(TREE, index, size)
    with pytest.raises(ValueError, match="no proof"):
        merkle.consistency_proof(TREE, 6, 5)
    with pytest.raises(KeyError):
        merkle.root(Nodes(), 5)


def test_a_leaf_cannot_pass_as_a_node() -> None:
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)
