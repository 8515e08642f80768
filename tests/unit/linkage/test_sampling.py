"""Estimates from stratified samples: right on average, honest about what is not known."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.linkage import sampling
from hub.linkage.quality import Proportion
from hub.linkage.sampling import Stratum


def _auto(population: float, judged: int, same: int) -> Stratum:
    return Stratum("auto", None, None, population, judged, same)


def test_one_large_stratum_has_wilsons_interval() -> None:
    for same in (0, 17, 30):
        found, known = sampling.precision([_auto(1e12, 30, same)]), Proportion(same, 30)
        assert found.value == pytest.approx(known.value)
        assert (found.low, found.high) == pytest.approx(known.interval, abs=1e-6)


def test_strata_are_weighed_by_their_population() -> None:
    found = sampling.precision([_auto(900, 10, 10), _auto(100, 10, 5)])
    assert found.value == pytest.approx(0.95)
    assert found.low < 0.95 < found.high


def test_who_judged_everything_knows() -> None:
    found = sampling.precision([_auto(10, 10, 9)])
    assert (found.value, found.low, found.high) == pytest.approx((0.9, 0.9, 0.9))


def test_nothing_judged_is_nothing_known() -> None:
    assert sampling.precision([]) == sampling.recall([]) == sampling.UNKNOWN
    assert sampling.precision([_auto(100, 0, 0)]) == sampling.UNKNOWN


def test_strata_that_nobody_judged_widen_the_interval() -> None:
    judged, open_ = _auto(1000, 50, 50), _auto(1000, 0, 0)
    whole, half = sampling.precision([judged]), sampling.precision([judged, open_])
    assert half.covered == 0.5
    assert (half.low, half.high) == pytest.approx((whole.low / 2, (whole.high + 1) / 2))
    near = Stratum("near", None, None, 1000, 0, 0)
    assert sampling.recall([judged, near]).low == pytest.approx(sampling.recall([judged]).low / 2, abs=0.02)


def test_recall_counts_what_waits_and_what_is_lost() -> None:
    strata = [_auto(900, 20, 20), Stratum("review", None, None, 100, 20, 10), Stratum("near", None, None, 1000, 20, 1)]
    found = sampling.recall(strata)
    assert found.value == pytest.approx(900 / (900 + 50 + 50))
    assert found.low < 0.9 < found.high


STRATA = st.lists(
    st.builds(
        lambda zone, population, judged, same: (
            Stratum(zone, None, None, population, min(judged, population), 0)
            if same is None
            else Stratum(zone, None, None, population, min(judged, population), min(same, judged, population))
        ),
        st.sampled_from(["auto", "review", "near"]),
        st.integers(1, 10_000),
        st.integers(0, 60),
        st.none() | st.integers(0, 60),
    ),
    max_size=6,
)


@given(STRATA)
def test_every_figure_is_a_share_within_its_interval(strata: list[Stratum]) -> None:
    for found in (sampling.precision(strata), sampling.recall(strata)):
        assert -1e-9 <= found.low <= found.high <= 1 + 1e-9
        assert found.covered <= 1 + 1e-9
        if found.covered > 0.999:
            assert found.low - 1e-9 <= found.value <= found.high + 1e-9


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    chance = random.Random(7)
    truth = [("auto", 4000, 0.999), ("auto", 800, 0.95), ("review", 600, 0.6), ("near", 3000, 0.03)]
    hits = [0, 0]
    for _ in range(300):
        strata = []
        for zone, population, share in truth:
            same = sum(chance.random() < share for _ in range(40))
            strata.append(Stratum(zone, None, None, population, 40, same))  # type: ignore[arg-type]
        wanted = (4000 * 0.999 + 800 * 0.95) / 4800
        all_ = sum(population * share for _, population, share in truth)
        for at, (found, true) in enumerate(
            ((sampling.precision(strata), wanted), (sampling.recall(strata), 4800 * wanted / all_))
        ):
            hits[at] += found.low <= true <= found.high
    assert min(hits) >= 0.9 * 300
