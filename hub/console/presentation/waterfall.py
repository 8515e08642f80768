"""The score as a waterfall: from how likely it was before comparing, field by field, to the sum.

Positions are percentages of the drawing's width; the fields come in the order of how much they say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hub.console.presentation.bars import likelihood
from hub.linkage.explain import FieldEvidence

_QUIET = 0.05
_MARGIN = 0.06


@dataclass(frozen=True, slots=True)
class Step:
    """One bar: from `start`, `width` wide; `level` is where the sum stands after it."""

    line: FieldEvidence
    start: float
    width: float
    level: float

    @property
    def towards(self) -> str:
        """`for` it is one person, or `against`."""
        return "for" if self.line.weight >= 0 else "against"


@dataclass(frozen=True, slots=True)
class Fall:
    """The whole drawing; `review` and `auto` are the thresholds' positions."""

    steps: tuple[Step, ...]
    quiet: tuple[FieldEvidence, ...]
    weight: float
    start: float
    width: float
    level: float
    zero: float
    review: float
    auto: float
    likelihood: int


def fall(evidence: Sequence[FieldEvidence], review: float, auto: float) -> Fall:
    """The drawing of an explained score."""
    first = [line for line in evidence if line.field == "prior"]
    last = [line for line in evidence if line.field == "dependence"]
    middle = [line for line in evidence if line.field not in ("prior", "dependence")]
    middle.sort(key=lambda line: -abs(line.weight))
    said = [line for line in (*middle, *last) if abs(line.weight) >= _QUIET]
    sums = [0.0]
    for line in (*first, *said):
        sums.append(sums[-1] + line.weight)
    total = sum(line.weight for line in evidence)
    low, high = min(*sums, review, total), max(*sums, auto, total)
    margin = (high - low) * _MARGIN

    def at(value: float) -> float:
        return round(100 * (value - low + margin) / (high - low + 2 * margin), 2)

    steps = []
    for line, before, after in zip((*first, *said), sums, sums[1:], strict=False):
        left, right = sorted((at(before), at(after)))
        steps.append(Step(line, left, round(max(right - left, 0.4), 2), at(after)))
    left, right = sorted((at(0.0), at(total)))
    return Fall(
        steps=tuple(steps),
        quiet=tuple(line for line in (*middle, *last) if abs(line.weight) < _QUIET and line.relation != "missing"),
        weight=total,
        start=left,
        width=round(max(right - left, 0.4), 2),
        level=at(total),
        zero=at(0.0),
        review=at(review),
        auto=at(auto),
        likelihood=likelihood(total),
    )
