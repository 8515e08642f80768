"""Chains, `_has` and inclusions, carried out over resources in memory as a store would carry them out."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.fhir.search import (
    Clause,
    Condition,
    Has,
    Meta,
    included,
    matches_all,
    parse,
    plan_all,
    references,
    tokens,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
STORE: dict[str, dict[str, Any]] = {
    "Organization/o1": {"resourceType": "Organization", "name": "永康市卫健局", "partOf": {"reference": "Organization/o2"}},
    "Organization/o2": {"resourceType": "Organization", "name": "金华市卫健委"},
    "Patient/p1": {"resourceType": "Patient", "name": [{"text": "王小明"}], "managingOrganization": {"reference": "Organization/o1"}},
    "Patient/p2": {"resourceType": "Patient", "name": [{"text": "李晓红"}], "managingOrganization": {"reference": "Organization/o2"}},
    "Location/l1": {"resourceType": "Location", "name": "王小庄"},
    "Observation/b1": {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/p1"}},
    "Observation/b2": {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/p2"}},
    "Observation/b3": {"resourceType": "Observation", "status": "amended", "subject": {"reference": "Location/l1"}},
    "Provenance/v1": {"resourceType": "Provenance", "target": [{"reference": "Observation/b1"}, {"reference": "Patient/p2"}]},
}  # fmt: skip


def found(type_: str, conditions: Iterable[Condition]) -> set[str]:
    """The resources of a type for which all conditions hold: what a store does with a query."""
    clauses = [one if isinstance(one, Clause) else _resolved(one) for one in conditions]
    tested = plan_all(clauses)
    return {
        name
        for name, resource in STORE.items()
        if resource["resourceType"] == type_
        and tested.passes(tokens(resource))
        and matches_all(clauses, resource, Meta(name.partition("/")[2], NOW))
    }


def _resolved(condition: Any) -> Clause:
    if isinstance(condition, Has):
        inner = found(condition.type, [condition.condition])
        return condition.given({one for name in inner for one in references(STORE[name], condition.parameter)})
    clause: Callable[[Iterable[str]], Clause] = condition.given
    return clause({name for type_, inner in condition.targets for name in found(type_, [inner])})


@pytest.mark.parametrize(
    ("type_", "name", "value", "names"),
    [
        ("Observation", "subject.name", "王小", {"Observation/b1", "Observation/b3"}),
        ("Observation", "subject:Patient.name", "王小", {"Observation/b1"}),
        ("Observation", "patient.organization.name", "金华", {"Observation/b2"}),
        ("Observation", "patient.organization.partof.name", "金华", {"Observation/b1"}),
        ("Observation", "subject:Patient.name", "nobody", set()),
        ("Patient", "_has:Observation:patient:status", "final", {"Patient/p1", "Patient/p2"}),
        ("Patient", "_has:Observation:patient:status", "amended", set()),
        ("Patient", "_has:Observation:subject:_has:Provenance:target:_id", "v1", {"Patient/p1"}),
        (
            "Organization",
            "_has:Patient:organization:_has:Observation:patient:status",
            "final",
            {"Organization/o1", "Organization/o2"},
        ),
        ("Organization", "_has:Patient:organization:name", "李晓", {"Organization/o2"}),
        ("Provenance", "target:Observation.subject:Patient.name", "王小明", {"Provenance/v1"}),
    ],
)
def test_conditions_on_other_resources(type_: str, name: str, value: str, names: set[str]) -> None:
    assert found(type_, parse(type_, [(name, value)], now=NOW, strict=True).conditions) == names


@pytest.mark.parametrize(
    ("include", "names"),
    [
        ("Provenance:target", {"Observation/b1", "Patient/p2"}),
        ("Provenance:target:Patient", {"Patient/p2"}),
        ("Provenance:*", {"Observation/b1", "Patient/p2"}),
        ("*", {"Observation/b1", "Patient/p2"}),
        ("Observation:subject", set()),
    ],
)
def test_inclusions(include: str, names: set[str]) -> None:
    (asked,) = parse("Provenance", [("_include", include)], now=NOW, strict=True).includes
    assert included(asked, STORE["Provenance/v1"]) == names


def test_a_reference_to_another_server_is_not_followed() -> None:
    one = {"resourceType": "Observation", "subject": {"reference": "https://else.example/fhir/Patient/p1"}}
    assert references(one) == frozenset()
    assert references(one, base="https://else.example/fhir") == {"Patient/p1"}
