"""Fits a model to the records a hub keeps, of which it sees a sample: some blocking keys with all who share them.

Records that share nothing never meet, so a sample of keys holds the pairs of one person at their true rate, where a
sample of records would have lost nearly all of them. How households and twins look is as the model had it before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from hub.linkage import blocking, em, learning, score
from hub.linkage import model as models
from hub.linkage.columns import Extracted, Pairs
from hub.linkage.features import Features
from hub.linkage.model import Model
from hub.linkage.train import frequencies

LEAST_NAMED = 5
"""Records of the sample that must bear a name or a birth date before the model's tables tell it."""

_NAMES = frozenset(("surname", "given", "birth"))
_FIELDS = {
    "id": frozenset(("resident_id",)),
    "document": frozenset(("document",)),
    "phone year": frozenset(("phone", "birth")),
    "home year": frozenset(("origin", "birth")),
    "name home": frozenset(("surname", "given", "origin")),
    "name year": _NAMES,
    "name day": _NAMES,
    "surname birth": frozenset(("surname", "birth")),
    "given birth": frozenset(("given", "birth")),
    "first birth": frozenset(("given", "birth")),
}
"""The kinds of `blocking.texts`, and the compared fields of which each is made: these do not speak in its group."""

_PRIOR_PAIRS = 60_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read of a hub with `population` records.

    `blocks` give places of the records that share a key, of a `share` of all keys; `anybody` are places of records
    that were picked at random.
    """

    features: Sequence[Features]
    blocks: Mapping[int, Sequence[int]]
    share: float
    anybody: Sequence[int]
    population: int


def fit(seen: Seen, secret: bytes, base_content: Mapping[str, Any], model_id: str, seed: int) -> dict[str, Any]:
    """The JSON of a model, begun from that of another; the same for the same seed. `secret` is that of the keys."""
    base = models.parse(base_content).for_population(max(seen.population, 2))
    generator = np.random.default_rng(seed)
    table = Extracted.of(seen.features)
    random = learning.random_rates(Extracted.of([seen.features[at] for at in seen.anybody]), base, generator)
    kinds = _pairs_by_kind(seen, secret)
    match = learning.matched_rates(_groups(table, kinds, generator), base, random)
    content = learning.content(
        base,
        base_content,
        random,
        match,
        model_id=model_id,
        frequencies=frequencies([seen.features[at] for at in seen.anybody], least=LEAST_NAMED),
    )
    content["prior"] = _prior(seen, table, kinds, models.parse(content), generator)
    return content


def _pairs_by_kind(seen: Seen, secret: bytes) -> dict[str, list[tuple[int, int]]]:
    """The pairs of the blocks, by the kind of key that they share."""
    texts: dict[int, str] = {}
    for places in seen.blocks.values():
        for text in blocking.texts(seen.features[places[0]]):
            texts.setdefault(blocking.keyed((text,), secret)[0], text)
    found: dict[str, list[tuple[int, int]]] = {kind: [] for kind in _FIELDS}
    for key, places in seen.blocks.items():
        kind = _kind(texts.get(key, ""))
        if kind:
            found[kind] += combinations(sorted(places), 2)
    return found


def _kind(text: str) -> str:
    return next((kind for kind in _FIELDS if text.startswith(kind + " ")), "")


def _groups(
    table: Extracted, kinds: Mapping[str, Sequence[tuple[int, int]]], generator: np.random.Generator
) -> list[em.Group]:
    """For every kind of key some of its pairs, compared."""
    groups = []
    for kind, pairs in kinds.items():
        if pairs:
            some = np.array(sorted(set(pairs)), dtype=np.intp)
            if len(some) > learning.GROUP_PAIRS:
                some = some[generator.choice(len(some), size=learning.GROUP_PAIRS, replace=False)]
            groups.append(em.Group.of(learning.levels(table, some[:, 0], some[:, 1]), _FIELDS[kind]))
    return groups


def _prior(
    seen: Seen,
    table: Extracted,
    kinds: Mapping[str, Sequence[tuple[int, int]]],
    model: Model,
    generator: np.random.Generator,
) -> float:
    """How likely two records at random are one person. A pair that shares several keys was as often likely to be seen."""
    pairs = np.array([pair for found in kinds.values() for pair in found], dtype=np.intp).reshape(-1, 2)
    total = seen.population * (seen.population - 1) / 2
    if not len(pairs):
        return model.prior
    each = 1 / seen.share
    if len(pairs) > _PRIOR_PAIRS:
        each *= len(pairs) / _PRIOR_PAIRS
        pairs = pairs[generator.choice(len(pairs), size=_PRIOR_PAIRS, replace=False)]
    keys = {at: frozenset(blocking.texts(seen.features[at])) for at in np.unique(pairs).tolist()}
    shared = np.array([max(len(keys[a] & keys[b]), 1) for a, b in pairs.tolist()])
    weight = score.score_places(model, Pairs.of(table, pairs[:, 0], pairs[:, 1])).weight
    return learning.prior_of(weight - model.prior_weight, each / shared, model, total)
