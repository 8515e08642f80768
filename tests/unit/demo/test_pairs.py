"""Partitions compared by pairs: what was found, what is true, and what is both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.demo.story.pairs import Agreement, compare

PARTITION = st.dictionaries(st.integers(0, 12), st.integers(0, 4), min_size=1)


def test_a_link_too_many_and_one_too_few() -> None:
    truth = {"a1": 1, "a2": 1, "a3": 1, "b1": 2, "c1": 3}
    found = {"a1": "x", "a2": "x", "a3": "y", "b1": "z", "c1": "z"}
    agreement = compare(found, truth, truth)
    assert agreement == Agreement(found=2, true=3, right=1)
    assert agreement.precision == pytest.approx(1 / 2)
    assert agreement.recall == pytest.approx(1 / 3)


def test_where_there_is_nothing_to_find_nothing_is_wrong() -> None:
    agreement = compare({"a": 1, "b": 2}, {"a": "x", "b": "y"}, ["a", "b"])
    assert (agreement.precision, agreement.recall) == (1.0, 1.0)


@given(PARTITION)
def test_the_truth_agrees_with_itself_under_other_names(truth: dict[int, int]) -> None:
    renamed = {record: f"person {person}" for record, person in truth.items()}
    agreement = compare(renamed, truth, truth)
    assert agreement.found == agreement.true == agreement.right


@given(st.integers(1, 8), st.data())
def test_right_pairs_are_found_and_true(size: int, data: st.DataObject) -> None:
    labels = st.lists(st.integers(0, 3), min_size=size, max_size=size)
    found, truth = dict(enumerate(data.draw(labels))), dict(enumerate(data.draw(labels)))
    agreement = compare(found, truth, range(size))
    pairs = [(a, b) for a in range(size) for b in range(a)]
    assert agreement.found == sum(found[a] == found[b] for a, b in pairs)
    assert agreement.true == sum(truth[a] == truth[b] for a, b in pairs)
    assert agreement.right == sum(found[a] == found[b] and truth[a] == truth[b] for a, b in pairs)
