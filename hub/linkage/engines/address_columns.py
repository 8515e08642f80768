"""Signatures of addresses by column: exactly those of `linkage.addresses`, a register's worth at a time.

A register has many addresses and few streets, houses and doors: each of these is worked out once, and an address is put
together from two of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hub.linkage import addresses
from hub.linkage.columns import Flags, Numbers, Places
from hub.linkage.engines.distinct import distinct
from hub.linkage.engines.files import Cells

Signatures = tuple[Numbers, Numbers]
"""Two words a text: `addresses.words`."""


@dataclass(frozen=True, slots=True)
class _Halves:
    """The different heads, or tails, of a column: as written, as the core has them (None: unknown), and whose they are."""

    written: Sequence[str]
    spelt: Sequence[str | None]
    of: Places

    def which(self, test: Callable[[str, str | None], bool]) -> Flags:
        """The records whose half passes the test."""
        found: Flags = np.array(list(map(test, self.written, self.spelt)), dtype=np.bool_)[self.of]
        return found


def read(cells: Cells, column: str) -> Signatures:
    """The signature of each cell; zeros for an empty one."""
    parted = f"SELECT \"{column}\" AS t, regexp_extract(t, '{addresses.TAIL}$') AS tail FROM cells"
    found = cells.arrays(f"SELECT hash(left(t, length(t) - length(tail))) AS head, hash(tail) AS tail FROM ({parted})")
    heads = _different(cells, column, found["head"], 0, addresses.street)
    tails = _different(cells, column, found["tail"], 1, addresses.door)
    low, high = _together(heads, tails)
    unknown = heads.which(lambda _, spelt: spelt is None) | tails.which(lambda _, spelt: spelt is None)
    empty = heads.which(lambda text, _: not text) & tails.which(lambda text, _: not text)
    _whole(cells, column, np.flatnonzero(unknown & ~empty), low, high)
    return low, high


def _different(cells: Cells, column: str, values: Numbers, half: int, spell: Callable[[str], str | None]) -> _Halves:
    """Halves from a number for each record that is the same for equal halves."""
    _, at, of = distinct(values)
    written = [addresses.halves(text)[half] for text in cells.texts(column, at)]
    return _Halves(written, list(map(spell, written)), of)


def _together(heads: _Halves, tails: _Halves) -> Signatures:
    """The signatures of addresses from those of their halves, and of the two characters where these meet."""
    lasts, last = np.unique([(text or "")[-1:] for text in heads.spelt], return_inverse=True)
    firsts, first = np.unique([(text or "")[:1] for text in tails.spelt], return_inverse=True)  # hardly any but figures
    low, high = _words([addresses.joint(a, b) for a in lasts.tolist() for b in firsts.tolist()])
    meeting = last.take(heads.of) * len(firsts) + first.take(tails.of)
    low, high = low.take(meeting), high.take(meeting)
    for half in (heads, tails):
        own_low, own_high = _words([addresses.bits(text or "") for text in half.spelt])
        low |= own_low.take(half.of)
        high |= own_high.take(half.of)
    return low, high


def _words(found: Sequence[int]) -> Signatures:
    pairs = np.array(list(map(addresses.words, found)), dtype=np.uint64).reshape(len(found), 2)
    return pairs[:, 0], pairs[:, 1]


def _whole(cells: Cells, column: str, places: Places, low: Numbers, high: Numbers) -> None:
    """Fill in the addresses at `places`, which cannot be told from their halves, each different text once."""
    texts = cells.texts(column, places)
    different = {text: at for at, text in enumerate(dict.fromkeys(texts))}
    of = np.fromiter(map(different.__getitem__, texts), dtype=np.intp, count=len(texts))
    pairs = np.array(list(map(addresses.signature, different)), dtype=np.uint64).reshape(len(different), 2)
    low[places], high[places] = pairs[of, 0], pairs[of, 1]
