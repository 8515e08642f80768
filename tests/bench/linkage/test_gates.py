"""Gates of the shipped model on seeds and fault rates that were not used for tuning. Thresholds are the model's own."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.dedupe import watched
from tests.bench.linkage import cases, compare, measure, population, private

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


DEDUPE = [sys.executable, "-m", "hub", "dedupe", "--no-report"]


@pytest.mark.parametrize(("number", "least"), [(3, 0.998), (4, 0.9999)])
def test_febrl_without_labels(tmp_path: Path, number: int, least: float) -> None:
    case = next(one for one in cases.all_cases(0) if one.name == f"FEBRL {number}")
    source, truth, out = (tmp_path / name for name in ("register.csv", "truth.csv", "out"))
    case.write(source, truth)
    watched([*DEDUPE, "--train", *case.options, str(source), str(out)])
    assert compare.quality(truth, out).f1 >= least
    assert compare.blocking(source, truth) >= 0.995


def test_other_people_without_labels_and_with_two_thousand(tmp_path: Path) -> None:
    """Another population than the one that the model was tuned on, with labels of yet other people."""
    case = next(one for one in cases.all_cases(8_000) if one.name.startswith("independent"))
    source, truth = tmp_path / "register.csv", tmp_path / "person.csv"
    case.write(source, truth)
    found = {}
    for name, command in compare.systems(case, source, tmp_path):
        if not name.startswith("Splink"):
            watched([*command, str(tmp_path / name)])
            found[name] = compare.quality(truth, tmp_path / name)
    assert all(one.f1 >= 0.985 and one.auto_precision >= 0.999 for one in found.values())
    assert all(one.auto_recall >= 0.97 and one.clusters >= 0.975 for one in found.values())
    assert found["2,000 labels"].f1 >= 0.99
    assert compare.blocking(source, truth) >= 0.995


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
