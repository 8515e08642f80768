"""Expectation-maximisation: how often two records of one person agree in each field, learnt without knowing who is who.

A pair that shares a blocking key is of one of four kinds: one person, strangers, two people of a household, twins. Each
group of pairs found by one kind of key has its own shares of these; `m` is common to all groups, and the fields that
the key was made of do not speak in its group. Source: Fellegi and Sunter 1969; Winkler 1988; Dempster et al. 1977.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.linkage import comparisons
from hub.linkage.columns import Levels
from hub.linkage.model import Floats

MATCH = "match"
_ROUNDS = 100
_SETTLED = 1e-5
_BELIEVED = 400.0
"""Pairs that what was known before counts for, in each field: what keeps rare levels and small registers sane."""

Rates = tuple[Floats, ...]
"""Probabilities [field][level]; the first level, missing, is 1: it says nothing."""


@dataclass(frozen=True, slots=True)
class Group:
    """Pairs found by one kind of key, as distinct patterns of levels and how many pairs have each."""

    patterns: Levels
    counts: Floats
    blocked: frozenset[str]

    @classmethod
    def of(cls, levels: Levels, blocked: frozenset[str]) -> "Group":
        patterns, counts = np.unique(levels, axis=0, return_counts=True)
        return cls(patterns, counts.astype(np.float64), blocked)


@dataclass(frozen=True, slots=True)
class Learnt:
    """`match` by field and level; `shares` of each group's pairs that are of one person."""

    match: Rates
    shares: tuple[float, ...]


def learn(groups: Sequence[Group], match: Rates, others: Mapping[str, Rates]) -> Learnt:
    """Rates among matches, begun at `match`; those of the kinds in `others` (strangers, household, twins) stay."""
    before, kinds = match, (MATCH, *others)
    mixes = [np.full(len(kinds), 1 / len(kinds)) for _ in groups]
    for _ in range(_ROUNDS):
        rates = {MATCH: match, **others}
        chances = [
            _responsible(group, mix, [rates[kind] for kind in kinds]) for group, mix in zip(groups, mixes, strict=True)
        ]
        mixes = [
            np.maximum(group.counts @ chance / group.counts.sum(), 1e-9)
            for group, chance in zip(groups, chances, strict=True)
        ]
        learnt = _rates(groups, [chance[:, 0] for chance in chances], before)
        moved = max(float(np.abs(a - b).max()) for a, b in zip(learnt, match, strict=True))
        match = learnt
        if moved < _SETTLED:
            break
    return Learnt(match, tuple(float(mix[0]) for mix in mixes))


def _responsible(group: Group, mix: Floats, rates: Sequence[Rates]) -> Floats:
    """How likely each pattern is of each kind."""
    logs = np.tile(np.log(mix), (len(group.patterns), 1))
    for at, field in enumerate(comparisons.FIELDS):
        if field not in group.blocked:
            for kind, rate in enumerate(rates):
                logs[:, kind] += np.log(rate[at])[group.patterns[:, at]]
    logs -= logs.max(axis=1, keepdims=True)
    chances = np.exp(logs)
    found: Floats = chances / chances.sum(axis=1, keepdims=True)
    return found


def _rates(groups: Sequence[Group], matched: Sequence[Floats], before: Rates) -> Rates:
    """Shares of the levels among expected matches, in the groups in which the field may speak."""
    found: list[npt.NDArray[np.float64]] = []
    for at, (field, known) in enumerate(zip(comparisons.FIELDS, before, strict=True)):
        if len(known) <= 2:  # one level beside missing: its rate is no share of anything
            found.append(known)
            continue
        counts = known * _BELIEVED
        counts[comparisons.MISSING] = 0.0
        for group, chance in zip(groups, matched, strict=True):
            if field not in group.blocked:
                counts += np.bincount(group.patterns[:, at], weights=group.counts * chance, minlength=len(known))
        counts[comparisons.MISSING] = 0.0
        rates = counts / counts.sum()
        rates[comparisons.MISSING] = 1.0
        found.append(rates)
    return tuple(found)
