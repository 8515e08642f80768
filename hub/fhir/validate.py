"""Is this a valid R4 resource? A compiled schema says yes or no; only of what is refused the reasons are looked for.

Beyond the published schema (`hub.fhir.validation`): what R4's StructureDefinitions ask for, its invariants, real dates,
references, safe narratives. Bundles, Parameters and what is contained are checked resource by resource. Never raises.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from hub.fhir.validation import beyond, reasons, schema
from hub.fhir.validation.problems import MOST, Problem

__all__ = ["Problem", "check"]

_LAYERS = 8
"""Of resources in one another: a Bundle of a Bundle of Parameters is far more than anybody sends."""


def check(resource: dict[str, Any], body: bytes | None = None) -> list[Problem]:
    """Every fault of the resource, at most 20; empty when it is valid.

    `body` is the same as JSON without spaces (orjson's), where it is at hand.
    """
    type_ = resource.get("resourceType")
    if not isinstance(type_, str) or type_ not in schema.handled():
        return [Problem("resourceType", "is not a resource type that the hub handles", "unsupported-type")]
    if body is None:
        try:
            body = orjson.dumps(resource)
        except orjson.JSONEncodeError:
            return [Problem(type_, "is too deep, or holds what JSON does not", "too-deep")]
    marks = beyond.marks(body)
    if beyond.is_plain(type_, resource, marks) and schema.accepts(type_, resource):
        return []
    return list(islice(_faults(type_, resource, type_, marks, 0), MOST))


def _faults(type_: str, resource: dict[str, Any], path: str, marks: int, layer: int) -> Iterator[Problem]:
    if layer > _LAYERS:
        yield Problem(path, f"is in more than {_LAYERS} other resources", "too-deep")
    elif schema.accepts(type_, resource):
        yield from beyond.check(type_, resource, path, marks)
        yield from _within(type_, resource, path, marks, layer)
    else:
        found = list(islice(reasons.of_resource(type_, resource, path), MOST))
        found += islice(_within(type_, resource, path, marks, layer), MOST)
        yield from found or [Problem(path, "is not valid", "invalid")]


def _within(type_: str, resource: dict[str, Any], path: str, marks: int, layer: int) -> Iterator[Problem]:
    """The faults of the resources in a resource, which may not be valid itself."""
    if type_ == "Bundle":
        yield from _in_list(resource.get("entry"), f"{path}.entry", marks, layer)
    elif type_ == "Parameters":
        waiting = [(f"{path}.parameter", resource.get("parameter"))]
        for at, parts in waiting:
            yield from _in_list(parts, at, marks, layer)
            waiting += [(f"{at}[{place}].part", part["part"]) for place, part in _objects(parts) if "part" in part]
    elif "contained" in resource:
        # What `beyond` looks for everywhere in an object was looked for here with the resource around it.
        for place, one in _objects(resource["contained"]):
            yield from _inner(one, f"{path}.contained[{place}]", 0, layer)


def _in_list(items: Any, path: str, marks: int, layer: int) -> Iterator[Problem]:
    """Of the `resource` in each entry or parameter."""
    for place, item in _objects(items):
        found = item.get("resource")
        if type(found) is dict:
            yield from _inner(found, f"{path}[{place}].resource", marks, layer)


def _objects(items: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    return ((place, item) for place, item in enumerate(items if type(items) is list else ()) if type(item) is dict)


def _inner(resource: dict[str, Any], path: str, marks: int, layer: int) -> Iterator[Problem]:
    type_ = resource.get("resourceType")
    if type(type_) is str and type_ in schema.known():
        if not (beyond.is_plain(type_, resource, marks) and schema.accepts(type_, resource)):
            yield from _faults(type_, resource, path, marks, layer + 1)
    elif "resourceType" in resource:
        yield Problem(path, "is of a resource type that the hub does not know", "unsupported-type")
