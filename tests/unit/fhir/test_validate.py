"""FHIR checks: what is valid passes, each kind of fault is found where it is, and the quick answer is the thorough one's."""

import copy
import json
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappings
from hub.fhir import validate
from hub.fhir.validation import reasons, schema
from mappings import examples
from mappings.engine.load import root

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": "410108198911308233"}],
    "name": [{"text": "陈庆玉", "family": "陈", "given": ["庆玉"], "period": {"start": "1989-11-30", "end": "2020"}}],
    "birthDate": "2000-02-29",
    "deceasedDateTime": "2024-12-31T23:59:59+08:00",
    "extension": [
        {"url": "urn:x:one", "valueDate": "2001-01"},
        {"url": "urn:x:two", "extension": [{"url": "a", "valueCode": "b"}]},
    ],
}
TRANSLATED = [
    resource
    for name in mappings.names()
    for example in examples.examples(root() / name)
    for result in json.loads(example.expected.read_text("utf-8"))
    for resource in result["resources"]
]


def at(resource: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of the resource with `value` put at a dotted path; numbers are places in lists."""
    changed = copy.deepcopy(resource)
    *way, last = path.split(".")
    inner: Any = changed
    for step in way:
        inner = inner[int(step) if step.isdigit() else step]
    inner[int(last) if last.isdigit() else last] = value
    return changed


def test_a_whole_patient_is_valid() -> None:
    assert validate.check(PATIENT) == []
    assert validate.check(PATIENT, orjson.dumps(PATIENT)) == []


@pytest.mark.parametrize("resource", [r for r in TRANSLATED if r["resourceType"] == "Patient"])
def test_what_mappings_give_is_valid(resource: dict[str, Any]) -> None:
    assert validate.check(resource, orjson.dumps(resource)) == []


@pytest.mark.parametrize(
    ("path", "value", "where", "code", "reason"),
    [
        ("birthDate", "1999-02-29", ".birthDate", "no-such-day", "not a day of the calendar"),
        ("birthDate", "1900-02-29", ".birthDate", "no-such-day", "not a day of the calendar"),
        ("birthDate", "2023-04-31", ".birthDate", "no-such-day", "not a day of the calendar"),
        (
            "deceasedDateTime",
            "2023-02-29T10:00:00Z",
            ".deceased.ofType(dateTime)",
            "no-such-day",
            "day of the calendar",
        ),
        (
            "extension.0.valueDate",
            "2023-06-31",
            ".extension[0].value.ofType(date)",
            "no-such-day",
            "day of the calendar",
        ),
        ("birthDate", "30/11/1989", ".birthDate", "form", "allowed is YYYY, YYYY-MM or YYYY-MM-DD"),
        ("birthDate", None, ".birthDate", "null", "is null"),
        ("maritalStatus", None, ".maritalStatus", "null", "is null"),
        ("name", [], ".name", "empty", "empty list"),
        ("name", [None], ".name[0]", "null", "is null"),
        ("name.0", {}, ".name[0]", "empty", "empty object"),
        ("name.0.given", [], ".name[0].given", "empty", "empty list"),
        ("name.0.period", {"start": "2021", "end": "2020"}, ".name[0].period", "per-1", "ends before it starts"),
        ("deceasedBoolean", True, "", "one-choice", "more than one deceased[x]"),
        ("extension.0.valueCode", "x", ".extension[0]", "one-choice", "more than one value[x]"),
        (
            "extension.1.extension.0.valueString",
            "x",
            ".extension[1].extension[0]",
            "one-choice",
            "more than one value[x]",
        ),
        ("gender", "man", ".gender", "code", "allowed values: female, male, other, unknown"),
        ("colour", "red", "", "unknown-element", "R4 does not know"),
        ("birthdate", "2000", "", "unknown-element", "did you mean birthDate?"),
        ("name.0.text", 7, ".name[0].text", "wrong-type", "wrong JSON type"),
    ],
)
def test_each_fault_is_named_where_it_is(path: str, value: Any, where: str, code: str, reason: str) -> None:
    found = validate.check(at(PATIENT, path, value))
    told = [problem for problem in found if problem.path == f"Patient{where}" and problem.code == code]
    assert [problem for problem in told if reason in problem.reason], found
    assert not any(repr(value) in problem.reason for problem in found)


@pytest.mark.parametrize(
    ("start", "end", "right"),
    [
        ("2026-05-01T08:00:00Z", "2026-05-01T09:00:00+08:00", False),
        ("2026-05-02T00:00:00+08:00", "2026-05-01T23:00:00Z", True),
        ("2026-05-01", "2026-05-01T09:00:00+08:00", True),
        ("2026-05", "2026-04-30", False),
        ("2026", "2026-05-01", True),
        ("2026-05-02T10:00:60Z", "2026-05-01T10:00:00Z", False),
    ],
)
def test_a_period_ends_behind_its_start_whatever_the_zones(start: str, end: str, right: bool) -> None:
    resource = at(PATIENT, "name.0.period", {"start": start, "end": end})
    assert (validate.check(resource) == []) is right


def test_a_time_without_zone_is_a_fault_and_no_exception() -> None:
    period = {"start": "2026-05-02T10:00:00Z", "end": "2026-05-02T09:00:00"}
    assert validate.check(at(PATIENT, "name.0.period", period))


@pytest.mark.parametrize("type_", [None, 7, "Medication", "patient"])
def test_an_unknown_type_is_refused(type_: Any) -> None:
    assert [problem.path for problem in validate.check({"resourceType": type_})] == ["resourceType"]


def test_nulls_mark_the_places_of_extensions_of_primitive_values() -> None:
    given = at(PATIENT, "name.0.given", ["庆", "玉"])
    marked = at(given, "name.0._given", [None, {"extension": [{"url": "urn:x:one", "valueCode": "a"}]}])
    assert validate.check(marked) == []


@given(
    year=st.integers(1, 9999),
    month=st.integers(1, 12),
    day=st.integers(1, 31),
    time=st.sampled_from(("", "T10:00:00Z")),
)
def test_the_calendar_of_the_schema_is_the_calendar(year: int, month: int, day: int, time: str) -> None:
    written = f"{year:04}-{month:02}-{day:02}{time}"
    try:
        real = bool(date(year, month, day))
    except ValueError:
        real = False
    assert schema.accepts("Patient", at(PATIENT, "deceasedDateTime", written)) == real


PATHS = ["birthDate", "deceasedDateTime", "name", "name.0", "name.0.given", "name.0.period", "extension.0",
         "extension.0.valueCode", "extension.1.extension", "identifier.0.value", "deceasedBoolean", "_birthDate",
         "contact", "managingOrganization", "multipleBirthBoolean", "multipleBirthInteger", "contained", "text"]  # fmt: skip
VALUES: list[Any] = [None, [], [None], [{}], "2020-02-30", "2020-02-29", "x", True, 1, {"start": "2021-05-01", "end": "2021-04"},
          {"extension": [{"url": "a", "valueCode": "b"}]}, [{"gender": "male"}], [["x"]], {"reference": "#x"},
          {"status": "generated", "div": "<div>"}, [{"resourceType": "Patient", "id": "x"}]]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(VALUES)), min_size=1, max_size=3))
def test_the_quick_answer_and_the_reasons_agree(changes: list[tuple[str, Any]]) -> None:
    resource: dict[str, Any] = PATIENT
    for path, value in changes:
        try:
            resource = at(resource, path, value)
        except (KeyError, IndexError, TypeError):
            continue
    found = list(reasons.of_resource("Patient", resource, "Patient"))
    assert schema.accepts("Patient", resource) == (not found), found
