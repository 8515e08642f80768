"""The different values of a column: what is the same is worked out once."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]
_MIX, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(48)


class Distinct(NamedTuple):
    """`values` in rising order, where each is `first` found, and which of them each place holds: values[of] is the column."""

    values: Numbers
    first: Places
    of: Places


def distinct(column: Numbers) -> Distinct:
    """The different values of a column."""
    values, of = np.unique(column, return_inverse=True)
    first = np.empty(len(values), dtype=np.intp)
    first[of[::-1]] = np.arange(len(column) - 1, -1, -1)
    return Distinct(values, first, of)


def among(column: Numbers, values: Numbers) -> npt.NDArray[np.bool_]:
    """Which of a long column are among a few values: nearly all others are told by 16 bits of a hash."""
    like = np.zeros(1 << 16, dtype=np.bool_)
    like[(values * _MIX) >> _SHIFT] = True
    found = like[(column * _MIX) >> _SHIFT]
    found[found] = np.isin(column[found], values)
    return found
