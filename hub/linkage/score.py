"""Scores pairs of records: levels, weight, vetoes and the three-way decision, for whole batches.

The score of (a, b) is the score of (b, a). Where a veto holds, the decision is never 'auto'.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from hub.linkage import comparisons, constraints
from hub.linkage.columns import Extracted, Levels, Pairs, Places, table_of_pairs
from hub.linkage.features import Features
from hub.linkage.model import DECIMALS, MOST_BITS, WEIGHED_BY_RARITY, Floats, Model
from hub.linkage.pairwise import weights
from hub.linkage.pairwise.pairs import Compared, compare

Decision = Literal["no-link", "review", "auto"]
DECISIONS: tuple[Decision, ...] = ("no-link", "review", "auto")
_CHUNK = 32768
FEW = 32
"""So many pairs are compared sooner pair by pair: that takes 35 to 40 µs a pair, columns some 1.2 ms and 10 µs a pair; both
take as long for some fifty (`python -m tests.bench.linkage.few`)."""
MATCH = "match"
_ALWAYS = np.uint8(constraints.bits(constraints.ALWAYS_REVIEW))
Said = dict[int, Places]
"""By the place of a field: the level of each pair."""


class PairScore(NamedTuple):
    """`weight` is log2 of the posterior odds, `probability` the same as a probability, `levels` a byte a field."""

    weight: float
    probability: float
    levels: bytes
    vetoes: tuple[str, ...]
    decision: Decision


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of many pairs as columns; `decision` indexes `DECISIONS`, `vetoes` are the bits of `constraints.NAMES`."""

    weight: Floats
    levels: Levels
    vetoes: npt.NDArray[np.uint8]
    decision: npt.NDArray[np.uint8]


def score_pairs(
    model: Model, pairs: Sequence[tuple[Features, Features]], *, unique_sources: Collection[str] = frozenset()
) -> list[PairScore]:
    """One score a pair, in the pairs' order."""
    if not pairs:
        return []
    if len(pairs) <= FEW:
        (found,) = score_singly([model], pairs, unique_sources=unique_sources)
    else:
        found = score_places(model, table_of_pairs(pairs), unique_sources=unique_sources)
    probability = 1 / (1 + np.exp2(-found.weight))
    width = found.levels.shape[1]
    flat = found.levels.tobytes()
    return [
        PairScore(weight, chance, flat[at * width : (at + 1) * width], constraints.names(veto), DECISIONS[decision])
        for at, (weight, chance, veto, decision) in enumerate(
            zip(
                found.weight.tolist(), probability.tolist(), found.vetoes.tolist(), found.decision.tolist(), strict=True
            )
        )
    ]


def score_indexed(
    model: Model,
    features: Sequence[Features],
    left: Places,
    right: Places,
    *,
    unique_sources: Collection[str] = frozenset(),
) -> Scores:
    """Scores of the pairs (features[left[i]], features[right[i]]); memory grows with a chunk, not with the pairs."""
    return score_under([model], features, left, right, unique_sources=unique_sources)[0]


def score_under(
    models: Sequence[Model],
    features: Sequence[Features],
    left: Places,
    right: Places,
    *,
    unique_sources: Collection[str] = frozenset(),
) -> list[Scores]:
    """The same pairs under each of `models`; they are compared once."""
    if len(left) <= FEW:
        pairs = [(features[a], features[b]) for a, b in zip(left.tolist(), right.tolist(), strict=True)]
        return score_singly(models, pairs, unique_sources=unique_sources)
    return _score(models, Pairs.of(Extracted.of(features), left, right), unique_sources)


def score_places(model: Model, pairs: Pairs, *, unique_sources: Collection[str] = frozenset()) -> Scores:
    return _score([model], pairs, unique_sources)[0]


def score_singly(
    models: Sequence[Model],
    pairs: Sequence[tuple[Features, Features]],
    *,
    unique_sources: Collection[str] = frozenset(),
) -> list[Scores]:
    """The same pair by pair, without columns: sooner where there are few."""
    compared = compare(pairs, constraints.numbers(unique_sources))
    said = np.frombuffer(bytearray().join([bytes(one.levels) for one in compared]), dtype=np.uint8)
    levels = said.reshape(len(pairs), len(comparisons.FIELDS))
    vetoes = np.array([one.vetoes for one in compared], dtype=np.uint8)
    return [_weighed_singly(model, compared, levels, vetoes) for model in models]


def _score(models: Sequence[Model], pairs: Pairs, unique_sources: Collection[str]) -> list[Scores]:
    parts = [_score_chunk(models, pairs.part(at, at + _CHUNK), unique_sources) for at in range(0, len(pairs), _CHUNK)]
    return [_joined([part[at] for part in parts]) for at in range(len(models))]


def _joined(parts: Sequence[Scores]) -> Scores:
    if not parts:
        return Scores(
            np.zeros(0), np.zeros((0, len(comparisons.FIELDS)), np.uint8), np.zeros(0, np.uint8), np.zeros(0, np.uint8)
        )
    return Scores(
        np.concatenate([p.weight for p in parts]),
        np.concatenate([p.levels for p in parts]),
        np.concatenate([p.vetoes for p in parts]),
        np.concatenate([p.decision for p in parts]),
    )


def _score_chunk(models: Sequence[Model], pairs: Pairs, unique_sources: Collection[str]) -> list[Scores]:
    levels = comparisons.levels(pairs)
    vetoes = constraints.vetoes(pairs, levels, unique_sources)
    return [_weighed(model, pairs, levels, vetoes) for model in models]


def _weighed(model: Model, pairs: Pairs, levels: Levels, vetoes: npt.NDArray[np.uint8]) -> Scores:
    by_field, dependence = evidence(model, pairs, levels)
    weight = np.full(len(pairs), start(model))
    for evidence_of_field in by_field:  # in this order whatever the batch, so that a pair's weight is its own
        weight += evidence_of_field
    weight = np.round(weight + dependence, DECIMALS)
    return Scores(weight, levels, vetoes, decide(model, weight, vetoes))


def _weighed_singly(
    model: Model, compared: Sequence[Compared], levels: Levels, vetoes: npt.NDArray[np.uint8]
) -> Scores:
    weight = weights.weigh(model, start(model), compared)
    decision = [weights.decide(model, one, pair.vetoes) for one, pair in zip(weight, compared, strict=True)]
    return Scores(np.array(weight), levels, vetoes, np.array(decision, dtype=np.uint8))


def decide(model: Model, weight: Floats, vetoes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    decision = (weight >= model.review).astype(np.uint8)
    decision[(weight >= model.auto) & (vetoes == 0)] = 2
    decision[(vetoes & _ALWAYS) != 0] = 1
    return decision


def start(model: Model) -> float:
    """What a pair weighs before it is looked at."""
    return model.prior_weight * model.rescoring.scale + model.rescoring.bias


def evidence(model: Model, pairs: Pairs, levels: Levels) -> tuple[Floats, Floats]:
    """What each field weighs (one row a field), and what dependence between the fields takes away again."""
    said = _said(levels)
    by_field, adjusted = _by_field(model, pairs, said)
    dependence = _dependence(model, said, adjusted)
    learnt = model.rescoring
    if learnt.shifts:
        by_field *= learnt.scale
        dependence *= learnt.scale
        for at, shifts in enumerate(learnt.shifts):
            by_field[at] += shifts[levels[:, at]]
    return by_field, dependence


def likelihoods(model: Model, pairs: Pairs) -> dict[str, Floats]:
    """How much likelier what each pair shows is of one person, and of two of each class, than of two strangers."""
    said = _said(comparisons.levels(pairs))
    by_field, adjusted = _by_field(model, pairs, said)
    found = dict(zip(model.classes, _within(model, said, adjusted).T, strict=True))
    return {MATCH: np.exp2(np.minimum(by_field.sum(axis=0), MOST_BITS)), **found}


def _said(levels: Levels) -> Said:
    """The levels of every field that says anything of any pair: missing values weigh nothing."""
    return {at: column.astype(np.intp) for at, column in enumerate(levels.T) if column.any()}


def _by_field(model: Model, pairs: Pairs, said: Said) -> tuple[Floats, Floats]:
    """What each field weighs, and how much of it comes from values being rare or common."""
    by_field = np.zeros((len(model.weights), len(pairs)))
    adjusted = np.zeros(len(pairs))
    for at, levels in said.items():
        by_field[at] = model.weights[at].take(levels)
        field = comparisons.FIELDS[at]
        if field in WEIGHED_BY_RARITY:
            where = np.flatnonzero(levels == WEIGHED_BY_RARITY[field])
            change = model.rarities[field].weights(pairs.both(field)[0][where])
            by_field[at, where] += change
            adjusted[where] += change
    return by_field, adjusted


def _dependence(model: Model, said: Said, adjusted: Floats) -> Floats:
    """Pairs of a household, or twins, agree by more than chance: over all strangers, how much likelier that is, in bits."""
    mixture = np.full(len(adjusted), 1 - sum(model.shares.values()))
    for name, within in zip(model.classes, _within(model, said, adjusted).T, strict=True):
        mixture += model.shares[name] * within
    found: Floats = -np.log2(mixture)
    return found


def _within(model: Model, said: Said, adjusted: Floats) -> Floats:
    """How much likelier the levels are in two people of each class than in two strangers: pairs x classes."""
    bits = np.repeat(adjusted[:, None], len(model.classes), axis=1)
    for at, levels in said.items():
        bits += model.class_ratios[at].take(levels, axis=0)
    found: Floats = np.exp2(np.minimum(bits, MOST_BITS))
    return found
