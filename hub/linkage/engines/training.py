"""Fits a model to a register without knowing who is who: u from pairs at random, m by EM, frequencies by counting.

What a register cannot tell, how households and twins look, is taken from the model that training begins with.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hub.linkage import em, learning, score
from hub.linkage import model as models
from hub.linkage.columns import Pairs
from hub.linkage.engines import candidates, name_columns
from hub.linkage.engines.candidates import KIND_FIELDS, Candidates, Codes, Coverage
from hub.linkage.engines.register import Register
from hub.linkage.model import Model
from hub.linkage.train import TABLE_SIZES, table_of

_PRIOR_PAIRS = 60_000


def fit(register: Register, base_content: dict[str, Any], seed: int) -> dict[str, Any]:
    """The JSON of a model for this register, begun from that of another; the same for the same seed."""
    base = models.parse(base_content).for_population(len(register))
    generator = np.random.default_rng(seed)
    random = learning.random_rates(register, base, generator)
    kinds = candidates.by_kind(register)
    match = learning.matched_rates(_groups(register, kinds, generator), base, random)
    content = learning.content(
        base,
        base_content,
        random,
        match,
        model_id=f"{base_content['id']}-trained",
        frequencies=_frequencies(register, base_content),
    )
    content["prior"] = _prior(register, models.parse(content), candidates.joined(kinds, len(register)), generator)
    return content


def _groups(
    register: Register, kinds: Sequence[tuple[Coverage, Codes]], generator: np.random.Generator
) -> list[em.Group]:
    """For every kind of key some of its pairs, compared."""
    groups, most = [], learning.GROUP_PAIRS
    for coverage, codes in kinds:
        if len(codes):
            some = generator.choice(codes, size=most, replace=False) if len(codes) > most else codes
            levels = learning.levels(register, some // len(register), some % len(register))
            groups.append(em.Group.of(levels, KIND_FIELDS[coverage.kind]))
    return groups


def _frequencies(register: Register, base_content: dict[str, Any]) -> dict[str, Any]:
    """Shares of the commonest surnames, given names and birth dates of the register."""
    found: dict[str, Any] = {}
    odd = np.zeros(len(register), dtype=np.bool_)
    odd[list(register.names.odd)] = True  # their numbers may be hashes, which have no text
    for name, size in TABLE_SIZES.items():
        column = register.column(name)
        if column is None:
            found[name] = base_content["frequencies"][name]
            continue
        known = column % 100 > 0 if name == "birth" else (column > 0) & ~odd
        values, counts = np.unique(column[known], return_counts=True)
        order = np.lexsort((values, -counts))
        text = str if name == "birth" else name_columns.text_of
        top = [
            (text(value), count)
            for value, count in zip(values[order[:size]].tolist(), counts[order[:size]].tolist(), strict=True)
        ]
        found[name] = table_of(top, counts[order[size:]])
    return found


def _prior(register: Register, model: Model, found: Candidates, generator: np.random.Generator) -> float:
    """How likely two records at random are one person, by some of the candidates."""
    places = np.arange(len(found.left))
    if len(places) > _PRIOR_PAIRS:
        places = generator.choice(places, size=_PRIOR_PAIRS, replace=False)
    left, right = found.left[places], found.right[places]
    weight = score.score_places(model.spelled(name_columns.spelled), Pairs.of(register, left, right)).weight
    each = np.full(len(places), len(found.left) / max(len(places), 1))
    return learning.prior_of(weight - model.prior_weight, each, model, len(register) * (len(register) - 1) / 2)
