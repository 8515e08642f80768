"""Criteria of a search: read as R4's rules for parameters say, and fitting who is meant."""

import contextlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Invalid
from hub.fhir import criteria
from hub.fhir.birthdates import Span, parse_birthdate, span_of

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:a", "value": "1,2|3"}, {"value": "bare"}],
    "name": [{"family": "欧阳", "given": [None, "Ａlice", "Ann"]}],
    "gender": "female",
    "birthDate": "1987-03",
    "address": [{"text": "花园口 12号", "line": [None, "12 Street"], "city": "Zhengzhou"}],
    "telecom": [{"system": "phone", "value": "13687654091"}],
}


def fits(*pairs: tuple[str, str]) -> bool:
    return criteria.read(pairs).fits(PATIENT, "the-id")


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("family", "欧"), True),
        (("family:exact", "欧"), False),
        (("family:exact", "欧阳"), True),
        (("given", "alice"), True),
        (("given:exact", "alice"), False),
        (("given", "Bob,ann"), True),
        (("address", "花园口12"), True),
        (("address", "12 st"), True),
        (("address-city", "zheng"), True),
        (("address-state", "zheng"), False),
        (("gender", "male,female"), True),
        (("gender", "male"), False),
        (("active", "true"), True),
        (("active", "false"), False),
        (("_id", "the-id,other"), True),
        (("_id", "other"), False),
        (("telecom", "13687654091"), True),
        (("telecom", "email|13687654091"), False),
        (("identifier", r"urn:a|1\,2\|3"), True),
        (("identifier", r"1\,2\|3"), True),
        (("identifier", "urn:b|bare"), False),
        (("identifier", "|bare"), True),
        (("identifier", "urn:a|"), True),
        (("identifier", "urn:b|"), False),
        (("birthdate", "1987"), True),
        (("birthdate", "1987-03"), True),
        (("birthdate", "1987-03-12"), False),
        (("birthdate", "ge1987-03-01"), True),
        (("birthdate", "lt1987-03"), False),
        (("birthdate", "gt1987-02"), True),
        (("birthdate", "le1987"), True),
    ],
)
def test_who_fits(pair: tuple[str, str], expected: bool) -> None:
    assert fits(pair) is expected


def test_repeated_parameters_all_hold() -> None:
    assert fits(("given", "alice"), ("given", "ann"))
    assert not fits(("given", "alice"), ("given", "bob"))
    assert fits(("birthdate", "ge1987-01-01"), ("birthdate", "le1987-12-31"))


@pytest.mark.parametrize("pair", [("family:contains", "x"), ("gender:not", "male"), ("birthdate", "sa1987")])
def test_what_is_not_supported_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as raised:
        criteria.read([pair])
    assert raised.value.code == "not-supported"


def test_elements_are_kinds_and_domains_are_none() -> None:
    found = criteria.read(
        [("family", "a"), ("family", "b"), ("address-city", "c"), ("address", "d"), ("birthdate", "1987"),
         ("active", "true"), ("identifier", "urn:a|,urn:b|"), ("colour", "red")]
    )  # fmt: skip
    assert (found.elements, found.domains, found.ignored) == (3, ("urn:a", "urn:b"), ["colour"])


@given(st.dates(min_value=date(1, 1, 1)))
def test_a_day_lies_in_its_month_and_year_and_between_its_neighbours(day: date) -> None:
    text = day.isoformat()
    for part in (text, text[:7], text[:4]):
        found = span_of(part)
        assert found is not None
        assert found.first <= day <= found.last
    assert parse_birthdate([f"ge{text}"]) == Span(day, date.max)
    assert parse_birthdate([f"le{text}"]) == Span(date.min, day)


@given(st.text(max_size=12))
def test_no_text_breaks_the_reading_of_dates(text: str) -> None:
    with contextlib.suppress(Invalid):
        assert parse_birthdate([text]).first <= date.max


def test_a_choice_of_values_identifies_nobody() -> None:
    found = criteria.read([("family", "王"), ("birthdate", "1987-03-12"), ("gender", "male,female,other,unknown")])
    assert found.elements == 2
    assert criteria.read([("family", "王,李,张"), ("gender", "male,male")]).elements == 1
