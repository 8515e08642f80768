"""What a source or a steward may send is read or refused, never half read: whatever JSON stands wherever."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Invalid, Refused
from hub.fhir import fed, message_headers, messages, parameters, record_messages, requests
from tests.feeds import message, resolved
from tests.people import patient

LATEST = datetime(2026, 1, 1, tzinfo=UTC)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 10**18, 10**18 - 1)
    | st.text(max_size=8),  # longer ones are read as text
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in _places(one, (*path, key)))]


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    made = copy.deepcopy(value)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return made


MESSAGE = message([resolved(patient("huiji", "H1", birth="1990-01-01"), "H2"), patient("huiji", "H2")])


@given(st.sampled_from(_places(MESSAGE)[1:]), VALUES)
def test_a_message_is_read_or_refused(path: tuple[Any, ...], new: Any) -> None:
    try:
        changed = _replaced(MESSAGE, path, new)
        found = messages.read(changed, message_headers.read(changed))
    except Invalid:
        return
    assert found.entries
    for entry in found.entries:
        assert all(isinstance(part, str) for one in fed.identifiers(entry.patient) for part in one)


RECORDS = {
    "resourceType": "Bundle",
    "type": "message",
    "entry": [
        {
            "resource": {
                "resourceType": "MessageHeader",
                "id": "1",
                "eventUri": "urn:x",
                "source": {"endpoint": "urn:y"},
            }
        },
        {"fullUrl": "urn:uuid:1", "resource": patient("huiji", "H1,|\\$2")},
        {"resource": {"resourceType": "Observation", "subject": {"reference": "urn:uuid:1"}}},
    ],
}


@given(st.sampled_from(_places(RECORDS)[1:]), VALUES)
def test_records_of_a_message_are_read_or_refused(path: tuple[Any, ...], new: Any) -> None:
    try:
        changed = _replaced(RECORDS, path, new)
        found = record_messages.read(changed, message_headers.read(changed), "urn:lianqiao:huiji:record")
    except Refused:
        return
    assert [one.at for one in found] == list(range(1, len(found) + 1))
    assert {one.method for one in found} <= {"PUT", "POST"}


def test_a_number_of_whatever_characters_is_asked_for_as_it_is() -> None:
    (first, second) = record_messages.read(RECORDS, message_headers.read(RECORDS), "urn:lianqiao:huiji:record")
    assert requests.parameters(first.query) == [("identifier", "urn:lianqiao:huiji:record|H1\\,\\|\\\\\\$2")]
    assert (second.method, second.query) == ("POST", "")


PARAMETERS = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "text", "valueString": "x"},
        {"name": "flag", "valueBoolean": True},
        {"name": "number", "valueInteger": 3},
        {"name": "patient", "valueReference": {"reference": "Patient/1"}},
        {"name": "identifier", "valueIdentifier": {"system": "a", "value": "b"}},
        {"name": "resource", "resource": {"resourceType": "Patient"}},
    ],
}
KNOWN = ("text", "flag", "number", "patient", "identifier", "resource")


def _read_all(resource: dict[str, Any]) -> tuple[Any, ...]:
    found = parameters.of_resource(resource, KNOWN)
    return (
        found.text("text"),
        found.flag("flag"),
        found.number("number", 0, 9),
        found.reference("patient"),
        found.identifiers("identifier"),
        found.resource("resource"),
    )


@given(st.sampled_from(_places(PARAMETERS)[1:]), VALUES)
def test_parameters_are_read_or_refused(path: tuple[Any, ...], new: Any) -> None:
    try:
        text, flag, number, reference, identifiers, resource = _read_all(_replaced(PARAMETERS, path, new))
    except Invalid:
        return
    assert isinstance(text, str | None)
    assert flag in (True, False)
    assert 0 <= number <= 9
    assert isinstance(reference, str | None)
    assert all(isinstance(part, str) for one in identifiers for part in one)
    assert isinstance(resource, dict | None)


def test_parameters_are_read_as_they_are_meant() -> None:
    assert _read_all(PARAMETERS) == ("x", True, 3, "Patient/1", [("a", "b")], {"resourceType": "Patient"})
    assert _read_all({"resourceType": "Parameters"}) == (None, False, 0, None, [], None)


@given(st.text(max_size=40) | st.datetimes().map(datetime.isoformat) | st.datetimes(timezones=st.just(UTC)).map(str))
def test_a_stamp_is_an_instant_not_ahead_of_now(text: str) -> None:
    try:
        found = fed.moment(text, LATEST)
    except Invalid:
        return
    assert found is None or (found <= LATEST and found.tzinfo is not None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/123", ("123", None)),
        ("123", ("123", None)),
        ("Patient/123/_history/4", ("123", 4)),
        ("Patient/123/_history/x", ("123/_history/x", None)),
    ],
)
def test_the_name_of_a_patient(text: str, expected: tuple[str, int | None]) -> None:
    assert parameters.of_patient(text) == expected
