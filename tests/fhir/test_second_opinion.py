"""A second validator, of R4B, is asked about types that are the same in R4: what it refuses is refused here too."""

import copy
from typing import Any, Final

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.fhir import validate
from tests.fhir.payloads import bundle, observation, patient

VALUES: Final[list[Any]] = [
    None, [], {}, [None], [{}], "", "x", "2020-02-30", "2020-02-29", "2020-13", "2026-05-01T08:00:00", True, "true", 0, -1,
    1.5, {"reference": "Patient/1"}, {"text": "x"}, [{"text": "x"}], ["x"], {"value": "x"}, {"start": "x"}, {"unknown": 1},
]  # fmt: skip
NAMES: Final = (
    "id", "text", "extension", "birthDate", "deceasedBoolean", "deceasedDateTime", "gender", "name", "status", "code",
    "valueString", "valueQuantity", "subject", "identifier", "component", "given", "period", "coding", "unknown",
)  # fmt: skip


def _steps(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [step for key, one in inner for step in [(*path, key), *_steps(one, (*path, key))]]


def _objects(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of members of objects, one more for each name that may be added."""
    found = [step for step in _steps(value) if step[-1] != "resourceType"]
    return found + [(*step[:-1], name) for step in found if isinstance(step[-1], str) for name in NAMES]


def _accepts(resource: dict[str, Any]) -> bool:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(copy.deepcopy(resource))
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("resource", [patient(), observation(), bundle(4)])
def test_both_accept_what_is_right(resource: dict[str, Any]) -> None:
    assert validate.check(resource) == []
    assert _accepts(resource)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([patient(), observation()]))
def test_what_the_other_one_refuses_is_refused(data: st.DataObject, right: dict[str, Any]) -> None:
    resource = copy.deepcopy(right)
    path = data.draw(st.sampled_from(_objects(resource)))
    inner: Any = resource
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = data.draw(st.sampled_from(VALUES))
    if not _accepts(resource):
        assert validate.check(resource)
