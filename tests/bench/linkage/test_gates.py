"""Gates of the shipped model on seeds and fault rates that were not used for tuning. Thresholds are the model's own."""

from dataclasses import replace

import pytest

from tests.bench.linkage import measure, population, private

pytestmark = pytest.mark.bench

REGISTERS = {
    "usual": population.USUAL,
    "twice the faults": population.worse(2.0),
    "four times the faults": population.worse(4.0),
    "few numbers, shared phones": replace(
        population.worse(2.0), id_missing=0.3, household_shares_phone=0.5, spouse_missing=0.5
    ),
}


@pytest.mark.parametrize("register", REGISTERS)
def test_quality_on_unseen_people(register: str) -> None:
    found = measure.measure(population.sample(431, 10_000, REGISTERS[register]))
    assert found.pairs.f1 >= 0.985
    assert found.auto.precision.value >= 0.999
    assert found.auto.recall.value >= 0.97
    assert found.clusters.f1 >= 0.975
    assert found.blocking.value >= 0.995
    assert found.candidates <= found.records
    assert found.reviews <= 0.02 * found.records


@pytest.mark.parametrize(("factor", "least"), [(1.0, 0.995), (2.0, 0.99), (4.0, 0.98)])
def test_linkage_without_sight_on_unseen_people(factor: float, least: float) -> None:
    left, right = private.parties(431, 8_000, population.worse(factor))
    unseen, seen = private.unseen(left, right), private.seen(left, right)
    assert unseen.quality.f1 >= least
    assert unseen.quality.precision.value >= 0.995
    assert seen.quality.f1 - unseen.quality.f1 <= 0.015


def test_speed_of_one_core() -> None:
    extraction, keying, scoring = measure.speed(20_000)
    assert extraction >= 6_000
    assert keying >= 20_000
    assert scoring >= 50_000
