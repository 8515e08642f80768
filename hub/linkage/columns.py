"""A batch of records as columns, and pairs of records as places in it.

Each distinct record is laid out once however many pairs it is in; comparisons then run over whole columns. Where the
columns come from - features of single records, or a register read as a whole - the comparisons do not know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from hub.linkage.features import Features
from hub.linkage.layout import DTYPE, FIELDS

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]
Levels = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Column = npt.NDArray[np.unsignedinteger]
Result = TypeVar("Result")
_ENDS = np.cumsum([DTYPE[name].itemsize for name, _ in FIELDS]).tolist()
_BYTES = {name: slice(end - DTYPE[name].itemsize, end) for (name, _), end in zip(FIELDS, _ENDS, strict=True)}
_LARGE = 1024


class Table(Protocol):
    """Records laid out side by side. Equal numbers stand for equal values within one table, 0 for a missing one."""

    def column(self, name: str) -> Column | None:
        """The numbers of a field of `layout.FIELDS`, one a record; None where no record has any."""

    def texts(self, name: str, places: Places) -> list[str]:
        """A text of `features.TEXTS` of the records at `places`."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """A table of features that were extracted record by record."""

    features: Sequence[Features]
    rows: npt.NDArray[np.void]
    stated: bytes
    """All rows laid over each other: where a field's bytes are 0, no record has it."""
    _columns: dict[str, Column] = field(default_factory=dict)

    @classmethod
    def of(cls, features: Sequence[Features]) -> "Extracted":
        rows = np.frombuffer(b"".join([f.row for f in features]), dtype=DTYPE)
        stated = np.bitwise_or.reduce(rows.view(np.uint8).reshape(len(rows), DTYPE.itemsize), axis=0)
        return cls(features, rows, stated.tobytes())

    def __len__(self) -> int:
        return len(self.features)

    def column(self, name: str) -> Column | None:
        found = self._columns.get(name)
        if found is None and any(self.stated[_BYTES[name]]):
            found = self._columns[name] = np.ascontiguousarray(self.rows[name])
        return found

    def texts(self, name: str, places: Places) -> list[str]:
        return [self.features[place].text(name) for place in places]


@dataclass(slots=True)
class Pairs:
    """Pairs of a table's records, as places in it. A field's values are fetched once and kept while the pairs are compared."""

    table: Table
    left: Places
    right: Places
    _kept: dict[str, tuple[Numbers, Numbers]]
    _found: dict[str, Any]

    @classmethod
    def of(cls, table: Table, left: Places, right: Places) -> "Pairs":
        return cls(table, left, right, {}, {})

    def __len__(self) -> int:
        return len(self.left)

    def part(self, start: int, stop: int) -> "Pairs":
        """The pairs from `start` to before `stop`."""
        return Pairs.of(self.table, self.left[start:stop], self.right[start:stop])

    def at(self, where: Places | Flags) -> "Pairs":
        """Some of the pairs."""
        return Pairs.of(self.table, self.left[where], self.right[where])

    def has(self, *names: str) -> bool:
        """Whether any record has any of these fields."""
        return any(self.table.column(name) is not None for name in names)

    def both(self, name: str) -> tuple[Numbers, Numbers]:
        """The field's values on the left and on the right."""
        found = self._kept.get(name)
        if found is None:
            column = self.table.column(name)
            ends = self.once("ends", lambda: np.array((self.left, self.right)))
            values = (
                np.zeros(ends.shape, np.uint64) if column is None else column.take(ends).astype(np.uint64, copy=False)
            )
            found = self._kept[name] = values[0], values[1]
        return found

    def once(self, name: str, work: Callable[[], Result]) -> Result:
        """What `work` finds, kept under `name` while the pairs are compared."""
        if name not in self._found:
            self._found[name] = work()
        found: Result = self._found[name]
        return found

    def texts(self, name: str, where: Places) -> tuple[list[str], list[str]]:
        """A text of the pairs at `where`, left and right."""
        return self.table.texts(name, self.left[where]), self.table.texts(name, self.right[where])


def mark(found: Levels, where: Flags, level: int) -> None:
    """found[where] = level. In large batches by arithmetic, which takes a tenth of the time of an assignment."""
    if len(found) < _LARGE:
        found[where] = level
        return
    found *= (~where).view(np.uint8)
    found += where.view(np.uint8) * np.uint8(level)


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
    return Pairs.of(Extracted.of(features), ends[0], ends[1])
