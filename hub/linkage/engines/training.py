"""Fits a model to a register without knowing who is who: u from pairs at random, m by EM, frequencies by counting.

What a register cannot tell, how households and twins look, is taken from the model that training begins with.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from hub.linkage import comparisons, em, score
from hub.linkage import model as models
from hub.linkage.columns import Levels, Pairs, Places
from hub.linkage.engines import candidates, name_columns
from hub.linkage.engines.candidates import KIND_FIELDS, Candidates, Codes, Coverage
from hub.linkage.engines.register import Register
from hub.linkage.model import Floats, Model
from hub.linkage.train import TABLE_SIZES, rates_of, rounded, table_of

_SAMPLE = 40_000
"""Records among which random pairs are drawn: their addresses have to be read."""
_RANDOM_PAIRS = 1_000_000
_GROUP_PAIRS = 15_000
_PRIOR_PAIRS = 60_000
_CHUNK = 32768


def fit(register: Register, base_content: dict[str, Any], seed: int) -> dict[str, Any]:
    """The JSON of a model for this register, begun from that of another; the same for the same seed."""
    base = models.parse(base_content).for_population(len(register))
    generator = np.random.default_rng(seed)
    random = _random(register, base, generator)
    kinds = candidates.by_kind(register)
    groups = _groups(register, kinds, generator)
    others = {"random": random} | {name: base.classes[name] for name in ("household", "twins")}
    learnt = em.learn(groups, base.match, others)
    content = _content(base, base_content, random, learnt.match, register)
    content["prior"] = _prior(register, models.parse(content), candidates.joined(kinds, len(register)), generator)
    return content


def _levels(register: Register, left: Places, right: Places) -> Levels:
    register.sign(np.unique(np.concatenate([left, right])))
    pairs = Pairs.of(register, left, right)
    parts = [comparisons.levels(pairs.part(at, at + _CHUNK)) for at in range(0, len(pairs), _CHUNK)]
    return np.concatenate([np.empty((0, len(comparisons.FIELDS)), np.uint8), *parts])


def _random(register: Register, base: Model, generator: np.random.Generator) -> tuple[Floats, ...]:
    """u: how often strangers agree, counted on pairs at random; a field the register lacks keeps what it had.

    Pairs that are plainly one person are left out: they are few, but in the rare levels more than the strangers.
    """
    some = generator.choice(len(register), size=min(_SAMPLE, len(register)), replace=False)
    left, right = generator.choice(some, size=(2, _RANDOM_PAIRS))
    different = left != right
    levels = _levels(register, left[different], right[different])
    weight = base.prior_weight + sum(weights[levels[:, at]] for at, weights in enumerate(base.weights))
    levels = levels[weight < 0]
    return tuple(
        _counted(np.bincount(levels[:, at], minlength=len(known)), known) for at, known in enumerate(base.random)
    )


def _counted(counts: npt.NDArray[np.int64], known: Floats) -> Floats:
    if not counts[1:].any():
        return known
    rates = rates_of(counts, "u")
    rates[comparisons.MISSING] = 1.0
    return rates


def _groups(
    register: Register, kinds: Sequence[tuple[Coverage, Codes]], generator: np.random.Generator
) -> list[em.Group]:
    """For every kind of key some of its pairs, compared."""
    groups = []
    for coverage, codes in kinds:
        if len(codes):
            some = generator.choice(codes, size=_GROUP_PAIRS, replace=False) if len(codes) > _GROUP_PAIRS else codes
            levels = _levels(register, some // len(register), some % len(register))
            groups.append(em.Group.of(levels, KIND_FIELDS[coverage.kind]))
    return groups


def _content(
    base: Model, base_content: dict[str, Any], random: tuple[Floats, ...], match: tuple[Floats, ...], register: Register
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for at, comparison in enumerate(comparisons.COMPARISONS):
        before = base_content["comparisons"][comparison.field]
        fields[comparison.field] = {
            name: {**before[name], "m": rounded(match[at][level]), "u": rounded(random[at][level])}
            for level, name in enumerate(comparison.levels)
            if level != comparisons.MISSING
        }
    return {
        **base_content,
        "id": f"{base_content['id']}-trained",
        "population": len(register),
        "classes": {name: rounded(share) for name, share in base.shares.items()},
        "comparisons": fields,
        "frequencies": _frequencies(register, base_content),
    }


def _frequencies(register: Register, base_content: dict[str, Any]) -> dict[str, Any]:
    """Shares of the commonest surnames, given names and birth dates of the register."""
    found: dict[str, Any] = {}
    odd = [parsed[0] for parsed in register.names.odd.values()]  # their numbers may be hashes, which have no text
    hashed = {name_columns.spelled(part): part for name in odd for part in (name.surname, name.given)}
    for name, size in TABLE_SIZES.items():
        column = register.column(name)
        if column is None:
            found[name] = base_content["frequencies"][name]
            continue
        known = column % 100 > 0 if name == "birth" else column > 0
        values, counts = np.unique(column[known], return_counts=True)
        order = np.lexsort((values, -counts))
        text = str if name == "birth" else partial(_text, hashed)
        top = [
            (text(value), count)
            for value, count in zip(values[order[:size]].tolist(), counts[order[:size]].tolist(), strict=True)
        ]
        found[name] = table_of(top, counts[order[size:]])
    return found


def _text(hashed: Mapping[int, str], number: int) -> str:
    """What a name's number stands for."""
    return hashed.get(number) or name_columns.text_of(number)


def _prior(register: Register, model: Model, found: Candidates, generator: np.random.Generator) -> float:
    """How likely two records at random are one person: matches expected among the candidates, over all pairs."""
    total = len(register) * (len(register) - 1) / 2
    places = np.arange(len(found.left))
    if len(places) > _PRIOR_PAIRS:
        places = generator.choice(places, size=_PRIOR_PAIRS, replace=False)
    left, right = found.left[places], found.right[places]
    register.sign(np.unique(np.concatenate([left, right])))
    weight = score.score_places(model.spelled(name_columns.spelled), Pairs.of(register, left, right)).weight
    bare, prior = weight - model.prior_weight, model.prior
    for _ in range(20):
        odds = np.log2(prior / (1 - prior))
        expected = float((1 / (1 + np.exp2(-(bare + odds)))).mean()) * len(found.left)
        prior = min(max(expected, 1.0) / total, 0.5)
    return rounded(prior)
