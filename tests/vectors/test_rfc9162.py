"""Known trees: the eight roots every transparency log checks itself against, and the example of RFC 9162 §2.1.5."""

import pytest

from certs import merkle
from certs.merkle import Nodes, leaf_hash, node_hash

ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(bytes.fromhex(entry)) for entry in ENTRIES]
TREE = Nodes.of(LEAVES)


@pytest.mark.parametrize("size", range(1, 9))
def test_known_roots(size: int) -> None:
    assert merkle.root(TREE, size).hex() == ROOTS[size - 1]


def test_the_empty_tree() -> None:
    assert merkle.root(TREE, 0).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class TestTheExampleOfTheStandard:
    """Seven entries d0 … d6, the nodes named as in the figures of §2.1.5."""

    def setup_method(self) -> None:
        a, b, c, d, e, f, j = LEAVES[:7]
        self.named = {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "j": j}
        g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
        k, l_ = node_hash(g, h), node_hash(i, j)
        self.named |= {"g": g, "h": h, "i": i, "k": k, "l": l_}
        self.root = node_hash(k, l_)

    def nodes(self, names: str) -> list[bytes]:
        return [self.named[name] for name in names]

    def test_the_root(self) -> None:
        assert merkle.root(TREE, 7) == self.root

    @pytest.mark.parametrize(("index", "path"), [(0, "bhl"), (3, "cgl"), (4, "fjk"), (6, "ik")])
    def test_inclusion(self, index: int, path: str) -> None:
        assert merkle.inclusion_proof(TREE, index, 7) == self.nodes(path)
        merkle.verify_inclusion(LEAVES[index], index, 7, self.nodes(path), self.root)

    @pytest.mark.parametrize(("first", "path"), [(3, "cdgl"), (4, "l"), (6, "ijk")])
    def test_consistency(self, first: int, path: str) -> None:
        assert merkle.consistency_proof(TREE, first, 7) == self.nodes(path)
        merkle.verify_consistency(first, 7, self.nodes(path), merkle.root(TREE, first), self.root)
