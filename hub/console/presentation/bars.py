"""Bars: how strongly two records agree, how much of a whole, and two distributions side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

SPAN = 12.0


@dataclass(frozen=True, slots=True)
class Bar:
    """Percentages of the bar's width: filled from `start`, `width` wide; marks where linking would be automatic."""

    start: float
    width: float
    review: float
    auto: float
    likelihood: int


def likelihood(weight: float) -> int:
    """Per cent that it is one person; 1 and 99 at the ends, since nothing is certain."""
    return round(min(max(100 / (1 + 2 ** -max(min(weight, 60), -60)), 1), 99))


def strength(weight: float, review: float, auto: float) -> Bar:
    """From the middle to the right for, to the left against."""

    def at(value: float) -> float:
        return round(50 + 50 * max(-1.0, min(1.0, value / SPAN)), 2)

    low, high = sorted((at(0), at(weight)))
    return Bar(low, max(round(high - low, 2), 1), at(review), at(auto), likelihood(weight))


def share(number: int, most: int) -> float:
    """A bar's length in per cent, where the longest is `most`; what is there at all can be seen."""
    return round(max(100 * number / most, 1.5), 2) if number and most else 0.0


@dataclass(frozen=True, slots=True)
class Column:
    """One bin of two distributions: where it stands and how wide it is in per cent, and both heights."""

    at: float
    width: float
    before: float
    after: float


def histogram(before: Sequence[int], after: Sequence[int]) -> tuple[Column, ...]:
    """Columns whose heights are shares of their own total; the tallest fills the drawing."""
    shares = [[number / max(sum(counts), 1) for number in counts] for counts in (before, after)]
    tallest = max(*shares[0], *shares[1]) or 1.0
    width = 100 / len(before)
    return tuple(
        Column(round(at * width, 2), round(width, 2), round(100 * old / tallest, 2), round(100 * new / tallest, 2))
        for at, (old, new) in enumerate(zip(*shares, strict=True))
    )
