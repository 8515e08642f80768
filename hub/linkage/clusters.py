"""Persons from decisions and scores: constrained clustering that does not depend on the order of its input.

MUST pairs are joined first, then edges by falling weight and rising ids. A join is refused where it would put a CANNOT
pair, or two values of an attribute of which a person has one, into one cluster, directly or through others.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple


class Edge(NamedTuple):
    a: int
    b: int
    weight: float


class Contradiction(ValueError):
    """MUST pairs join what CANNOT pairs keep apart; `records` are the two ends. Retrying does not help.

    `apart` is a CANNOT pair in the way: one of its records hangs together with one end, the other with the other.
    """

    def __init__(self, records: tuple[int, int], apart: tuple[int, int]) -> None:
        super().__init__(f"records {records[0]} and {records[1]} must and cannot be one person")
        self.records = records
        self.apart = apart


def project(
    records: Iterable[int],
    edges: Iterable[Edge],
    must: Iterable[tuple[int, int]] = (),
    cannot: Iterable[tuple[int, int]] = (),
    *,
    distinct: Sequence[Mapping[int, Hashable]] = (),
) -> list[frozenset[int]]:
    """Every record in exactly one cluster, clusters ordered by their least record. Raises Contradiction.

    Each mapping of `distinct` gives some records the value of an attribute (a checked resident ID, a record id of an
    ID-unique system); edges never bring two values together. People may: a MUST pair outranks it.
    """
    forest = Forest(sorted(set(records)), cannot, distinct)
    for a, b in sorted({(min(pair), max(pair)) for pair in must}):
        forest.must_join(a, b)
    strongest: dict[tuple[int, int], float] = {}
    for a, b, weight in edges:
        pair = (a, b) if a < b else (b, a)
        if a != b and weight > strongest.get(pair, float("-inf")):
            strongest[pair] = weight
    for (a, b), _ in sorted(strongest.items(), key=lambda item: (-item[1], item[0])):
        forest.join(a, b)
    return forest.clusters()


class Forest:
    """Clusters as they grow: each of `records` alone at first, then joined pair by pair."""

    def __init__(
        self, records: Sequence[int], cannot: Iterable[tuple[int, int]], distinct: Sequence[Mapping[int, Hashable]] = ()
    ) -> None:
        self._parent = {record: record for record in records}
        self._members = {record: [record] for record in records}
        # Of each cluster, the records that it is kept apart from, with the one of its own that is.
        self._apart: dict[int, dict[int, int]] = {record: {} for record in records}
        self._values = [{r: frozenset((values[r],)) for r in records if r in values} for values in distinct]
        for a, b in cannot:
            if a in self._parent and b in self._parent:
                self._apart[a][b] = a
                self._apart[b][a] = b

    def _root(self, record: int) -> int:
        while self._parent[record] != record:
            self._parent[record] = self._parent[self._parent[record]]
            record = self._parent[record]
        return record

    def _parted(self, a: int, b: int) -> tuple[int, int] | None:
        """A member of root `a` and one of root `b`, in either order, that must not be together."""
        few, other = (a, b) if len(self._apart[a]) <= len(self._apart[b]) else (b, a)
        return next(((own, record) for record, own in self._apart[few].items() if self._root(record) == other), None)

    def _mixes(self, a: int, b: int) -> bool:
        none: frozenset[Hashable] = frozenset()
        for values in self._values:
            left, right = values.get(a, none), values.get(b, none)
            if left and right and len(left | right) > max(len(left), len(right)):
                return True
        return False

    def must_join(self, a: int, b: int) -> None:
        """Join the clusters of two records, whatever speaks against it but people. Raises Contradiction."""
        if a in self._parent and b in self._parent:
            left, right = self._root(a), self._root(b)
            if left == right:
                return
            parted = self._parted(left, right)
            if parted is not None:
                raise Contradiction((a, b), (min(parted), max(parted)))
            self._unite(left, right)

    def join(self, a: int, b: int) -> None:
        """Join the clusters of two records, unless anything speaks against it."""
        if a in self._parent and b in self._parent:
            left, right = self._root(a), self._root(b)
            if left != right and self._parted(left, right) is None and not self._mixes(left, right):
                self._unite(left, right)

    def _unite(self, a: int, b: int) -> None:
        keep, drop = (a, b) if (len(self._members[a]), -a) >= (len(self._members[b]), -b) else (b, a)
        self._parent[drop] = keep
        self._members[keep].extend(self._members.pop(drop))
        self._apart[keep] |= self._apart.pop(drop)
        for values in self._values:
            if drop in values:
                values[keep] = values.get(keep, frozenset()) | values.pop(drop)

    def clusters(self) -> list[frozenset[int]]:
        """What has come of it, ordered by least records."""
        return sorted((frozenset(members) for members in self._members.values()), key=min)
