"""What a summary and chosen elements leave, and in which order matches come."""

from datetime import UTC, datetime
from typing import Any

from hub.fhir import exact
from hub.fhir.search import Meta, ordered, parse, subset
from hub.fhir.search.query import Summary
from hub.fhir.validation import reasons
from hub.fhir.validation.problems import CODES

SUMMARIES: tuple[Summary, ...] = ("true", "text", "data")

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "b1",
    "meta": {"versionId": "2", "tag": [{"code": "x"}]},
    "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"},
    "status": "final",
    "_status": {"extension": [{"url": "urn:e", "valueCode": "x"}]},
    "category": [{"text": "vital"}],
    "code": {"text": "bp"},
    "valueString": "high",
    "note": [{"text": "long"}],
    "modifierExtension": [{"url": "urn:m", "valueCode": "x"}],
    "component": [{"code": {"text": "c"}, "valueString": "v", "interpretation": [{"text": "i"}]}],
}


def test_a_summary_leaves_what_the_definitions_mark() -> None:
    left = subset(OBSERVATION, "true")
    assert set(left) == set(OBSERVATION) - {"text", "category", "note"}
    assert left["component"] == [{"code": {"text": "c"}, "valueString": "v"}]
    assert left["meta"] == {"versionId": "2", "tag": [{"code": "x"}, SUBSETTED]}
    assert OBSERVATION["meta"]["tag"] == [{"code": "x"}]


def test_text_is_left_with_what_is_required() -> None:
    assert set(subset(OBSERVATION, "text")) == {
        "resourceType", "id", "meta", "text", "status", "_status", "code", "modifierExtension",
    }  # fmt: skip


def test_data_is_everything_but_the_text() -> None:
    assert set(subset(OBSERVATION, "data")) == set(OBSERVATION) - {"text"}


def test_chosen_elements_come_with_what_is_required() -> None:
    left = subset(OBSERVATION, "false", ("value", "note"))
    assert set(left) == {
        "resourceType", "id", "meta", "status", "_status", "code", "valueString", "note", "modifierExtension",
    }  # fmt: skip
    assert subset(left, "false", ("value",))["meta"]["tag"].count(SUBSETTED) == 1


def test_numbers_stay_as_they_were_written() -> None:
    weight = b'{"code":{"text":"w"},"resourceType":"Observation","status":"final","valueQuantity":{"value":61.50}}'
    left = exact.write(subset(exact.read(weight), "true"))
    assert b'"valueQuantity":{"value":61.50}' in left


def test_all_of_it_is_not_tagged() -> None:
    assert subset(OBSERVATION, "false") == OBSERVATION


def test_what_a_summary_leaves_of_the_examples_has_what_it_needs(examples: tuple[dict[str, Any], ...]) -> None:
    """Invariants may speak of what was left out; elements that are needed are there, and nothing is empty."""
    for resource in examples:
        for summary in SUMMARIES:
            left = subset(resource, summary)
            found = reasons.of_resource(left["resourceType"], left, "")
            assert [problem for problem in found if problem.code in CODES] == [], resource["id"]


def test_matches_come_in_the_order_that_is_asked_for() -> None:
    found = [
        ({"resourceType": "Patient", "name": [{"family": "b"}], "birthDate": "1990"}, Meta("1", NOW)),
        ({"resourceType": "Patient", "name": [{"family": "A"}], "birthDate": "1990"}, Meta("2", NOW)),
        ({"resourceType": "Patient", "name": [{"family": "c"}]}, Meta("3", NOW)),
        (
            {"resourceType": "Patient", "name": [{"family": "é"}, {"family": "a"}], "birthDate": "1980-02"},
            Meta("4", NOW),
        ),
    ]

    def order(by: str) -> list[str]:
        return [meta.id for _, meta in ordered(found, parse("Patient", [("_sort", by)], now=NOW).sort)]

    assert order("birthdate,family") == ["4", "2", "1", "3"]
    assert order("-birthdate,-family") == ["1", "2", "4", "3"]
    assert order("-family") == ["4", "3", "1", "2"]
    assert order("-_id") == ["4", "3", "2", "1"]
    assert order("gender") == ["1", "2", "3", "4"]
