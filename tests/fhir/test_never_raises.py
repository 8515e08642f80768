"""Whatever JSON stands wherever in a resource: it is accepted or refused with reasons, and the check never breaks."""

import copy
import json
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Invalid
from hub.fhir import strict_json, validate
from hub.fhir.validation import schema

RESOURCES: Final = [
    case["resource"]
    for file in sorted(Path(__file__).parent.joinpath("bad").glob("*.json"))
    for case in json.loads(file.read_text("utf-8"))
]
NAMES: Final = sorted({name for type_ in schema.handled() for name in schema.definition(type_)["properties"]})
LEAVES: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.sampled_from(["#", "#p", "2020-02-30", "Patient/1", "<div>", "Patient", "Bundle", "a\u0001", "\u3000"])
)
VALUES: Final = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values within a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def put(resource: dict[str, Any], path: tuple[Any, ...], key: str, value: Any) -> None:
    """Put the value where the path leads, or under `key` into the object that stands there."""
    inner: Any = resource
    for step in path[:-1]:
        inner = inner[step]
    if path and isinstance(inner[path[-1]], dict) and value is not None:
        inner[path[-1]][key] = value
    elif path:
        inner[path[-1]] = value
    else:
        resource[key] = value


def checked(resource: dict[str, Any]) -> None:
    """Check with and without the bytes; both say the same, and each problem is whole."""
    body = orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)
    found = validate.check(resource, body)
    assert [problem.code for problem in found] == [problem.code for problem in validate.check(resource)]
    assert all(problem.path and problem.reason and problem.code != "invalid" for problem in found), found


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_resource_with_anything_anywhere_is_checked(data: st.DataObject) -> None:
    resource = copy.deepcopy(data.draw(st.sampled_from(RESOURCES)))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(resource)))
        put(resource, path, data.draw(st.sampled_from(NAMES)), data.draw(VALUES))
    checked(resource)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(schema.handled())), st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5))
def test_any_object_that_says_it_is_a_resource_is_checked(type_: str, value: dict[str, Any]) -> None:
    checked({**value, "resourceType": type_})


@pytest.mark.proof
@settings(max_examples=20_000, deadline=None)
@given(st.data())
def test_the_same_for_long(data: st.DataObject) -> None:
    test_a_resource_with_anything_anywhere_is_checked.hypothesis.inner_test(data)  # type: ignore[attr-defined]


def nested(layers: int) -> dict[str, Any]:
    """A Patient with extensions in extensions."""
    found: dict[str, Any] = {"url": "urn:x", "valueBoolean": True}
    for _ in range(layers):
        found = {"url": "urn:x", "extension": [found]}
    return {"resourceType": "Patient", "extension": [found]}


@pytest.mark.parametrize("layers", [10, 60, 100, 120, 130, 5_000])
def test_however_deep_it_is(layers: int) -> None:
    assert {problem.code for problem in validate.check(nested(layers))} <= {"too-deep"}
    wrong = nested(layers)
    wrong["gender"] = "?"
    assert {problem.code for problem in validate.check(wrong)} <= {"code", "too-deep"}


def test_bundles_in_bundles_end() -> None:
    found: dict[str, Any] = {"resourceType": "Patient"}
    for _ in range(12):
        found = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": found}]}
    assert [problem.code for problem in validate.check(found)] == ["too-deep"]


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), b"bytes", "\ud800", {1: 2}, {"a": object()}])
def test_what_is_no_json_is_refused(odd: Any) -> None:
    assert validate.check({"resourceType": "Patient", "active": odd})


@given(st.binary(max_size=80))
def test_any_body_is_read_and_checked_or_refused(body: bytes) -> None:
    text = b'{"resourceType":"Patient","extension":' + body + b"}"
    try:
        document = strict_json.read(text)
    except Invalid:
        return
    validate.check(document.value, document.canonical)
