"""Scores the candidate pairs of a register in several processes, with the online scorer's own functions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.linkage import comparisons, score
from hub.linkage.columns import Levels, Pairs, Places
from hub.linkage.engines import crew, name_columns
from hub.linkage.engines.candidates import Candidates
from hub.linkage.engines.register import Register
from hub.linkage.model import Floats, Model

_CHUNK = 32768
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
    parts = crew.each(
        lambda part: _scored(model, pairs, part * _CHUNK),
        -(-total // _CHUNK),
        register.cells.threads,
        lambda begun: progress(min(begun * _CHUNK, total), total),
    )
    return _joined(parts)


def _scored(model: Model, pairs: Pairs, start: int) -> Scored:
    """What is kept of one chunk."""
    part = pairs.part(start, start + _CHUNK)
    found = score.score_places(model, part)
    keep = np.flatnonzero(found.decision)
    return Scored(
        part.left[keep],
        part.right[keep],
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
