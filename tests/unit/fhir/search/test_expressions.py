"""The compiler of expressions refuses what it does not understand, and finds what it says."""

from typing import Any

import pytest

from hub.fhir.search import parameters, types
from hub.fhir.search.expressions import NotUnderstood, compiled

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}],
    "name": [{"given": ["王", None, "小明"]}, {"family": "Li"}],
    "generalPractitioner": [
        {"reference": "Organization/o"},
        {"reference": "#p"},
        {"reference": "https://other.example/fhir/Practitioner/q/_history/2"},
        {"type": "Practitioner", "identifier": {"value": "7"}},
        {"reference": "urn:uuid:3"},
    ],
    "contained": [{"resourceType": "Practitioner", "id": "p"}],
}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("Patient.telecom.where(system='phone').value", ["1"]),
        ("Patient.telecom.value | Patient.name.family", ["1", "2", "Li"]),
        ("Patient.name.given", ["王", "小明"]),
        ("Patient.name[1].family", ["Li"]),
        ("Patient.name[7].family", []),
        ("(Patient.deceased as dateTime)", []),
        ("Patient.active.exists()", [False]),
        ("Patient.name.exists() and Patient.active != false", [False]),
        ("name.family", ["Li"]),
    ],
)
def test_what_is_said_is_found(expression: str, found: list[Any]) -> None:
    assert compiled(expression, "Patient").find(PATIENT) == found


@pytest.mark.parametrize(
    ("deceased", "found"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2020"}, True),
    ],
)
def test_who_died_on_some_day_is_dead(deceased: dict[str, Any], found: bool) -> None:
    assert parameters("Patient")["deceased"].compiled.find(PATIENT | deceased) == [found]


def test_a_reference_is_kept_by_the_type_it_is_to_as_far_as_its_words_tell() -> None:
    found = compiled("Patient.generalPractitioner.where(resolve() is Practitioner)", "Patient").find(PATIENT)
    assert found == PATIENT["generalPractitioner"][1:4]


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "Patient.nmae",
        "Patient.name.first()",
        "Patient.name.where(use='official' and family='x')",
        "Patient.name.where(kind='x')",
        "Patient.name.given.where(x='y')",
        "Patient.birthDate + 1 day",
        "Patient.name |",
        "Patient.name[a]",
        "Patient.birthDate[0]",
        "Patient.deceased.ofType(Quantity)",
        "Patient.name.exists() | Patient.name",
        "Patient.name and Patient.active",
        "Patient.active = 'yes'",
        "Patient.name)",
        "(Patient.name",
        "Patient.name.exists(",
        "Observation.code",
        "Patient.birthDate.year",
    ],
)
def test_what_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(NotUnderstood):
        compiled(expression, "Patient")


def test_all_parameters_of_all_types_are_understood() -> None:
    assert len(types()) == 38
    assert sum(len(parameters(type_)) for type_ in types()) == 780
