"""What search costs the processor: telling a resource in texts, reading a search, comparing an opened resource."""

import sys
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest

from hub.fhir.search import Meta, matches_all, parse, plan_all, tokens, values

MICROSECONDS = 60
"""The most that the texts of a Patient or an Observation may take."""
NOW = datetime(2026, 11, 26, tzinfo=UTC)
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "meta": {"security": [{"system": "urn:s", "code": "R"}]},
    "identifier": [
        {"system": "urn:oid:2.16.156.10011.1.3", "value": "330784199005030025"},
        {"system": "urn:yongkang:person", "value": "YK-2024-000123"},
    ],
    "active": True,
    "name": [{"text": "王小红", "family": "王", "given": ["小红"]}, {"text": "Wang Xiaohong", "family": "Wang", "given": ["Xiaohong"]}],
    "telecom": [{"system": "phone", "value": "13800138000"}],
    "gender": "female",
    "birthDate": "1990-05-03",
    "address": [
        {"use": "home", "text": "浙江省永康市东城街道1号", "city": "永康市", "state": "浙江省", "country": "CN"},
        {"use": "temp", "text": "河南省郑州市惠济区古荥镇8号", "city": "郑州市", "state": "河南省", "country": "CN"},
    ],
    "managingOrganization": {"reference": "Organization/0192f3f0-0000-7000-8000-000000000001"},
}  # fmt: skip
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "identifier": [{"system": "urn:yongkang:report", "value": "R-1"}],
    "status": "final",
    "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7", "display": "Body weight"}], "text": "体重"},
    "subject": {"reference": "Patient/0192f3f0-0000-7000-8000-000000000002"},
    "encounter": {"reference": "Encounter/0192f3f0-0000-7000-8000-000000000003"},
    "effectiveDateTime": "2024-03-05T09:30:00+08:00",
    "performer": [{"reference": "Organization/0192f3f0-0000-7000-8000-000000000001"}],
    "valueQuantity": {"value": 61.5, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}  # fmt: skip
ASKED = {
    "Patient": [("name", "王小"), ("birthdate", "ge1990"), ("birthdate", "le1990-12"), ("gender", "female")],
    "Observation": [("patient", "0192f3f0-0000-7000-8000-000000000002"), ("code", "http://loinc.org|29463-7"), ("date", "2024-03")],
}  # fmt: skip


def cost(act: Callable[[], object]) -> float:
    """Processor time of one run in microseconds, the best of some."""
    return min(timeit.repeat(act, number=500, repeat=20, timer=process_time)) / 500 * 1e6


@pytest.mark.bench
@pytest.mark.parametrize("resource", [PATIENT, OBSERVATION], ids=["Patient", "Observation"])
def test_a_resource_is_told_in_texts_in_little_time(resource: dict[str, Any]) -> None:
    type_ = resource["resourceType"]
    clauses = parse(type_, ASKED[type_], now=NOW).clauses
    assert plan_all(clauses).passes(tokens(resource))
    assert matches_all(clauses, resource, Meta("x", NOW))
    found = {
        "tokens": cost(lambda: tokens(resource)),
        "values": cost(lambda: values(resource)),
        "parse": cost(lambda: parse(type_, ASKED[type_], now=NOW)),
        "plan": cost(lambda: plan_all(clauses)),
        "matches": cost(lambda: matches_all(clauses, resource, Meta("x", NOW))),
    }
    said = ", ".join(f"{name} {micros:.0f} µs" for name, micros in found.items())
    sys.stdout.write(f"\n{type_}: {len(tokens(resource))} texts, {len(values(resource))} parameters; {said}\n")
    assert found["tokens"] <= MICROSECONDS
