"""A few pairs of records compared, each by itself."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from hub.linkage.features import Features
from hub.linkage.pairwise.levels import Levels, levels
from hub.linkage.pairwise.records import Record, record
from hub.linkage.pairwise.vetoes import vetoes


class Compared(NamedTuple):
    """A pair, the level of each of its fields, and the contradictions in it as bits of `constraints.NAMES`."""

    a: Record
    b: Record
    levels: Levels
    vetoes: int


def compare(pairs: Sequence[tuple[Features, Features]], unique_sources: Collection[int]) -> list[Compared]:
    """`unique_sources` are the numbers of sources that hold one live record a person."""
    known: dict[int, Record] = {}
    found = []
    for one, other in pairs:
        a = known.get(id(one)) or known.setdefault(id(one), record(one))
        b = known.get(id(other)) or known.setdefault(id(other), record(other))
        agreement = levels(a, b)
        found.append(Compared(a, b, agreement, vetoes(a, b, agreement, unique_sources)))
    return found
