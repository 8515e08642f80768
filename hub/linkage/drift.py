"""Has what linkage sees moved? Distributions of weights and rates against those of some weeks before.

The population stability index of two distributions is Σ (p − q)·ln(p/q): below 0.1 nothing moved, above 0.25 much did.
A moved distribution is no fault by itself: a new region, a changed form or a new model moves it. It says: look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log
from typing import Any, Final

EDGES: Final = (-5.0, 0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0)
"""Bits between which weights are counted; below the first and above the last are bins of their own."""
RATES: Final = ("auto", "review", "none")
"""Of live records: linked by themselves, only waiting for a person, alone."""
MOVED: Final = 0.2
MISSING_MOVED: Final = 0.1
FEWEST: Final = 200
"""Records or pairs below which shares say nothing."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What linkage saw at one time: pairs by weight, records by outcome, pairs in which a field was missing.

    `members` are the records by outcome of each member, by name; `fields` count of `pairs`.
    """

    weights: tuple[int, ...]
    rates: tuple[int, ...]
    missing: Mapping[str, int]
    members: Mapping[str, tuple[int, ...]]

    @property
    def pairs(self) -> int:
        """Scored pairs."""
        return sum(self.weights)

    def kept(self) -> dict[str, Any]:
        """As it can be stored."""
        return {**asdict(self), "missing": dict(self.missing), "members": dict(self.members)}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Profile":
        """What `kept` gave."""
        members = {name: tuple(counts) for name, counts in kept["members"].items()}
        return cls(tuple(kept["weights"]), tuple(kept["rates"]), kept["missing"], members)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that moved: `what` is weights, rates, missing or member; `of` the field or member; how much."""

    what: str
    of: str
    before: float
    after: float
    index: float


def stability(before: Sequence[int], after: Sequence[int]) -> float:
    """The population stability index of two counted distributions over the same bins; empty bins count half a thing."""
    if len(before) != len(after):
        raise ValueError("two distributions over different bins")
    bins = len(before)
    p = [(number + 0.5) / (sum(before) + 0.5 * bins) for number in before]
    q = [(number + 0.5) / (sum(after) + 0.5 * bins) for number in after]
    return sum((there - here) * log(there / here) for here, there in zip(p, q, strict=True))


def findings(before: Profile, after: Profile) -> list[Finding]:
    """What moved, the most moved first."""
    found = []
    if min(before.pairs, after.pairs) >= FEWEST:
        index = stability(before.weights, after.weights)
        if index >= MOVED:
            found.append(Finding("weights", "", _mean_bin(before.weights), _mean_bin(after.weights), index))
        found += _missing(before, after)
    found += _rates("rates", "", before.rates, after.rates)
    for name in sorted(before.members.keys() & after.members.keys()):
        found += _rates("member", name, before.members[name], after.members[name])
    return sorted(found, key=lambda finding: (-finding.index, finding.what, finding.of))


def _rates(what: str, of: str, before: Sequence[int], after: Sequence[int]) -> list[Finding]:
    if min(sum(before), sum(after)) < FEWEST:
        return []
    index = stability(before, after)
    return [Finding(what, of, _linked(before), _linked(after), index)] if index >= MOVED else []


def _missing(before: Profile, after: Profile) -> list[Finding]:
    found = []
    for field in sorted(before.missing.keys() & after.missing.keys()):
        old, new = before.missing[field] / before.pairs, after.missing[field] / after.pairs
        if abs(new - old) >= MISSING_MOVED:
            counts = [
                (n, total - n)
                for n, total in ((before.missing[field], before.pairs), (after.missing[field], after.pairs))
            ]
            found.append(Finding("missing", field, old, new, stability(*counts)))
    return found


def _linked(counts: Sequence[int]) -> float:
    """The share that is linked by itself."""
    return counts[0] / sum(counts)


def _mean_bin(weights: Sequence[int]) -> float:
    """The average bin, as a share of all bins: where the weights lie."""
    return sum(at * number for at, number in enumerate(weights)) / sum(weights) / (len(weights) - 1)
