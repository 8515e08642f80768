"""References within a transaction are led in place where that is safe, and come out as if everything had been read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Invalid
from hub.fhir import exact, requests

KNOWN = {"urn:uuid:a": "Patient/1", "urn:uuid:b": "Observation/2"}
TEXTS = st.one_of(
    st.sampled_from(
        [*KNOWN, "urn:uuid:c", "urn:uuid:", "reference", 'said "urn:uuid:a"', "back\\slash", "Patient?name=x"]
    ),
    st.text(max_size=5),
)
NAMES = st.one_of(st.sampled_from(["reference", "subject", "urn:uuid:a", 'x"reference', ',"reference":']), TEXTS)
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(-5, 5), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=12,
)


def _read_through(value: Any) -> Any:
    """What `resolved` is to answer, told by the rules: a reference names an entry, and so may any other text."""
    if isinstance(value, dict):
        for text in (inner for name, inner in value.items() if name == "reference" and isinstance(inner, str)):
            if text.startswith("urn:uuid:") and text not in KNOWN:
                raise Invalid("unresolved-reference", "")
        return {name: _read_through(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_read_through(inner) for inner in value]
    return KNOWN.get(value, value) if isinstance(value, str) else value


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_resource_is_led_as_if_it_had_been_read(resource: dict[str, Any]) -> None:
    body = exact.write(resource)
    try:
        expected: bytes | None = exact.write(_read_through(resource))
    except Invalid:
        expected = None
    if expected is None:
        with pytest.raises(Invalid, match="unresolved-reference"):
            requests.resolved(body, KNOWN)
    else:
        assert requests.resolved(body, KNOWN) == expected


def test_numbers_stay_as_they_were_written() -> None:
    body = b'{"reference":"urn:uuid:a","value":1.50,"note":"urn:uuid:c"}'
    assert requests.resolved(body, KNOWN) == b'{"reference":"Patient/1","value":1.50,"note":"urn:uuid:c"}'


def test_what_is_named_by_another_address_is_led_too() -> None:
    made = KNOWN | {"https://x.example/1": "Patient/9"}
    body = b'{"first":"urn:uuid:a","second":"https://x.example/1"}'
    assert requests.resolved(body, made) == b'{"first":"Patient/1","second":"Patient/9"}'
