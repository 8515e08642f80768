"""Scores the candidate pairs of a register in threads, with the online scorer's own functions.

Addresses are costly to read and decide few pairs: they are read only for pairs that could reach a person's eyes with
the best addresses imaginable. Every pair that is kept has exactly the weight that `score.score_pairs` gives it.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from hub.linkage import comparisons, constraints, score
from hub.linkage.columns import Levels, Pairs, Places
from hub.linkage.engines import name_columns
from hub.linkage.engines.candidates import Candidates
from hub.linkage.engines.register import Register
from hub.linkage.model import Floats, Model

_CHUNK = 32768
_LATE = dict.fromkeys(
    ("origin", "residence"),
    (
        comparisons.ADDRESS_UNLIKE,
        comparisons.ADDRESS_SHORT,
        comparisons.ADDRESS_SIMILAR,
        comparisons.ADDRESS_SAME,
    ),
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Scored:
    """The pairs that are not plainly two people; `decision` indexes `score.DECISIONS`. Sorted by left, right."""

    left: Places
    right: Places
    weight: Floats
    levels: Levels
    vetoes: npt.NDArray[np.uint8]
    decision: npt.NDArray[np.uint8]

    @property
    def probability(self) -> Floats:
        found: Floats = 1 / (1 + np.exp2(-self.weight))
        return found


def score_candidates(
    model: Model, register: Register, candidates: Candidates, progress: Progress = lambda done, total: None
) -> Scored:
    """All pairs from the model's `review` upwards, and those that somebody must look at whatever they weigh."""
    model = model.spelled(name_columns.spelled)
    pairs = Pairs.of(register, candidates.left, candidates.right)
    total = len(pairs)
    with ThreadPoolExecutor(register.cells.threads) as pool:
        kept: list[Places] = []
        for at, found in enumerate(pool.map(partial(_possible, model, pairs), range(0, total, _CHUNK))):
            kept.append(found)
            progress(min((at + 1) * _CHUNK, total), total)
        pairs = pairs.at(np.concatenate([*kept, np.empty(0, np.intp)]))
        register.sign(np.unique(np.concatenate([pairs.left, pairs.right])))
        parts = list(pool.map(partial(_scored, model), _parts(pairs)))
    return _joined(parts)


def _possible(model: Model, pairs: Pairs, start: int) -> Places:
    """Places of the pairs of one chunk that could come to a person's eyes."""
    part = pairs.part(start, start + _CHUNK)
    levels = comparisons.levels(part)
    most = score.ceiling(model, part, levels, _LATE)
    always = np.uint8(constraints.bits(constraints.ALWAYS_REVIEW))
    possible = (most >= model.review - 1e-6) | ((constraints.vetoes(part, levels) & always) != 0)
    return start + np.flatnonzero(possible)


def _parts(pairs: Pairs) -> Iterator[Pairs]:
    for start in range(0, len(pairs), _CHUNK):
        yield pairs.part(start, start + _CHUNK)


def _scored(model: Model, pairs: Pairs) -> Scored:
    found = score.score_places(model, pairs)
    keep = np.flatnonzero(found.decision)
    return Scored(
        pairs.left[keep],
        pairs.right[keep],
        found.weight[keep],
        found.levels[keep],
        found.vetoes[keep],
        found.decision[keep],
    )


def _joined(parts: list[Scored]) -> Scored:
    empty = np.empty(0, np.intp)
    nothing = Scored(
        empty,
        empty,
        np.empty(0),
        np.empty((0, len(comparisons.FIELDS)), np.uint8),
        np.empty(0, np.uint8),
        np.empty(0, np.uint8),
    )
    every = [nothing, *parts]
    return Scored(
        np.concatenate([part.left for part in every]),
        np.concatenate([part.right for part in every]),
        np.concatenate([part.weight for part in every]),
        np.concatenate([part.levels for part in every]),
        np.concatenate([part.vetoes for part in every]),
        np.concatenate([part.decision for part in every]),
    )
