"""Different values of columns, and values that are among others."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hub.linkage.engines.distinct import among, distinct, merged

numbers = st.one_of(st.integers(0, 5), st.integers(0, 2**64 - 1))


@given(st.lists(numbers, max_size=50))
def test_different_values_give_the_column_back(column: list[int]) -> None:
    given_ = np.array(column, dtype=np.uint64)
    values, at, of = distinct(given_)
    assert values.tolist() == sorted(set(column))
    assert given_[at].tolist() == values.tolist()
    assert values[of].tolist() == column


@given(st.lists(st.lists(numbers, max_size=9), min_size=1, max_size=6))
def test_different_values_of_parts_are_those_of_the_whole(parts: list[list[int]]) -> None:
    columns = [np.array(part, dtype=np.uint64) for part in parts]
    values, at, of = merged([distinct(column) for column in columns])
    whole = np.concatenate(columns)
    assert values.tolist() == distinct(whole).values.tolist()
    assert whole[at].tolist() == values.tolist()
    assert values[of].tolist() == whole.tolist()


@given(st.lists(numbers, max_size=50), st.lists(numbers, max_size=50))
def test_what_is_among_others_is_found_and_nothing_else(column: list[int], values: list[int]) -> None:
    found = among(np.array(column, dtype=np.uint64), np.array(values, dtype=np.uint64))
    assert found.tolist() == [one in values for one in column]
