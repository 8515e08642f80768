"""What each modifier and prefix means, on resources that differ in one thing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.fhir import exact
from hub.fhir.search import Meta, matches, matches_all, parse

NOW = datetime(2026, 11, 26, tzinfo=UTC)
BASE = "https://hub.example/fhir"
META = Meta("p-1", datetime(2024, 5, 1, 12, 0, 0, 123_999, tzinfo=UTC))

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "meta": {"tag": [{"system": "urn:t", "code": "A"}], "profile": ["http://x.example/fhir/p/one"]},
    "identifier": [
        {"system": "urn:a", "value": "X1", "type": {"text": "Medical record", "coding": [{"system": "urn:k", "code": "MR"}]}},
        {"value": "bare"},
    ],
    "active": True,
    "name": [{"family": "Núñez", "given": ["José", "王 小明"]}],
    "telecom": [{"system": "phone", "value": "139"}, {"system": "email", "value": "a@b.cn"}],
    "gender": "female",
    "birthDate": "1990-05",
    "address": [{"line": ["东城街道1号"], "city": "永康市"}],
    "managingOrganization": {"reference": "Organization/o1/_history/2", "identifier": {"system": "urn:o", "value": "7"}},
    "generalPractitioner": [{"reference": "https://else.example/fhir/Organization/o9"}, {"reference": f"{BASE}/Organization/o2"}],
}  # fmt: skip
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure"}], "text": "血压"},
    "subject": {"reference": "Patient/p1"},
    "effectivePeriod": {"start": "2024-01-10T08:00:00+08:00", "end": "2024-01-12"},
    "component": [
        {"code": {"coding": [{"code": "sys"}]}, "valueQuantity": {"value": 140, "unit": "mmHg", "system": "urn:u", "code": "mm[Hg]"}},
        {"code": {"coding": [{"code": "dia"}]}, "valueQuantity": {"value": 5.40, "comparator": "<", "unit": "mmHg"}},
    ],
}  # fmt: skip


def fits(resource: dict[str, Any], name: str, value: str) -> bool:
    asked = parse(resource["resourceType"], [(name, value)], now=NOW, base=BASE, strict=True).clauses
    return matches_all(asked, resource, META)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("identifier", "x1", True),
        ("identifier", "urn:a|X1", True),
        ("identifier", "URN:A|X1", False),
        ("identifier", "urn:b|X1", False),
        ("identifier", "|bare", True),
        ("identifier", "|X1", False),
        ("identifier", "urn:a|", True),
        ("identifier", "urn:a|,none", True),
        ("identifier", "bar", False),
        ("identifier:of-type", "urn:k|MR|X1", True),
        ("identifier:of-type", "urn:k|SS|X1", False),
        ("identifier:text", "medical", True),
        ("identifier:not", "X1", False),
        ("identifier:not", "X2", True),
        ("active", "true", True),
        ("active", "urn:any|true", True),
        ("deceased", "false", True),
        ("gender", "male,female", True),
        ("gender:not", "male,female", False),
        ("phone", "139", True),
        ("phone", "a@b.cn", False),
        ("email", "A@B.CN", True),
        ("telecom", "139", True),
        ("_tag", "urn:t|a", True),
        ("_profile", "http://x.example/fhir/p/one", True),
        ("_profile", "http://x.example/fhir/p", False),
        ("_profile:below", "http://x.example/fhir/p", True),
        ("_profile:above", "http://x.example/fhir/p/one/more", True),
        ("_profile:above", "http://x.example/fhir/p/onemore", False),
        ("_security:missing", "true", True),
        ("name", "nunez", True),
        ("name", "NÚ", True),
        ("name", "ñez", False),
        ("name:contains", "ñez", True),
        ("name", "王小", True),
        ("name", "ｊｏｓｅ", True),
        ("family", "jose", False),
        ("family:exact", "Núñez", True),
        ("family:exact", "Nunez", False),
        ("given:exact", "王 小明", True),
        ("given:missing", "false", True),
        ("address", "永康", True),
        ("address-city", "永康市", True),
        ("address-city", "东城", False),
        ("birthdate", "1990-05", True),
        ("birthdate", "1990", True),
        ("birthdate", "1990-05-03", False),
        ("birthdate", "gt1990-05-03", True),
        ("birthdate", "lt1990-05-03", True),
        ("birthdate", "sa1990-05-03", False),
        ("birthdate", "sa1990-04", True),
        ("birthdate", "eb1990-06", True),
        ("birthdate", "ne1990-05-03", True),
        ("birthdate", "ne1990", False),
        ("birthdate", "ge1990-06", False),
        ("birthdate", "1980,1990", True),
        ("organization", "o1", True),
        ("organization", "Organization/o1", True),
        ("organization", "Organization/o1/_history/2", True),
        ("organization", "Organization/o1/_history/3", False),
        ("organization", "Location/o1", False),
        ("organization:identifier", "urn:o|7", True),
        ("organization:identifier", "urn:o|8", False),
        ("general-practitioner", "o9", False),
        ("general-practitioner", "https://else.example/fhir/Organization/o9", True),
        ("general-practitioner", "Organization/o2", True),
        ("_id", "p-1", True),
        ("_id", "P-1", False),
        ("_lastUpdated", "2024-05-01T12:00:00.123Z", True),
        ("_lastUpdated", "gt2024-05-01T12:00:00.123Z", False),
        ("_lastUpdated", "2024-05-01", True),
        ("_lastUpdated", "lt2024-05", False),
    ],
)  # fmt: skip
def test_patients(name: str, value: str, found: bool) -> None:
    assert fits(PATIENT, name, value) is found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("code:text", "血压", True),
        ("code:text", "blood", True),
        ("code:text", "pressure", False),
        ("patient", "p1", True),
        ("subject:Group", "p1", False),
        ("date", "2024-01", True),
        ("date", "2024-01-11", False),
        ("date", "ge2024-01-11", True),
        ("date", "ge2024-01-12", False),
        ("date", "gt2024-01-12", False),
        ("date", "lt2024-01-10T00:00:00Z", False),
        ("date", "le2024-01-10T00:00:00Z", False),
        ("date", "le2024-01-10T00:00:01Z", True),
        ("date", "ap2024-01-11", True),
        ("component-value-quantity", "140", True),
        ("component-value-quantity", "140|urn:u|mm[Hg]", True),
        ("component-value-quantity", "140||mmHg", True),
        ("component-value-quantity", "140|urn:other|mm[Hg]", False),
        ("component-value-quantity", "gt139.9", True),
        ("component-value-quantity", "gt140", False),
        ("component-value-quantity", "ge140", True),
        ("component-value-quantity", "sa6", True),
        ("component-value-quantity", "eb6", True),
        ("component-value-quantity", "lt0", True),
        ("component-value-quantity", "ap150", True),
        ("component-value-quantity", "ne140", True),
        ("component-code-value-quantity", "sys$gt100", True),
        ("component-code-value-quantity", "dia$gt100", False),
        ("component-code-value-quantity", "dia$lt3,sys$lt3", True),
        ("code-value-quantity", "85354-9$gt1", False),
        ("combo-code", "dia", True),
    ],
)
def test_observations(name: str, value: str, found: bool) -> None:
    assert fits(OBSERVATION, name, value) is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2030", False),
        ("gt2030", True),
        ("lt2019", False),
        ("lt2019-03-02", True),
        ("eb2030", False),
        ("sa2019-02", True),
    ],
)
def test_a_period_without_an_end_goes_on(value: str, found: bool) -> None:
    stay = {"resourceType": "EpisodeOfCare", "period": {"start": "2019-03-01"}}
    assert fits(stay, "date", value) is found


def test_a_day_without_a_zone_is_a_day_in_china() -> None:
    task = {"resourceType": "Task", "authoredOn": "2023-12-31T16:30:00Z"}
    assert fits(task, "authored-on", "2024-01-01")
    assert not fits(task, "authored-on", "2023-12-31")


def test_a_quantity_without_bounds_is_a_range_of_what_is_said() -> None:
    condition = {"resourceType": "Condition", "onsetRange": {"low": {"value": 30, "unit": "a"}}}
    assert fits(condition, "onset-age", "gt90")
    assert not fits(condition, "onset-age", "lt30")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("28.89|120.04", True),
        ("28.89|120.14", True),
        ("28.89|120.24", False),
        ("28.89|120.14|9", False),
        ("28.89|120.14|9800|m", True),
    ],
)
def test_a_place_is_near_another(value: str, found: bool) -> None:
    place = {"resourceType": "Location", "position": {"longitude": 120.04, "latitude": 28.89}}
    assert fits(place, "near", value) is found


def test_only_the_first_resource_of_a_document_is_its_composition() -> None:
    entries = [
        {"resource": {"resourceType": "Composition", "id": "c1"}},
        {"resource": {"resourceType": "Composition", "id": "c2"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "document", "entry": entries}
    assert fits(bundle, "composition", "Composition/c1")
    assert not fits(bundle, "composition", "c2")
    assert not fits(bundle, "message", "c1")


def test_numbers_that_stay_as_they_were_written_are_compared() -> None:
    weight = b'{"resourceType":"Observation","valueQuantity":{"value":61.50,"unit":"kg"}}'
    assert fits(exact.read(weight), "value-quantity", "61.5")
    assert not fits(exact.read(weight), "value-quantity", "61.6")
    assert fits(exact.read(weight), "value-quantity", "gt61.499||kg")


def test_nobody_is_an_empty_list() -> None:
    (chain,) = parse("Observation", [("subject:Patient.name", "x")], now=NOW).joins
    assert not matches(chain.given([]), OBSERVATION, META)
    assert matches(chain.given(["Patient/p0", "Patient/p1"]), OBSERVATION, META)
