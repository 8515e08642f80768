"""What training does with a table of records, wherever they come from: u from pairs at random, groups for EM, the JSON;
and what pairs that people know teach it beyond that.

Deterministic for a generator.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hub.linkage import comparisons, em, rescoring, score
from hub.linkage import model as models
from hub.linkage.columns import Levels, Pairs, Places, Table
from hub.linkage.model import Floats, Model
from hub.linkage.train import rates_of, rounded

_SAMPLE = 40_000
"""Records among which random pairs are drawn."""
_RANDOM_PAIRS = 1_000_000
GROUP_PAIRS = 15_000
"""Pairs of one kind of key that are compared."""
_CHUNK = 32768


class Sample(Table, Protocol):
    """Records to learn from."""

    def __len__(self) -> int:
        """How many there are."""


def levels(sample: Sample, left: Places, right: Places) -> Levels:
    """How the pairs compare; memory grows with a chunk, not with the pairs."""
    pairs = Pairs.of(sample, left, right)
    parts = [comparisons.levels(pairs.part(at, at + _CHUNK)) for at in range(0, len(pairs), _CHUNK)]
    return np.concatenate([np.empty((0, len(comparisons.FIELDS)), np.uint8), *parts])


def random_rates(sample: Sample, base: Model, generator: np.random.Generator) -> em.Rates:
    """u: how often strangers agree, counted on pairs at random; a field the records lack keeps what it had.

    Pairs that are plainly one person are left out: they are few, but in the rare levels more than the strangers.
    """
    some = generator.choice(len(sample), size=min(_SAMPLE, len(sample)), replace=False)
    left, right = generator.choice(some, size=(2, _RANDOM_PAIRS))
    different = left != right
    found = levels(sample, left[different], right[different])
    weight = base.prior_weight + sum(weights[found[:, at]] for at, weights in enumerate(base.weights))
    found = found[weight < 0]
    return tuple(
        _counted(np.bincount(found[:, at], minlength=len(known)), known) for at, known in enumerate(base.random)
    )


def _counted(counts: npt.NDArray[np.int64], known: Floats) -> Floats:
    if not counts[1:].any():
        return known
    rates = rates_of(counts, "u")
    rates[comparisons.MISSING] = 1.0
    return rates


def matched_rates(groups: list[em.Group], base: Model, random: em.Rates) -> em.Rates:
    """m, learnt without knowing who is who; how households and twins look is as `base` has it."""
    others = {"random": random} | {name: base.classes[name] for name in ("household", "twins")}
    return em.learn(groups, base.match, others).match


def content(
    base: Model,
    base_content: Mapping[str, Any],
    random: em.Rates,
    match: em.Rates,
    *,
    model_id: str,
    frequencies: Mapping[str, Any],
) -> dict[str, Any]:
    """The JSON of the learnt model, but for its prior; `base` stands for the population of the records."""
    fields: dict[str, Any] = {}
    for at, comparison in enumerate(comparisons.COMPARISONS):
        before = base_content["comparisons"][comparison.field]
        fields[comparison.field] = {
            name: {**before[name], "m": rounded(match[at][level]), "u": rounded(random[at][level])}
            for level, name in enumerate(comparison.levels)
            if level != comparisons.MISSING
        }
    kept = {name: value for name, value in base_content.items() if name != "rescoring"}
    return {
        **kept,
        "id": model_id,
        "population": base.population,
        "classes": {name: rounded(share) for name, share in base.shares.items()},
        "comparisons": fields,
        "frequencies": dict(frequencies),
    }


def prior_of(bare: Floats, each: Floats, model: Model, pairs: float) -> float:
    """How likely two records at random are one person: matches expected among the candidates, over all `pairs`.

    `bare` are the weights of some candidates without the prior; each stands for `each` of all of them.
    """
    prior = model.prior
    for _ in range(20):
        odds = np.log2(prior / (1 - prior))
        expected = float((each / (1 + np.exp2(-(bare + odds)))).sum())
        prior = min(max(expected, 1.0) / pairs, 0.5)
    return rounded(prior)


def taught(content: Mapping[str, Any], pairs: Pairs, same: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """The JSON of the model with what labels teach it, in place of what earlier ones did (linkage.rescoring)."""
    plain = {name: value for name, value in content.items() if name != "rescoring"}
    found = score.score_places(models.parse(plain), pairs)
    return {**plain, "rescoring": rescoring.content(rescoring.fit(found.weight, found.levels, same))}
