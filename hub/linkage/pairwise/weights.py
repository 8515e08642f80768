"""What a few pairs weigh under a model, and what that decides: the additions of `score`, in its order, on plain numbers.

Powers, logarithms and rounding are NumPy's here too: those of Python are not the same to the last bit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from hub.linkage import constraints
from hub.linkage.comparisons import FIELDS
from hub.linkage.model import DECIMALS, MOST_BITS, WEIGHED_BY_RARITY, Model
from hub.linkage.pairwise.levels import Levels
from hub.linkage.pairwise.pairs import Compared
from hub.linkage.pairwise.records import Record

NO_LINK, REVIEW, AUTO = range(3)
"""The places of these words in `score.DECISIONS`."""
_ALWAYS_REVIEW = constraints.bits(constraints.ALWAYS_REVIEW)
ByLevel = list[list[float]]
"""By field and level."""


class Rare(NamedTuple):
    """What a shared value of the field at `field` weighs beyond `level`; `name` is the field's.

    With b the bits of the value and `usual` the level's weight, the field weighs (usual + b) * scale + shift.
    """

    field: int
    level: int
    name: str
    bits: dict[int, float]
    unlisted: float
    usual: float
    shift: float


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of a model, scaled and shifted by what it learnt, and of each class its share and log2 w/u."""

    fields: ByLevel
    rare: list[Rare]
    classes: list[ByLevel]
    shares: list[float]
    strangers: float
    scale: float

    @classmethod
    def of(cls, model: Model) -> "Weights":
        learnt = model.rescoring
        scale = learnt.scale if learnt.shifts else 1.0
        shifts = learnt.shifts or tuple(np.zeros(len(weights)) for weights in model.weights)
        return cls(
            [(weights * scale + shift).tolist() for weights, shift in zip(model.weights, shifts, strict=True)],
            [_rare(model, field, shifts[FIELDS.index(field)].tolist()) for field in WEIGHED_BY_RARITY],
            [[ratios[:, at].tolist() for ratios in model.class_ratios] for at in range(len(model.classes))],
            [model.shares[name] for name in model.classes],
            1 - sum(model.shares.values()),
            scale,
        )

    def weigh(self, start: float, a: Record, levels: Levels) -> tuple[float, list[float]]:
        """Of a pair with `a` on the left that weighs `start` before it is looked at: the bits of all fields together, and
        log2 of how much likelier they are in two people of each class than in two strangers."""
        bits = [weights[level] for weights, level in zip(self.fields, levels, strict=True)]
        adjusted = 0.0
        for field, level, name, known, unlisted, usual, shift in self.rare:
            if levels[field] == level:
                change = known.get(getattr(a, name), unlisted)
                adjusted += change
                bits[field] = (usual + change) * self.scale + shift
        return _added(start, bits), [
            min(_added(adjusted, [ratios[level] for ratios, level in zip(rows, levels, strict=True)]), MOST_BITS)
            for rows in self.classes
        ]


def _added(start: float, bits: Iterable[float]) -> float:
    """One after the other: what `sum` makes of numbers depends on Python's version."""
    for bit in bits:
        start += bit
    return start


def _rare(model: Model, field: str, shifts: list[float]) -> Rare:
    rarity, place, level = model.rarities[field], FIELDS.index(field), WEIGHED_BY_RARITY[field]
    values, bits = reversed(rarity.values.tolist()), reversed(rarity.bits.tolist())
    known = dict(zip(values, bits, strict=True))  # of two texts of one number the first counts
    return Rare(place, level, field, known, rarity.unlisted, float(model.weights[place][level]), shifts[level])


_known: WeakKeyDictionary[Model, Weights] = WeakKeyDictionary()


def weights(model: Model) -> Weights:
    """The weights of a model, worked out once."""
    found = _known.get(model)
    if found is None:
        found = _known[model] = Weights.of(model)
    return found


def weigh(model: Model, start: float, pairs: Sequence[Compared]) -> list[float]:
    """The weight of each pair, in bits; `start` is what a pair weighs before it is looked at."""
    known = weights(model)
    found = [known.weigh(start, one.a, one.levels) for one in pairs]
    likelier = np.exp2([within for _, within in found]).tolist()
    mixtures = [_mixture(known, one) for one in likelier]
    taken = np.log2(mixtures).tolist()
    exact = [weight - bits * known.scale for (weight, _), bits in zip(found, taken, strict=True)]
    rounded: list[float] = np.round(exact, DECIMALS).tolist()
    return rounded


def _mixture(known: Weights, likelier: list[float]) -> float:
    """Pairs of a household, or twins, agree by more than chance: over all strangers, how much likelier that is."""
    found = known.strangers
    for share, one in zip(known.shares, likelier, strict=True):
        found += share * one
    return found


def decide(model: Model, weight: float, vetoes: int) -> int:
    """The place of the decision in `score.DECISIONS`."""
    if vetoes & _ALWAYS_REVIEW:
        return REVIEW
    if weight >= model.auto and not vetoes:
        return AUTO
    return REVIEW if weight >= model.review else NO_LINK
