"""How good a linkage is, when the truth is known: pairs and clusters, each figure with its Wilson 95 % interval."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Proportion:
    """`hits` of `total`, with the interval in which the true share lies (nothing seen: 0 to 1)."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        n = self.total
        if not n:
            return 0.0, 1.0
        share, spread = self.hits / n, _Z * _Z / n
        middle = (share + spread / 2) / (1 + spread)
        half = sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.5f} [{low:.5f}, {high:.5f}] ({self.hits:,}/{self.total:,})"


@dataclass(frozen=True, slots=True)
class Quality:
    precision: Proportion
    recall: Proportion

    @property
    def f1(self) -> float:
        p, r = self.precision.value, self.recall.value
        return 2 * p * r / (p + r) if p + r else 0.0


def of_pairs(found: Collection[tuple[int, int]], true: Collection[tuple[int, int]]) -> Quality:
    """Pairs as (smaller, larger)."""
    predicted, actual = set(found), set(true)
    hits = len(predicted & actual)
    return Quality(Proportion(hits, len(predicted)), Proportion(hits, len(actual)))


def of_clusters(found: Iterable[Collection[int]], person_of: Mapping[int, Hashable]) -> Quality:
    """Whole clusters: right only when they hold all records of one person and no other."""
    actual = {frozenset(members) for members in people(person_of)}
    predicted = {frozenset(cluster) for cluster in found}
    hits = len(actual & predicted)
    return Quality(Proportion(hits, len(predicted)), Proportion(hits, len(actual)))


def people(person_of: Mapping[int, Hashable]) -> list[list[int]]:
    """The records of each person."""
    groups: dict[Hashable, list[int]] = {}
    for record, person in person_of.items():
        groups.setdefault(person, []).append(record)
    return list(groups.values())


def pairs_of(groups: Iterable[Collection[int]]) -> set[tuple[int, int]]:
    """All pairs within the groups, as (smaller, larger)."""
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


def size_histogram(groups: Iterable[Collection[int]]) -> dict[int, int]:
    return dict(sorted(Counter(len(group) for group in groups).items()))
