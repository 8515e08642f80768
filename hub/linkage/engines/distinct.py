"""The different values of a column: what is the same is worked out once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]
_MIX, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(48)


class Distinct(NamedTuple):
    """`values` in rising order, one place `at` which each is, and which of them each place holds: values[of] is the column."""

    values: Numbers
    at: Places
    of: Places


def distinct(column: Numbers) -> Distinct:
    """The different values of a column."""
    order = np.argsort(column)
    ranked = column.take(order)
    new = np.append(True, ranked[1:] != ranked[:-1])[: len(column)]
    of = np.empty(len(column), dtype=np.intp)
    of[order] = np.cumsum(new) - 1
    return Distinct(ranked[new], order[new], of)


def merged(parts: Sequence[Distinct]) -> Distinct:
    """The different values of a column from those of its parts, one behind the other."""
    starts = np.cumsum([0, *(len(part.of) for part in parts)])
    ends = np.cumsum([0, *(len(part.values) for part in parts)])
    values, at, of = distinct(np.concatenate([part.values for part in parts]))
    places = np.concatenate([part.at + start for part, start in zip(parts, starts[:-1].tolist(), strict=True)])
    own = [of[end:].take(part.of) for part, end in zip(parts, ends[:-1].tolist(), strict=True)]
    return Distinct(values, places[at], np.concatenate(own))


def among(column: Numbers, values: Numbers) -> npt.NDArray[np.bool_]:
    """Which of a long column are among a few values: nearly all others are told by 16 bits of a hash."""
    like = np.zeros(1 << 16, dtype=np.bool_)
    like[(values * _MIX) >> _SHIFT] = True
    found: npt.NDArray[np.bool_] = like[(column * _MIX) >> _SHIFT]
    found[found] = np.isin(column[found], values)
    return found
