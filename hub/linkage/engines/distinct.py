"""The different values of a column: what is the same is worked out once."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]


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
