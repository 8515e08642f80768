"""A batch of features as columns, and pairs of records as places in it.

Each distinct record is laid out once however many pairs it is in; comparisons then run over whole columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.linkage.features import Features
from hub.linkage.layout import DTYPE

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]
Levels = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Table:
    """Records laid out side by side."""

    features: Sequence[Features]
    rows: npt.NDArray[np.void]

    @classmethod
    def of(cls, features: Sequence[Features]) -> "Table":
        return cls(features, np.frombuffer(b"".join([f.row for f in features]), dtype=DTYPE))


@dataclass(slots=True)
class Pairs:
    """Pairs of a table's records. `a.x` and `b.x` of a field are fetched once and kept while the pairs are compared."""

    table: Table
    left: Places
    right: Places
    _kept: dict[tuple[str, bool], Numbers]

    @classmethod
    def of(cls, table: Table, left: Places, right: Places) -> "Pairs":
        return cls(table, left, right, {})

    def __len__(self) -> int:
        return len(self.left)

    def both(self, field: str) -> tuple[Numbers, Numbers]:
        """The field's values on the left and on the right."""
        return self._fetch(field, True), self._fetch(field, False)

    def _fetch(self, field: str, left: bool) -> Numbers:
        key = (field, left)
        found = self._kept.get(key)
        if found is None:
            column = np.ascontiguousarray(self.table.rows[field]).astype(np.uint64)
            found = self._kept[key] = column[self.left if left else self.right]
        return found

    def texts(self, field: str, where: Places) -> tuple[list[str], list[str]]:
        """A text of the pairs at `where`, left and right."""
        features = self.table.features
        return (
            [features[i].text(field) for i in self.left[where]],
            [features[i].text(field) for i in self.right[where]],
        )


def table_of_pairs(pairs: Sequence[tuple[Features, Features]]) -> Pairs:
    """Pairs given as objects, laid out with every distinct object once."""
    places: dict[int, int] = {}
    features: list[Features] = []
    ends = np.empty((2, len(pairs)), dtype=np.intp)
    for column, pair in enumerate(pairs):
        for side, one in enumerate(pair):
            place = places.setdefault(id(one), len(features))
            if place == len(features):
                features.append(one)
            ends[side, column] = place
    return Pairs.of(Table.of(features), ends[0], ends[1])
