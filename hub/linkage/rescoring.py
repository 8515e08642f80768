"""What labelled pairs teach a model beyond counting: a scale, a bias and a shift for every level, by logistic regression.

The weight of a pair becomes scale * weight + bias + the shifts of its levels, in bits. Shifts are held near nothing and
the scale near one (a ridge), so that a few labels change little and levels never labelled not at all. Pairs may have been
chosen for labelling by what they look like, as reviews are, but not by who they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from hub.linkage import comparisons
from hub.linkage.columns import Levels

Floats = npt.NDArray[np.float64]
_RIDGE = 1.0
"""How strongly shifts are held near nothing, in pairs."""
_SCALE_RIDGE = 20.0
_ROUNDS = 50
_SETTLED = 1e-8
_MOST = 30.0
"""Bits beyond which a weight is as good as certain: no more leverage."""
_LEAST_SCALE = 0.25


@dataclass(frozen=True, slots=True)
class Rescoring:
    """`shifts` is indexed [field][level]; () where nothing was learnt."""

    scale: float
    bias: float
    shifts: tuple[Floats, ...]

    def unscaled(self) -> tuple[Floats, ...]:
        """The shifts of every field as they would be before the scale is applied."""
        if not self.shifts:
            return tuple(np.zeros(len(c.levels)) for c in comparisons.COMPARISONS)
        return tuple(shifts / self.scale for shifts in self.shifts)


NONE = Rescoring(1.0, 0.0, ())


def parse(content: Mapping[str, Any] | None) -> Rescoring:
    """The rescoring of a model file, if it has one. Raises KeyError or TypeError for one that does not fit."""
    if content is None:
        return NONE
    shifts = tuple(
        np.array([0.0, *(float(content["shifts"][c.field][level]) for level in c.levels[1:])])
        for c in comparisons.COMPARISONS
    )
    return Rescoring(float(content["scale"]), float(content["bias"]), shifts)


def content(found: Rescoring) -> dict[str, Any]:
    """The JSON of a rescoring."""
    return {
        "scale": round(found.scale, 6),
        "bias": round(found.bias, 6),
        "shifts": {
            c.field: {level: round(float(shift), 6) for level, shift in zip(c.levels[1:], shifts[1:], strict=True)}
            for c, shifts in zip(comparisons.COMPARISONS, found.shifts, strict=True)
        },
    }


def fit(weight: Floats, levels: Levels, same: Sequence[bool] | npt.NDArray[np.bool_]) -> Rescoring:
    """From pairs' weights without rescoring, their levels, and whether each pair is one person. Deterministic."""
    offsets = np.cumsum([0, *(len(c.levels) for c in comparisons.COMPARISONS)])
    design = np.zeros((len(weight), 2 + offsets[-1]))
    design[:, 0], design[:, 1] = np.clip(weight, -_MOST, _MOST), 1.0
    for at, offset in enumerate(offsets[:-1]):
        known = levels[:, at] > comparisons.MISSING
        design[np.flatnonzero(known), 2 + offset + levels[known, at]] = 1.0
    held = np.full(design.shape[1], _RIDGE)
    held[:2] = _SCALE_RIDGE, 1e-3
    found = _regression(design * np.log(2), np.asarray(same, dtype=np.float64), held)
    shifts = tuple(found[2 + a : 2 + b] for a, b in pairwise(offsets))
    return Rescoring(max(float(found[0]), _LEAST_SCALE), float(found[1]), shifts)


def _regression(design: Floats, same: Floats, held: Floats) -> Floats:
    """Newton's method for a ridge around (1, 0, 0, …), halving steps that would make the fit worse."""
    centre = np.zeros(design.shape[1])
    centre[0] = 1.0

    def loss(at: Floats) -> float:
        margin = design @ at
        return float(np.logaddexp(0, margin).sum() - same @ margin + 0.5 * held @ (at - centre) ** 2)

    found, best = centre.copy(), loss(centre)
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -500, 500)))
        gradient = design.T @ (chance - same) + held * (found - centre)
        curvature = (design.T * (chance * (1 - chance))) @ design + np.diag(held)
        step = np.linalg.solve(curvature, gradient)
        while loss(found - step) > best and np.abs(step).max() > _SETTLED:
            step = step / 2
        found = found - step
        before, best = best, loss(found)
        if before - best < _SETTLED:
            break
    return found
