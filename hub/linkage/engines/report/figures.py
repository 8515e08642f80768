"""Geometry of the report's pictures, in the units of their viewBox; the template draws them."""

from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np
import numpy.typing as npt

from hub.linkage.engines.dedupe import Result
from hub.linkage.engines.report.estimates import Rest
from hub.linkage.model import Floats, Model

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 900, 300, 54, 34, 40
_MOST_BINS = 60
_BELOW = 12
"""Bits below the review threshold that the histogram shows."""
_LEAST = 0.7
"""What a log scale begins with, so that a single pair has some height."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar; `low` and `high` are the weights it stands for."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Numbers of pairs by weight, on a logarithmic scale."""

    bars: tuple[Bar, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    review: float
    likely: float
    auto: float
    left: float = LEFT
    top: float = TOP
    floor: float = HEIGHT - BOTTOM
    width: float = WIDTH
    height: float = HEIGHT


def histogram(result: Result, others: Rest) -> Histogram:
    """All scored pairs, the vetoed ones among them in front, and what a sample says of those below review."""
    model, weight = result.model, result.scored.weight
    edges = _edges(model, weight)
    first, last = float(edges[0]), float(edges[-1])
    inside = np.clip(weight, first, last - 1e-9)
    scored = np.histogram(inside, edges)[0]
    vetoed = np.histogram(inside[result.scored.vetoes > 0], edges)[0]
    unseen = np.round(np.histogram(others.weight, edges)[0] * others.each).astype(np.int64)
    most = max(int(scored.max(initial=0)), int(unseen.max(initial=0)), 10)
    top = ceil(log10(most) * 4) / 4

    def across(value: float) -> float:
        return round(LEFT + (value - first) / (last - first) * (WIDTH - LEFT - 12), 2)

    def up(count: float) -> float:
        share = (log10(count) - log10(_LEAST)) / (top - log10(_LEAST))
        return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 2)

    def bars(counts: npt.NDArray[np.int64], kind: str) -> list[Bar]:
        found = []
        for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True):
            if count:
                x, y = across(low), up(count)
                wide, high_ = round(across(high) - x - 1, 2), round(HEIGHT - BOTTOM - y, 2)
                found.append(Bar(x, y, wide, high_, kind or _zone(model, (low + high) / 2), low, high, count))
        return found

    step = 5 if last - first <= 40 else 10
    marks = range(ceil(first / step) * step, floor(last) + 1, step)
    return Histogram(
        (*bars(unseen, "unseen"), *bars(scored, ""), *bars(vetoed, "vetoed")),
        tuple(Tick(across(mark), f"{mark:+d}".replace("-", "−") if mark else "0") for mark in marks),
        tuple(Tick(up(10**power), f"{10**power:,}") for power in range(floor(top) + 1)),
        across(model.review),
        across(model.likely),
        across(model.auto),
    )


def _edges(model: Model, weight: Floats) -> Floats:
    """Bins of one bit or more; one of them begins at the review threshold."""
    highest = max(float(weight.max(initial=model.auto)), model.auto) + 2
    size = ceil((highest - model.review + _BELOW) / _MOST_BINS)
    below, above = ceil(_BELOW / size), ceil((highest - model.review) / size)
    return np.asarray(model.review + np.arange(-below, above + 1) * size, dtype=np.float64)


def _zone(model: Model, weight: float) -> str:
    if weight >= model.auto:
        return "auto"
    return "likely" if weight >= model.likely else "review"


def log_share(count: int, most: int) -> float:
    """How long a bar is on a logarithmic scale, 0 to 1."""
    return log10(1 + count) / log10(1 + most) if most else 0.0
