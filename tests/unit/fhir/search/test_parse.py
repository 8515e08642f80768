"""Searches are read as R4 says; what is wrong is refused by name, with what is allowed, and everything has a limit."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hub.errors import Invalid
from hub.fhir.search import Chain, Clause, Has, Query, parse
from hub.fhir.search.operands import split
from hub.fhir.search.query import HowMuch, RefersTo, TextIs, Together, TokenIs, When
from hub.fhir.search.spans import span_of

NOW = datetime(2026, 11, 26, tzinfo=UTC)
BASE = "https://hub.example/fhir"


def read(type_: str, *pairs: tuple[str, str], strict: bool = True) -> Query:
    return parse(type_, pairs, now=NOW, base=BASE, strict=strict)


def operands(type_: str, name: str, value: str) -> tuple[object, ...]:
    return read(type_, (name, value)).clauses[0].operands


def test_values_are_divided_at_commas_that_are_not_escaped() -> None:
    assert split("a,b\\,c,\\\\,d\\$e", ",") == ["a", "b\\,c", "\\\\", "d\\$e"]
    assert operands("Patient", "family", "Li\\,Wang,\\$\\|\\\\") == (
        TextIs("Li,Wang", "li,wang"),
        TextIs("$|\\", "$|\\"),
    )


@pytest.mark.parametrize(
    ("value", "operand"),
    [
        ("M", TokenIs(None, "m")),
        ("urn:s|M", TokenIs("urn:s", "m")),
        ("|M", TokenIs("", "m")),
        ("urn:s|", TokenIs("urn:s", None)),
        ("urn:s|a\\|b", TokenIs("urn:s", "a|b")),
    ],
)
def test_tokens(value: str, operand: TokenIs) -> None:
    assert operands("Patient", "identifier", value) == (operand,)


def test_an_identifiers_type_is_asked_for_with_its_value() -> None:
    assert operands("Patient", "identifier:of-type", "urn:t|MR|12") == (TokenIs(None, "12", ("urn:t", "MR")),)


@pytest.mark.parametrize(
    ("value", "operand"),
    [
        ("5.40", HowMuch("eq", Decimal("5.40"), Decimal("5.395"), Decimal("5.405"))),
        ("1e2", HowMuch("eq", Decimal(100), Decimal(50), Decimal(150))),
        ("ap100", HowMuch("ap", Decimal(100), Decimal(90), Decimal(110))),
        ("gt5|urn:u|mg", HowMuch("gt", Decimal(5), Decimal("4.5"), Decimal("5.5"), "urn:u", "mg")),
        ("-5||mg", HowMuch("eq", Decimal(-5), Decimal("-5.5"), Decimal("-4.5"), None, "mg")),
    ],
)
def test_numbers_stand_for_what_rounds_to_them(value: str, operand: HowMuch) -> None:
    assert operands("Observation", "value-quantity", value) == (operand,)


@pytest.mark.parametrize(
    ("name", "value", "operand"),
    [
        ("subject", "p1", RefersTo("", "p1")),
        ("subject", "Patient/p1", RefersTo("Patient", "p1")),
        ("subject:Patient", "p1", RefersTo("Patient", "p1")),
        ("subject", f"{BASE}/Patient/p1", RefersTo("Patient", "p1")),
        ("subject", "https://else.example/Patient/p1", RefersTo("", "", "https://else.example/Patient/p1")),
        ("subject", "Patient/p1/_history/3", RefersTo("Patient", "p1", version="3")),
        ("subject:identifier", "urn:s|1", TokenIs("urn:s", "1")),
    ],
)
def test_references(name: str, value: str, operand: object) -> None:
    assert operands("Observation", name, value) == (operand,)


def test_a_canonical_may_name_a_version() -> None:
    found = operands("QuestionnaireResponse", "questionnaire", "http://x.example/q\\|2")
    assert found == (RefersTo("", "", "http://x.example/q", "2"),)


def test_near_a_date_is_a_tenth_of_the_time_to_it() -> None:
    (found,) = operands("Task", "authored-on", "ap2016-11-26")
    assert isinstance(found, When)
    assert (found.span.end - found.span.start) // 86_400_000_000 in range(729, 734)


def test_the_parts_of_a_composite_are_read_as_what_they_are() -> None:
    (found,) = operands("Observation", "code-value-quantity", "urn:l|8480-6$gt140")
    assert isinstance(found, Together)
    assert found.parts[0] == TokenIs("urn:l", "8480-6")
    assert isinstance(found.parts[1], HowMuch)
    (found,) = operands("DocumentReference", "relationship", "replaces$DocumentReference/d")
    assert found == Together((TokenIs(None, "replaces"), RefersTo("DocumentReference", "d")))


def test_a_plus_that_became_a_space_is_read_as_the_zone_it_was() -> None:
    (found,) = operands("Task", "authored-on", "ge2024-01-01T00:00:00 08:00")
    assert found == When("ge", span_of("2024-01-01T00:00:00+08:00"))  # type: ignore[arg-type]


def test_a_chain_asks_each_type_that_knows_the_parameter() -> None:
    (found,) = read("Observation", ("subject.name", "王小明")).joins
    assert isinstance(found, Chain)
    assert {type_ for type_, _ in found.targets} == {"Patient", "Location"}
    (found,) = read("Observation", ("subject:Patient.organization.name:exact", "A")).joins
    assert isinstance(found, Chain)
    ((type_, inner),) = found.targets
    assert type_ == "Patient"
    assert isinstance(inner, Chain)
    assert isinstance(inner.targets[0][1], Clause)
    assert inner.targets[0][1].modifier == "exact"


def test_what_refers_here_is_asked_for_by_type_and_reference() -> None:
    (found,) = read("Patient", ("_has:Observation:patient:_has:AuditEvent:entity:action", "R")).joins
    assert isinstance(found, Has)
    assert (found.type, found.parameter.code) == ("Observation", "patient")
    assert isinstance(found.condition, Has)
    assert found.condition.type == "AuditEvent"


def test_what_the_answer_should_look_like() -> None:
    found = read(
        "Observation",
        ("_sort", "-date,code"),
        ("_count", "5000"),
        ("_total", "accurate"),
        ("_elements", "status,value"),
        ("_include", "Observation:subject:Patient"),
        ("_include:iterate", "Patient:organization"),
        ("_revinclude", "Provenance:target"),
        ("_include", "*"),
        ("_format", "json"),
        ("status", "final"),
    )
    assert [(one.parameter.code, one.descending) for one in found.sort] == [("date", True), ("code", False)]
    assert (found.count, found.total, found.elements) == (1_000, "accurate", ("status", "value"))
    assert [(one.source, one.target, one.iterate) for one in found.includes] == [
        ("Observation", "Patient", False),
        ("Patient", "", True),
        ("Observation", "", False),
    ]
    assert [one.source for one in found.revincludes] == ["Provenance"]
    assert [clause.name for clause in found.clauses] == ["status"]
    assert len(found.used) == 10


def test_a_count_of_nothing_counts() -> None:
    assert read("Task", ("_count", "0")).summary == "count"


def test_what_is_not_known_is_ignored_or_refused_as_the_client_wishes() -> None:
    assert read("Patient", ("colour", "red"), ("gender", "male"), strict=False).ignored == ["colour"]
    with pytest.raises(Invalid, match=r"colour is not a parameter of Patient; those are .*birthdate") as refused:
        read("Patient", ("colour", "red"))
    assert refused.value.code == "unknown-parameter"


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("type_", "name", "value", "said"),
    [
        ("Patient", "gender:in", "http://x", "the modifiers of gender are missing, not, of-type, text"),
        ("Patient", "birthdate:exact", "2020", "the modifiers of birthdate are missing"),
        ("Patient", "gender:of-type", "a|b|c", "of-type is for identifiers"),
        (
            "Observation",
            "subject:Task",
            "1",
            "subject:Task: the modifiers of subject are identifier, missing, .*Patient",
        ),
        ("Patient", "birthdate", "yesterday", "birthdate: the value is YYYY, YYYY-MM"),
        ("Patient", "birthdate", "2023-02-29", "birthdate: the value is YYYY"),
        ("Patient", "birthdate", "xx2023", "after one of eq, ne, gt"),
        ("Patient", "birthdate", "", "birthdate has 1 to 100 values"),
        ("Patient", "active:missing", "maybe", "true or false"),
        ("Patient", "identifier", "a|b|c", r"system\|code"),
        ("Patient", "identifier", "|", r"system\|code"),
        ("Patient", "_id", "a b", "an id of at most 64"),
        ("Observation", "value-quantity", "5|mg", r"number\|system\|code"),
        ("Observation", "value-quantity", "much", "a number"),
        ("Observation", "code-value-quantity", "a", r"code and value-quantity, joined by \$"),
        ("Observation", "subject", "Patient/", "id, Type/id or an absolute address"),
        ("Observation", "subject:Patient", "Group/1", "the id of a Patient"),
        ("Observation", "subject:Task.status", "x", "subject goes to"),
        ("Observation", "subject.colour", "x", "colour is not a parameter of"),
        ("Observation", "code.text", "x", "code is not a reference"),
        ("Observation", "performer:Organization.partof.partof.partof.name", "x", "more than 3"),
        ("Patient", "_has:Observation:patient", "x", "_has:Type:reference:parameter"),
        ("Patient", "_has:Medication:patient:x", "x", "_has:Type:reference:parameter"),
        ("Patient", "_has:Observation:device:code", "x", "that refer to Patient are .*patient"),
        ("Patient", "_has:Observation:patient:colour", "x", "colour is not a parameter of Observation"),
        ("Patient", "_text", "x", "_text is not supported"),
        ("Patient", "_filter", "x", "_filter is not supported"),
        ("Location", "near", "1|2|3|league", "near: the value is latitude"),
        ("Location", "near", "91|2", "near: the value is latitude"),
        ("Location", "near", "1|2|3|km|5", "near: the value is latitude"),
        ("Location", "near", "1", "near: the value is latitude"),
        ("Patient", "_sort", "colour", "Patient can be sorted by"),
        ("Patient", "_sort", "name,name,name,name,name,name", "at most 5"),
        ("Patient", "_count", "many", "a whole number"),
        ("Patient", "_total", "maybe", "none, estimate, accurate"),
        ("Patient", "_summary", "some", "true, text, data, count, false"),
        ("Patient", "_summary:x", "true", "has no modifier x"),
        ("Patient", "_elements", "colour", "Patient has no colour; it has id, meta"),
        ("Patient", "_include", "Patient", "Type:parameter"),
        ("Patient", "_include", "Patient:name", "the references of Patient are general-practitioner"),
        ("Patient", "_include", "Patient:organization:Task", "does not go to Task"),
        ("Patient", "_revinclude", "Observation:subject:Group", "what refers to Patient"),
    ],
)
def test_what_would_change_the_meaning_is_refused_by_name(
    type_: str, name: str, value: str, said: str, strict: bool
) -> None:
    with pytest.raises(Invalid, match=said):
        read(type_, (name, value), strict=strict)


def test_summary_and_elements_exclude_each_other() -> None:
    with pytest.raises(Invalid, match="not used together"):
        read("Patient", ("_summary", "true"), ("_elements", "name"))


def test_everything_has_a_limit() -> None:
    with pytest.raises(Invalid, match="at most 50 parameters"):
        read("Patient", *[("gender", "male")] * 51)
    with pytest.raises(Invalid, match="1 to 100 values"):
        read("Patient", ("gender", ",".join("x" * 101)))
    with pytest.raises(Invalid, match="at most 8000 characters"):
        read("Patient", ("gender", "x" * 8_001))
    with pytest.raises(Invalid, match="at most 20 of _include"):
        read("Patient", *[("_include", "*")] * 21)
    with pytest.raises(Invalid, match="at most 50 elements"):
        read("Patient", ("_elements", ",".join(["name"] * 51)))
    with pytest.raises(Invalid, match="too many types; say which, as in entity:AuditEvent"):
        read("AuditEvent", ("entity.entity._id", "x"))
    read("Provenance", ("target._id", ",".join(["x"] * 100)))
    with pytest.raises(Invalid, match="at most 4000 values, each counted for every type"):
        read("Provenance", *[("target._id", ",".join(["x"] * 100))] * 2)


def test_only_what_is_kept_can_be_searched() -> None:
    with pytest.raises(Invalid, match="Medication cannot be searched; what can is AuditEvent"):
        read("Medication")
