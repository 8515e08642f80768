"""The population: the same seed gives the same people, the number comes out, and faults happen at their rates."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date

import pytest

from hub.demo.population import CLEAN, Entry, Faults, Shape, dedupe_row, entries, patient
from hub.demo.population.resident_ids import is_valid

AS_OF = date(2025, 6, 1)


def _build(people: int = 4000, faults: Faults | None = None, seed: int = 3) -> list[Entry]:
    return list(entries(seed, Shape(people=people), faults or Faults(), AS_OF))


@pytest.fixture(scope="module")
def population() -> list[Entry]:
    return _build(12_000)


def test_the_same_seed_gives_the_same_records() -> None:
    first = [dedupe_row(r) for e in _build(600) for r in e.records]
    again = [dedupe_row(r) for e in _build(600) for r in e.records]
    other = [dedupe_row(r) for e in _build(600, seed=4) for r in e.records]
    assert first == again
    assert first != other


@pytest.mark.parametrize("people", [1, 2, 7, 100, 4001])
def test_exactly_as_many_people_live_as_were_asked_for(people: int) -> None:
    ids = [p.id for e in _build(people) for p in e.household.members]
    assert len(set(ids)) == len(ids) == people


def test_without_faults_two_records_of_one_person_agree() -> None:
    by_person = defaultdict(list)
    for entry in _build(3000, CLEAN):
        for record in entry.records:
            by_person[record.person].append(record)
    shared = [records for records in by_person.values() if len(records) > 1]
    assert len(shared) > 500
    for first, second in shared:
        assert first.county != second.county
        assert first.record_id != second.record_id
        assert (first.name, first.sex, first.birth, first.id_number) == (
            second.name,
            second.sex,
            second.birth,
            second.id_number,
        )
        assert first.origin_text == second.origin_text
        assert not first.faults
        assert not first.defect


def test_numbers_agree_with_birth_and_sex_and_are_unique_but_for_the_planned_exceptions(
    population: list[Entry],
) -> None:
    people = [p for e in population for p in e.household.members]
    seen = Counter(p.resident_id for p in people)
    lent = sum(count - 1 for count in seen.values())
    assert 0 < lent < 12_000 * 0.002
    wrong_check = sum(not is_valid(p.resident_id) for p in people)
    assert 8 <= wrong_check <= 50
    contradicting = sum(
        p.resident_id[6:14] != p.birth.strftime("%Y%m%d") or int(p.resident_id[16]) % 2 != int(p.sex) % 2
        for p in people
    )
    assert contradicting <= lent


def test_families_hold_together(population: list[Entry]) -> None:
    twins = 0
    for entry in population:
        members = {p.id: p for p in entry.household.members}
        for person in members.values():
            if person.spouse:
                assert members[person.spouse].spouse == person.id
            if person.twin and person.twin in members:
                twin = members[person.twin]
                assert (twin.birth, twin.mother) == (person.birth, person.mother)
                assert twin.resident_id != person.resident_id
                twins += 1
            if person.mother:
                assert members[person.mother].sex == "2"
            assert person.birth <= AS_OF
    assert twins > 50


@pytest.mark.parametrize(
    ("fault", "tolerance"),
    [
        ("id_missing", 0.3),
        ("id_typed_wrong", 0.35),
        ("birth_month_only", 0.25),
        ("phone_old", 0.25),
        ("sex_wrong", 0.7),
    ],
)
def test_faults_happen_at_their_rates(population: list[Entry], fault: str, tolerance: float) -> None:
    records = [r for e in population for r in e.records]
    rate = getattr(Faults(), fault)
    observed = sum(fault in r.faults for r in records) / len(records)
    assert abs(observed - rate) <= rate * tolerance


def test_every_fault_of_a_record_happens_somewhere() -> None:
    faults = replace(
        Faults(), spouse_surname_in_front=0.05, name_character_lost=0.05, former_name=0.2, id_ruined_by_spreadsheet=0.05
    )
    seen = {fault for e in _build(3000, faults) for r in e.records for fault in r.faults}
    assert seen >= {
        "name_homophone",
        "name_look_alike",
        "name_variant",
        "name_traditional",
        "name_dot_changed",
        "name_character_lost",
        "spouse_surname_in_front",
        "former_name_in_front",
        "birth_lunar",
        "birth_year_only",
        "birth_day_and_month_swapped",
        "birth_digit_wrong",
        "id_placeholder",
        "id_old_form",
        "id_ruined_by_spreadsheet",
        "residence_outdated",
        "division_under_former_name",
    }


def test_a_patient_names_its_sender_and_no_truth(population: list[Entry]) -> None:
    record = next(r for e in population for r in e.records if r.spouse and not r.faults and r.phone)
    resource = patient(record)
    assert resource["identifier"][0] == {
        "use": "usual",
        "system": f"urn:lianqiao:{record.county}:record",
        "value": record.record_id,
    }
    assert resource["contact"][0]["name"]["text"] == record.spouse.name if record.spouse else False
    assert json.loads(json.dumps(resource)) == resource
    assert "person" not in resource
