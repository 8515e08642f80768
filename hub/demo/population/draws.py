"""Weighted drawing without vectors: a table is laid out once as slots, a draw is one index into it."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")
SLOTS = 1 << 15


class Wheel(Generic[T]):
    """Draws items in proportion to their weights (to within one part in `SLOTS`)."""

    __slots__ = ("_slots",)

    def __init__(self, weights: Mapping[T, float]) -> None:
        total = sum(weights.values())
        self._slots: list[T] = []
        for item, weight in weights.items():
            self._slots += [item] * max(1, round(SLOTS * weight / total))

    def draw(self, rng: Random) -> T:
        return self._slots[int(rng.random() * len(self._slots))]


def pick(rng: Random, items: Sequence[T]) -> T:
    """One of `items`, all equally likely; several times quicker than `rng.choice`."""
    return items[int(rng.random() * len(items))]


def by_rank(items: Sequence[T], flatness: float = 6.0) -> dict[T, float]:
    """Weights that fall with the place in the list, as popularity does."""
    weights: dict[T, float] = {}
    for rank, item in enumerate(items):
        weights[item] = weights.get(item, 0.0) + 1.0 / (rank + flatness)
    return weights


def words(text: str) -> tuple[str, ...]:
    """The blank-separated words of a hand-written table."""
    return tuple(text.split())
