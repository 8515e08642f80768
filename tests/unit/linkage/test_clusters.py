"""Clusters: one partition whatever the order, people's decisions kept, CANNOT never bridged."""

from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.linkage import clusters, quality
from hub.linkage.clusters import Contradiction, Edge

ids = st.integers(1, 12)
some_pairs = st.lists(st.tuples(ids, ids).filter(lambda pair: pair[0] != pair[1]), max_size=14)
some_edges = st.lists(
    st.builds(Edge, ids, ids, st.sampled_from((1.0, 2.0, 5.0, 5.5, 9.0))).filter(lambda e: e.a != e.b), max_size=30
)
values = st.dictionaries(ids, st.sampled_from("abc"), max_size=8)
RECORDS = range(1, 13)


def together(found: list[frozenset[int]], a: int, b: int) -> bool:
    return any(a in cluster and b in cluster for cluster in found)


@settings(max_examples=60)
@given(some_edges, some_pairs, values, st.randoms(use_true_random=False))
def test_the_partition_does_not_depend_on_the_order(
    edges: list[Edge], cannot: list[tuple[int, int]], numbers: dict[int, str], random: Random
) -> None:
    first = clusters.project(RECORDS, edges, cannot=cannot, distinct=[numbers])
    turned = [Edge(e.b, e.a, e.weight) for e in edges]
    apart = [(b, a) for a, b in cannot]
    records = list(RECORDS)
    random.shuffle(turned)
    random.shuffle(apart)
    random.shuffle(records)
    assert clusters.project(records, turned, cannot=apart, distinct=[numbers]) == first


@settings(max_examples=60)
@given(some_edges, some_pairs, values)
def test_every_record_is_in_exactly_one_cluster(
    edges: list[Edge], cannot: list[tuple[int, int]], numbers: dict[int, str]
) -> None:
    found = clusters.project(RECORDS, edges, cannot=cannot, distinct=[numbers])
    assert sorted(record for cluster in found for record in cluster) == list(RECORDS)
    assert found == sorted(found, key=min)


@settings(max_examples=60)
@given(some_edges, some_pairs)
def test_cannot_is_never_bridged_directly_or_through_others(edges: list[Edge], cannot: list[tuple[int, int]]) -> None:
    found = clusters.project(RECORDS, edges, cannot=cannot)
    assert not any(together(found, a, b) for a, b in cannot)


@settings(max_examples=60)
@given(some_edges, values)
def test_no_cluster_gathers_two_values_of_which_a_person_has_one(edges: list[Edge], numbers: dict[int, str]) -> None:
    for cluster in clusters.project(RECORDS, edges, distinct=[numbers]):
        assert len({numbers[record] for record in cluster if record in numbers}) <= 1


@settings(max_examples=60)
@given(some_edges, some_pairs, some_pairs, values)
def test_must_holds_or_the_contradiction_is_named(
    edges: list[Edge], must: list[tuple[int, int]], cannot: list[tuple[int, int]], numbers: dict[int, str]
) -> None:
    alone = clusters.project(RECORDS, [], must=must)
    contradictory = any(together(alone, a, b) for a, b in cannot)
    if contradictory:
        with pytest.raises(Contradiction) as found_:
            clusters.project(RECORDS, edges, must=must, cannot=cannot, distinct=[numbers])
        apart = found_.value.apart
        assert apart in {(min(pair), max(pair)) for pair in cannot}
        assert together(alone, *apart)
        return
    found = clusters.project(RECORDS, edges, must=must, cannot=cannot, distinct=[numbers])
    assert all(together(found, a, b) for a, b in must)
    assert not any(together(found, a, b) for a, b in cannot)


@settings(max_examples=60)
@given(some_edges)
def test_without_constraints_clusters_are_the_connected_records(edges: list[Edge]) -> None:
    found = clusters.project(RECORDS, edges)
    for a, b in combinations(RECORDS, 2):
        assert together(found, a, b) == (b in _reached(a, edges))


def _reached(start: int, edges: list[Edge]) -> set[int]:
    seen, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for a, b, _ in edges:
            for near, far in ((a, b), (b, a)):
                if near == here and far not in seen:
                    seen.add(far)
                    waiting.append(far)
    return seen


def test_the_stronger_edge_wins_a_record_that_can_be_in_one_cluster_only() -> None:
    found = clusters.project([1, 2, 3], [Edge(3, 1, 4.0), Edge(2, 3, 7.0)], cannot=[(1, 2)])
    assert found == [frozenset({1}), frozenset({2, 3})]


def test_people_may_join_two_numbers_and_the_cluster_takes_no_third() -> None:
    numbers = {1: "a", 2: "b", 3: "c", 4: "a"}
    found = clusters.project([1, 2, 3, 4], [Edge(1, 3, 9.0), Edge(2, 4, 8.0)], must=[(1, 2)], distinct=[numbers])
    assert found == [frozenset({1, 2, 4}), frozenset({3})]


def test_pairs_of_unknown_records_are_left_out() -> None:
    found = clusters.project([1, 2], [Edge(1, 9, 9.0)], must=[(2, 8)], cannot=[(1, 7)])
    assert found == [frozenset({1}), frozenset({2})]


def test_quality_of_pairs_and_clusters() -> None:
    person_of = {1: "x", 2: "x", 3: "x", 4: "y", 5: "y", 6: "z"}
    pairs = quality.of_pairs({(1, 2), (4, 5), (5, 6)}, quality.pairs_of(quality.people(person_of)))
    assert (pairs.precision.hits, pairs.precision.total, pairs.recall.total) == (2, 3, 4)
    assert pairs.f1 == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))
    whole = quality.of_clusters([{1, 2}, {3}, {4, 5}, {6}], person_of)
    assert (whole.precision.hits, whole.precision.total, whole.recall.hits, whole.recall.total) == (2, 4, 2, 3)
    assert quality.size_histogram([{1, 2}, {3}, {4, 5}, {6}]) == {1: 2, 2: 2}


def test_wilson_interval_of_a_known_case() -> None:
    """Wilson's interval for 8 of 10 (Brown, Cai and DasGupta 2001): 0.490 to 0.943."""
    low, high = quality.Proportion(8, 10).interval
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert quality.Proportion(0, 0).interval == (0.0, 1.0)
    assert quality.Proportion(5, 5).interval[1] == 1.0


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_own_share(hits: int, more: int) -> None:
    share = quality.Proportion(hits, hits + more)
    low, high = share.interval
    assert 0 <= low <= share.value <= high <= 1
