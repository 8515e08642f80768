"""What R4 forbids is refused where it is, under its code, in words for an engineer and without the value.

`bad/*.json` are lists of cases: why, the (path, code) of each fault, the resource. Add a line for what is found in the wild.
"""

import json
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from hub.fhir import validate
from hub.fhir.validation import schema
from hub.fhir.validation.problems import CODES
from hub.fhir.validation.rules import NOT_CHECKED, RULES, TOLD_APART

FILES: Final = sorted(Path(__file__).parent.joinpath("bad").glob("*.json"))
CASES: Final = [
    pytest.param(case, id=f"{file.stem}-{place}")
    for file in FILES
    for place, case in enumerate(json.loads(file.read_text("utf-8")))
]
KEYS: Final = {rule.key for rules in RULES.values() for rule in rules} | TOLD_APART


def texts(value: Any) -> set[str]:
    """Every text of the resource that is about somebody and long enough to be known again: no code, no namespace."""
    if isinstance(value, dict):
        return {text for name, inner in value.items() if name not in ("system", "type") for text in texts(inner)}
    if isinstance(value, list):
        return {text for inner in value for text in texts(inner)}
    return {value} if isinstance(value, str) and len(value) > 8 else set()


def test_there_are_enough() -> None:
    assert len(CASES) >= 80


@pytest.mark.parametrize("case", CASES)
def test_each_is_refused_where_it_is(case: dict[str, Any]) -> None:
    resource = case["resource"]
    found = validate.check(resource, orjson.dumps(resource))
    assert {tuple(one) for one in case["expected"]} == {(one.path, one.code) for one in found}, found
    assert found == validate.check(resource)


@pytest.mark.parametrize("case", CASES)
def test_no_reason_repeats_a_value(case: dict[str, Any]) -> None:
    said = " ".join(problem.reason for problem in validate.check(case["resource"]))
    assert not [text for text in texts(case["resource"]) if text in said and text not in schema.known()]


def test_every_code_is_one_that_is_documented() -> None:
    used = {code for file in FILES for case in json.loads(file.read_text("utf-8")) for _, code in case["expected"]}
    assert used <= set(CODES) | KEYS


def test_every_invariant_has_a_case_that_breaks_it() -> None:
    used = {code for file in FILES for case in json.loads(file.read_text("utf-8")) for _, code in case["expected"]}
    assert KEYS - used == set()


def test_every_invariant_of_what_is_handled_is_checked_or_named() -> None:
    known = {key for type_ in schema.handled() for name in _made_of(type_) for key in schema.constraints(name)}
    assert known - KEYS == set(NOT_CHECKED)


def _made_of(type_: str) -> set[str]:
    """The definitions of the objects in a resource."""
    found: set[str] = set()
    waiting = [type_]
    while waiting:
        name = waiting.pop()
        if name not in found and schema.is_defined(name):
            found.add(name)
            waiting += [schema.target(value) for value in schema.definition(name)["properties"].values()]
    return found
