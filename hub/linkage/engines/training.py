"""Fits a model to a register without knowing who is who: u from pairs at random, m by EM, frequencies by counting.

What a register cannot tell, how households and twins look, is taken from the model that training begins with.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from hub.linkage import comparisons, em, learning, score
from hub.linkage import model as models
from hub.linkage.columns import Pairs
from hub.linkage.engines import candidates, name_columns
from hub.linkage.engines.candidates import KIND_FIELDS, Candidates, Codes, Coverage
from hub.linkage.engines.register import Register
from hub.linkage.model import Model
from hub.linkage.train import TABLE_SIZES, rounded, table_of

_PRIOR_PAIRS = 60_000
_ROUNDS = 30
_BELIEVED = 2.0
"""Pairs that the share of a class counts for before any pair of the register is looked at."""


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
    model, found = models.parse(content), candidates.joined(kinds, len(register))
    content["prior"], content["classes"] = _shares(register, model, found, generator)
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


def _shares(
    register: Register, model: Model, found: Candidates, generator: np.random.Generator
) -> tuple[float, dict[str, float]]:
    """How many of all pairs are one person, and how many two of each class, as far as candidates can tell.

    A class that candidates hardly meet keeps the share it had; of one they would meet, the register has its own say.
    """
    total = len(register) * (len(register) - 1) / 2
    places = np.arange(len(found.left))
    if len(places) > _PRIOR_PAIRS:
        places = generator.choice(places, size=_PRIOR_PAIRS, replace=False)
    left, right = found.left[places], found.right[places]
    likelier = score.likelihoods(model.spelled(name_columns.spelled), Pairs.of(register, left, right))
    scale = len(found.left) / max(len(places), 1)
    met = {name: total * _chance(model, name, found.coverage, len(register)) for name in model.shares}
    shares, prior = dict(model.shares), model.prior
    for _ in range(_ROUNDS):
        parts = {name: share * likelier[name] for name, share in shares.items()}
        match = prior * likelier[score.MATCH]
        every = match + sum(parts.values()) + 1 - prior - sum(shares.values())
        prior = min(max(float((match / every).sum()) * scale, 1.0) / total, 0.5)
        shares = {
            name: (_BELIEVED + float((part / every).sum()) * scale) / (_BELIEVED / model.shares[name] + met[name])
            for name, part in parts.items()
        }
    return rounded(prior), {name: rounded(share) for name, share in shares.items()}


def _chance(model: Model, name: str, coverage: Sequence[Coverage], records: int) -> float:
    """How likely, at least, two people of a class share a key."""
    same = {field: float(rates[-1]) for field, rates in zip(comparisons.FIELDS, model.classes[name], strict=True)}
    chances = [0.0]
    for one in coverage:
        fields = KIND_FIELDS[one.kind]
        if one.kind in candidates.EITHER:
            fields -= {min(("surname", "given"), key=same.__getitem__)}
        chances.append(min(one.records / records, 1.0) ** 2 * prod(same[field] for field in fields))
    return max(chances)
