"""Why a resource does not pass its strict schema: read side by side with the definitions, one reason for each fault.

Only what was refused comes here, so that it may take its time. A resource in a resource is not entered.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

import jsonschema_rs

from hub.fhir.validation import paths, schema
from hub.fhir.validation.primitives import PRIMITIVES
from hub.fhir.validation.problems import Problem, shown

DEEPEST: Final = 64
_DAY: Final = re.compile("[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(T|$)")
_NAMED: Final = 40


def of_resource(type_: str, resource: dict[str, Any], path: str) -> Iterator[Problem]:
    """Every fault of the resource, which is at `path`."""
    return _object(type_, resource, path, 0)


def _object(name: str, value: Any, path: str, depth: int) -> Iterator[Problem]:
    if depth > DEEPEST:
        yield Problem(path, f"has more than {DEEPEST} layers", "too-deep")
        return
    if type(value) is not dict:
        yield from _not_object(value, path)
        return
    if not value:
        yield Problem(path, "is an empty object; allowed is to leave it out", "empty")
        return
    properties = schema.definition(name)["properties"]
    for key, inner in value.items():
        if key not in properties:
            yield Problem(path, _unknown(str(key), properties), "unknown-element")
        else:
            yield from _property(name, key, inner, paths.at(name, path, key), depth)
    yield from _missing(name, value, path)
    for place, rule in enumerate(schema.rules(name)):
        if not _rule(name, place).is_valid(value):
            yield Problem(path, rule.text, rule.key)


def _not_object(value: Any, path: str) -> Iterator[Problem]:
    if value is None:
        yield Problem(path, "is null; allowed is to leave it out", "null")
    else:
        yield Problem(path, "is not an object; allowed is {...}", "wrong-type")


def _missing(name: str, value: dict[str, Any], path: str) -> Iterator[Problem]:
    """Of what R4 needs, what can only be there as itself; the rest are rules."""
    properties = schema.definition(name)["properties"]
    for need in schema.needs(name):
        if need in properties and f"_{need}" not in properties and need not in value:
            yield Problem(path, f"lacks {need}, which R4 needs", "required")


def _unknown(key: str, properties: dict[str, Any]) -> str:
    near = get_close_matches(key[:_NAMED], properties, 1, 0.75)
    return f"has an element {shown(key)}, which R4 does not know{f'; did you mean {near[0]}?' if near else ''}"


def _property(owner: str, key: str, value: Any, path: str, depth: int) -> Iterator[Problem]:
    defined = schema.definition(owner)["properties"][key]
    if defined.get("type") != "array":
        yield from _value(owner, key, defined, value, path, depth)
        return
    if type(value) is not list:
        code = "null" if value is None else "wrong-type"
        yield Problem(path, "is not a list; allowed is [...], also for one", code)
    elif not value:
        yield Problem(path, "is an empty list; allowed is to leave it out", "empty")
    else:
        may_be_null = key[:1] == "_" or f"_{key}" in schema.definition(owner)["properties"]
        for place, item in enumerate(value):
            if not (item is None and may_be_null):
                yield from _value(owner, key, defined["items"], item, f"{path}[{place}]", depth)


def _value(owner: str, key: str, defined: dict[str, Any], value: Any, path: str, depth: int) -> Iterator[Problem]:
    name = schema.target(defined)
    if owner == "Reference" and key == "reference":
        yield from _primitive(schema.REFERENCE, value, path)
    elif name in PRIMITIVES:
        yield from _primitive(name, value, path)
    elif key == "contained":
        yield from _contained(value, path)
    elif name == "ResourceList":
        yield from _resource(value, path)
    elif name:
        yield from _object(name, value, path, depth + 1)
    else:
        yield from _code(defined, value, path)


def _primitive(name: str, value: Any, path: str) -> Iterator[Problem]:
    if _fits(name).is_valid(value):
        return
    allowed = schema.primitive(name).allowed
    if value is None:
        yield Problem(path, f"is null; allowed is {allowed}", "null")
    elif not _is_json_type(schema.primitive(name).schema["type"], value):
        yield Problem(path, f"has the wrong JSON type; allowed is {allowed}", "wrong-type")
    elif type(value) is str and "calendar" in allowed and _is_no_day(value):
        yield Problem(path, f"is not a day of the calendar; allowed is {allowed}", "no-such-day")
    else:
        yield Problem(path, f"does not have the form R4 asks for; allowed is {allowed}", "form")


def _is_json_type(wanted: str, value: Any) -> bool:
    if wanted in ("string", "boolean"):
        return type(value) is (str if wanted == "string" else bool)
    return type(value) in (int, float)


def _is_no_day(text: str) -> bool:
    return _DAY.match(text) is not None and not _fits("date").is_valid(text[:10])


def _code(defined: dict[str, Any], value: Any, path: str) -> Iterator[Problem]:
    allowed = [defined["const"]] if "const" in defined else defined["enum"]
    if value in allowed and type(value) is str:
        return
    text = f"{', '.join(allowed[:_NAMED])}{', ...' if len(allowed) > _NAMED else ''}"
    if value is None:
        yield Problem(path, f"is null; allowed is one of {text}", "null")
    elif type(value) is not str:
        yield Problem(path, f"has the wrong JSON type; allowed is one of {text}", "wrong-type")
    else:
        yield Problem(path, f"is not one of the allowed values: {text}", "code")


def _resource(value: Any, path: str) -> Iterator[Problem]:
    if type(value) is not dict:
        yield from _not_object(value, path)
    elif "resourceType" not in value:
        yield Problem(path, "lacks resourceType, which R4 needs", "required")


def _contained(value: Any, path: str) -> Iterator[Problem]:
    yield from _resource(value, path)
    if type(value) is not dict:
        return
    if "contained" in value:
        yield Problem(path, "has contained resources; allowed is to contain them in the resource around it", "dom-2")
    meta = value.get("meta")
    for name, key in (("versionId", "dom-4"), ("lastUpdated", "dom-4"), ("security", "dom-5")):
        if type(meta) is dict and name in meta:
            yield Problem(path, f"has meta.{name}, which no contained resource has", key)


@cache
def _rule(name: str, place: int) -> jsonschema_rs.Draft4Validator:
    return schema.compiled(schema.rules(name)[place].schema)


@cache
def _fits(primitive: str) -> jsonschema_rs.Draft4Validator:
    return schema.compiled(schema.primitive(primitive).schema)
