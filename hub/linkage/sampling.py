"""Precision and recall of automatic links, estimated from a stratified random sample that people judged blind.

Each stratum is weighed by its population (Horvitz–Thompson). The interval is Wilson's for the effective number of
judgements; strata that nobody judged yet widen it by all they could still change. Nothing here is random.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal

Zone = Literal["auto", "review", "near"]
_Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Stratum:
    """Pairs of one zone and weights from `low` up to `high`: how many there are, were judged, and are one person.

    `population` is an estimate where pairs of the zone are not stored; who was unsure is not counted as judged.
    """

    zone: Zone
    low: float | None
    high: float | None
    population: float
    judged: int
    same: int

    @property
    def share(self) -> float:
        """Of the judged, those of one person."""
        return self.same / self.judged if self.judged else 0.0

    @property
    def smooth(self) -> float:
        """`share` drawn a little to the middle, for what is to be said of its variance."""
        return (self.same + 0.5) / (self.judged + 1)

    @property
    def variance(self) -> float:
        """Of `share`; never zero, since a few that agree prove little."""
        if not self.judged:
            return 0.0
        left = max(0.0, 1 - self.judged / self.population) if self.population else 0.0
        return self.smooth * (1 - self.smooth) / self.judged * left


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its 95 % interval; `covered` is the share of the pairs it is about that lies in judged strata."""

    value: float
    low: float
    high: float
    covered: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


UNKNOWN: Final = Estimate(0.0, 0.0, 1.0, 0.0)


def precision(strata: Sequence[Stratum]) -> Estimate:
    """Of the pairs linked by themselves, those of one person."""
    auto = [stratum for stratum in strata if stratum.zone == "auto" and stratum.population]
    judged = [stratum for stratum in auto if stratum.judged]
    total, known = _sum(s.population for s in auto), _sum(s.population for s in judged)
    if not known:
        return UNKNOWN
    value = _true(judged) / known
    smooth = _sum(s.population * s.smooth for s in judged) / known
    low, high = _wilson(value, smooth, _variance(judged) / known**2)
    covered = known / total
    return Estimate(value, low * covered, high * covered + 1 - covered, covered)


def recall(strata: Sequence[Stratum]) -> Estimate:
    """Of the pairs of one person that share a key, those linked by themselves; the rest waits for a person or is lost."""
    known = [stratum for stratum in strata if stratum.population]
    judged = [stratum for stratum in known if stratum.judged]
    found = [stratum for stratum in judged if stratum.zone == "auto"]
    missed = [stratum for stratum in judged if stratum.zone != "auto"]
    hit, lost = _true(found), _true(missed)
    if not hit + lost:
        return UNKNOWN
    value = hit / (hit + lost)
    drawn, left = (_sum(s.population * s.smooth for s in some) for some in (found, missed))
    # The delta method for hit / (hit + lost), at the smoothed figures.
    spread = (left**2 * _variance(found) + drawn**2 * _variance(missed)) / (drawn + left) ** 4
    low, high = _wilson(value, drawn / (drawn + left), spread)
    open_found = _sum(s.population for s in known if not s.judged and s.zone == "auto")
    open_missed = _sum(s.population for s in known if not s.judged and s.zone != "auto")
    all_ = hit + lost
    covered = _sum(s.population for s in judged) / _sum(s.population for s in known)
    return Estimate(
        value,
        low * all_ / (all_ + open_missed),
        (high * all_ + open_found) / (all_ + open_found),
        covered,
    )


def _sum(numbers: Iterable[float]) -> float:
    return float(sum(numbers))


def _true(strata: Iterable[Stratum]) -> float:
    """Estimated pairs of one person."""
    return _sum(stratum.population * stratum.share for stratum in strata)


def _variance(strata: Iterable[Stratum]) -> float:
    return _sum(stratum.population**2 * stratum.variance for stratum in strata)


def _wilson(value: float, smooth: float, variance: float) -> tuple[float, float]:
    """The interval of a share, for as many judgements as would give `smooth` that variance."""
    if not variance:
        return value, value
    number = smooth * (1 - smooth) / variance
    spread = _Z * _Z / number
    middle = (value + spread / 2) / (1 + spread)
    half = sqrt(value * (1 - value) * spread + spread * spread / 4) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
