"""HL7's own examples of the types the hub handles: all are valid, but for those that break R4 themselves.

They are fetched once with npm; without it, or without a network, these tests are left out by name.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest

from hub.fhir import strict_json, validate
from hub.fhir.validation import schema
from tests import r4

LARGE: Final = 4_000_000
"""Bytes; what is larger are HL7's definitions of R4 itself, of which none comes to a hub."""

KNOWN_WRONG: Final = {
    "Bundle-dataelements": ("bdl-7", "twelve entries have the full URL of another one"),
    "Bundle-v2-valuesets": ("form", "four codes of HL7 v2 have two spaces in a row"),
}
"""Official examples that R4 itself forbids: the code of what is wrong, and the reason."""


def handled(*, large: bool) -> Iterator[tuple[str, bytes]]:
    """The examples of the types the hub handles. Skips the test when they cannot be fetched."""
    try:
        for name, body in r4.bodies():
            if (len(body) > LARGE) == large and name.partition("-")[0] in schema.handled():
                yield name, body
    except r4.Unreachable as reason:
        pytest.skip(str(reason))


def _faults(*, large: bool) -> tuple[int, dict[str, set[str]]]:
    count, found = 0, {}
    for name, body in handled(large=large):
        count += 1
        problems = validate.check(orjson.loads(body))
        if problems:
            found[name] = {problem.code for problem in problems}
    return count, found


def test_every_example_is_valid() -> None:
    assert _faults(large=False) == (346, {})


@pytest.mark.proof
def test_of_the_definitions_of_r4_itself_two_are_not() -> None:
    assert _faults(large=True) == (8, {name: {code} for name, (code, _) in KNOWN_WRONG.items()})


def _digits(body: bytes) -> Any:
    return json.loads(body, parse_float=lambda text: f"number {text}", parse_int=lambda text: f"number {text}")


def test_canonical_bytes_of_every_example_say_the_same_with_the_same_digits() -> None:
    for name, body in handled(large=False):
        document = strict_json.read(body)
        assert _digits(document.canonical) == _digits(body), name
        assert validate.check(document.value, document.canonical) == [], name
