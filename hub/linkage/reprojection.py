"""Whose persons another set of automatic links could change: found over everybody at once, in columns of numbers.

Most persons hang together under the new links exactly as they do today, and nothing within them is disputed: they stay
as they are, and nobody need read their records. All others are given out in parts that do not depend on each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.linkage.columns import Flags, Places

Records = npt.NDArray[np.int64]
"""Record ids."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Pairs of records, as two columns."""

    a: Records
    b: Records

    def where(self, flags: Flags) -> "Ends":
        """Some of the pairs."""
        return Ends(self.a[flags], self.b[flags])

    def within(self, ids: Records) -> list[tuple[int, int]]:
        """The pairs among the records `ids`."""
        return self.where(np.isin(self.a, ids) & np.isin(self.b, ids)).pairs()

    def pairs(self) -> list[tuple[int, int]]:
        """One by one."""
        return list(zip(self.a.tolist(), self.b.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Standing:
    """Everybody: `records` ascending, `persons` each one's person, named by its oldest record."""

    records: Records
    persons: Records

    def known(self, pairs: Ends) -> Ends:
        """The pairs of which both records are here."""
        return pairs.where(np.isin(pairs.a, self.records) & np.isin(pairs.b, self.records))

    def places(self, ids: Records) -> Places:
        """Where the records `ids` stand."""
        return np.searchsorted(self.records, ids).astype(np.intp)


def groups(count: int, left: Places, right: Places) -> Places:
    """For each of `count` places the least place that it hangs together with through the pairs."""
    label = np.arange(count, dtype=np.intp)
    while True:
        a, b = label[left], label[right]
        apart = a != b
        if not apart.any():
            return label
        low, high = np.minimum(a[apart], b[apart]), np.maximum(a[apart], b[apart])
        np.minimum.at(label, high, low)
        while not np.array_equal(further := label[label], label):
            label = further


def linked_groups(standing: Standing, linked: Ends) -> Places:
    """Who would hang together if the links alone decided."""
    return groups(len(standing.records), standing.places(linked.a), standing.places(linked.b))


def parts(standing: Standing, linked: Ends, must: Ends, *, size: int) -> Iterator[Records]:
    """The records whose persons may change under the links, ascending, about `size` at a time.

    Whatever hangs together by links, decisions or today's persons is in one part. Left out is a person that the links
    join to a whole and to nobody else, and within which no decision has joined anything: only that brings two resident
    IDs into one person, and then it matters which links come first.
    """
    count = len(standing.records)
    here = [np.concatenate([standing.places(pairs.a) for pairs in (linked, must)])]
    there = [np.concatenate([standing.places(pairs.b) for pairs in (linked, must)])]
    together = groups(count, here[0], there[0])
    owner = standing.places(standing.persons)
    whole = groups(count, np.concatenate([*here, np.arange(count)]), np.concatenate([*there, owner]))
    disputed = (_kinds_in(whole, together) > 1) | (_kinds_in(whole, owner) > 1)
    disputed[whole[standing.places(must.a)]] = True
    yield from _cut(standing.records, whole, disputed[whole], size)


def _kinds_in(whole: Places, kind: Places) -> npt.NDArray[np.int64]:
    """How many different kinds are found in each whole."""
    pairs = np.unique(whole.astype(np.int64) * len(whole) + kind)
    return np.bincount(pairs // max(len(whole), 1), minlength=len(whole))


def _cut(records: Records, whole: Places, wanted: Flags, size: int) -> Iterator[Records]:
    chosen = np.flatnonzero(wanted)
    chosen = chosen[np.argsort(whole[chosen], kind="stable")]
    start = 0
    while start < len(chosen):
        end = min(start + size, len(chosen))
        end = int(np.searchsorted(whole[chosen], whole[chosen[end - 1]], side="right"))
        yield np.sort(records[chosen[start:end]])
        start = end
