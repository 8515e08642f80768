"""How good the result is by the model's own reckoning: sums of the probabilities that it gives to pairs.

No truth is known here, so this measures nothing: it is right as far as the model is. The interval holds chance (pairs of
one person counted as if they were right or wrong together) and odds that are wrong by a factor of two either way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.linkage import score
from hub.linkage.columns import Flags, Pairs, Places
from hub.linkage.engines import name_columns
from hub.linkage.engines.dedupe import Result
from hub.linkage.model import Floats

_SAMPLE = 20_000
_SEED = 1
_Z = 1.959964
_SHIFTS = (-1.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Rest:
    """Some of the candidate pairs that nobody sees, scored in full; each stands for `each` pairs of `total`."""

    left: Places
    right: Places
    weight: Floats
    total: int

    @property
    def each(self) -> float:
        return self.total / len(self.weight) if len(self.weight) else 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share and the interval of the module's docstring."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Zone:
    """Of some accepted pairs: how many, which share of them is one person, and which share they are of all pairs that
    are; `missed` of those are not among them.
    """

    pairs: int
    precision: Estimate | None
    recall: Estimate | None
    missed: float


def rest(result: Result) -> Rest:
    """A sample, always the same, of the candidates that did not reach review."""
    found, scored = result.candidates, result.scored
    count = np.int64(max(len(result.register), 1))
    kept = np.searchsorted(found.left * count + found.right, scored.left * count + scored.right)
    others = np.ones(len(found.left), dtype=np.bool_)
    others[kept] = False
    places = np.flatnonzero(others)
    total = len(places)
    if total > _SAMPLE:
        places = np.sort(np.random.default_rng(_SEED).choice(places, size=_SAMPLE, replace=False))
    left, right = found.left[places], found.right[places]
    pairs = Pairs.of(result.register, left, right)
    return Rest(left, right, score.score_places(result.model.spelled(name_columns.spelled), pairs).weight, total)


def of(result: Result, others: Rest, accepted: Flags) -> Zone:
    """The estimates for the pairs that `accepted` marks among the scored ones."""
    weight, groups = result.scored.weight, _groups(result)
    ways = [_reckoned(weight + shift, others, shift, accepted, groups) for shift in _SHIFTS]
    missed = float(result.scored.probability[~accepted].sum() + (1 / (1 + np.exp2(-others.weight))).sum() * others.each)
    precision, recall = (_between([way[at] for way in ways]) for at in (0, 1))
    return Zone(int(accepted.sum()), precision, recall, missed)


def _groups(result: Result) -> npt.NDArray[np.int64]:
    """Pairs within one person get its number, any other pair one of its own."""
    left, right = result.persons[result.scored.left], result.persons[result.scored.right]
    alone = len(result.persons) + np.arange(len(left))
    found: npt.NDArray[np.int64] = np.unique(np.where(left == right, left, alone), return_inverse=True)[1]
    return found


_Way = tuple[float, float] | None
"""A share and its standard deviation; None where there is nothing to have a share of."""


def _reckoned(
    weight: Floats, others: Rest, shift: float, accepted: Flags, groups: npt.NDArray[np.int64]
) -> tuple[_Way, _Way]:
    chance = 1 / (1 + np.exp2(-weight))
    unseen = 1 / (1 + np.exp2(-(others.weight + shift)))
    right, spread = float(chance[accepted].sum()), _variance(chance, accepted, groups)
    missed = float(chance[~accepted].sum() + unseen.sum() * others.each)
    missed_spread = _variance(chance, ~accepted, groups) + _sampled(unseen, others)
    number, everything = int(accepted.sum()), right + missed
    if not number:
        return None, None
    deviation = np.sqrt(missed**2 * spread + right**2 * missed_spread) / everything**2
    return (right / number, float(np.sqrt(spread)) / number), (right / everything, float(deviation))


def _variance(chance: Floats, where: Flags, groups: npt.NDArray[np.int64]) -> float:
    """Of the number of matches among some pairs, when those of one group are all right or all wrong."""
    deviations = np.bincount(groups[where], np.sqrt(chance[where] * (1 - chance[where])))
    return float((deviations**2).sum())


def _sampled(unseen: Floats, others: Rest) -> float:
    if len(unseen) < 2:
        return 0.0
    missing = 1 - len(unseen) / others.total
    return float(
        others.total**2 * unseen.var(ddof=1) / len(unseen) * missing + (unseen * (1 - unseen)).sum() * others.each
    )


def _between(ways: Sequence[_Way]) -> Estimate | None:
    known = [way for way in ways if way is not None]
    middle = ways[len(ways) // 2]
    if middle is None:
        return None
    low = min(value - _Z * deviation for value, deviation in known)
    high = max(value + _Z * deviation for value, deviation in known)
    return Estimate(middle[0], max(0.0, float(low)), min(1.0, float(high)))
