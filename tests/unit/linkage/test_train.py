"""Training: deterministic for a seed, no level impossible, and rates that follow the records they come from."""

from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from hub.demo.population import Faults, Shape, entries, patient
from hub.linkage import comparisons, model, train
from hub.linkage.features import Features, extract

THRESHOLDS = {"review": 0.0, "likely": 3.0, "auto": 6.0}


@cache
def labelled(phone_old: float) -> tuple[list[Features], list[int], list[int]]:
    """Six hundred people with their truth, in registers where this share of the phones is an old one."""
    found: tuple[list[Features], list[int], list[int]] = ([], [], [])
    faults = replace(Faults(), phone_old=phone_old)
    for entry in entries(5, replace(Shape(), people=600), faults, date(2025, 6, 1)):
        for one in entry.records:
            if not one.defect:
                found[0].append(extract(patient(one)))
                found[1].append(one.person)
                found[2].append(entry.household.id)
    return found


def fitted(phone_old: float = 0.14) -> dict[str, Any]:
    return train.fit(*labelled(phone_old), model_id="test", seed=3, random_pairs=50_000, thresholds=THRESHOLDS)


def test_the_same_records_and_seed_give_the_same_model() -> None:
    assert model.parse(fitted()).hash == model.parse(fitted()).hash


def test_no_level_is_impossible_and_every_field_sums_to_about_one() -> None:
    found = model.parse(fitted())
    for kind in (found.match, found.random, *found.classes.values()):
        for field in kind:
            assert (field > 0).all()
            assert 0.95 < field[1:].sum() < 1.05 or len(field) == 2


def test_agreement_counts_for_a_person_and_difference_against() -> None:
    found = model.parse(fitted())
    by_field = dict(zip((c.field for c in comparisons.COMPARISONS), found.weights, strict=True))
    for field in ("resident_id", "surname", "given", "sex", "birth", "phone"):
        assert by_field[field][-1] > 0 > by_field[field][1], field


def test_phones_that_change_often_say_less_when_they_differ() -> None:
    place = [c.field for c in comparisons.COMPARISONS].index("phone")
    steady, changing = model.parse(fitted(0.02)), model.parse(fitted(0.5))
    assert steady.weights[place][1] < changing.weights[place][1] < 0


def test_frequencies_are_shares_of_the_values_met() -> None:
    tables = train.frequencies(labelled(0.14)[0])
    for table in tables.values():
        shares = list(table["values"].values())
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) <= 1.0001
        assert 0 < table["unlisted"] <= shares[0]
