"""Links against the truth, by pairs of records: how many pairs were found, how many are right, how many there are.

Pure. A pair is two records of one person; precision and recall are shares of pairs.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Record = TypeVar("Record", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Pairs that were found, that are true, and that are both."""

    found: int
    true: int
    right: int

    @property
    def precision(self) -> float:
        """Share of the found pairs that are true; 1 when none was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that were found; 1 when there are none."""
        return self.right / self.true if self.true else 1.0


def compare(found: Mapping[Record, Hashable], truth: Mapping[Record, Hashable], records: Iterable[Record]) -> Agreement:
    """Compare two partitions of `records`, each given as record → person."""
    listed = list(records)
    return Agreement(
        found=_pairs(Counter(found[record] for record in listed)),
        true=_pairs(Counter(truth[record] for record in listed)),
        right=_pairs(Counter((found[record], truth[record]) for record in listed)),
    )


def _pairs(sizes: Mapping[Hashable, int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())
