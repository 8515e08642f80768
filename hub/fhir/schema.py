"""HL7's FHIR 4.0.1 JSON schema (CC0), cut to the types the hub handles, and a stricter one for a quick yes or no.

The strict one also refuses what FHIR forbids and that schema lets pass: days that no calendar has, empty arrays and
objects, nulls, lists or texts in place of objects, two values of one choice. Compiled once a type.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs
import orjson

CHOICES = ("value", "effective", "onset", "deceased", "multipleBirth", "performed", "occurrence")
"""Stems of the choice properties (value[x]) among the types the hub handles."""

_COMMON_YEAR = "([0-9]{2}([13579][01345789]|[02468][1235679])|([02468][1235679]|[13579][01345789])00)"
NO_SUCH_DAY = f"^([0-9]{{4}}-(02-3[01]|(04|06|09|11)-31)|{_COMMON_YEAR}-02-29)"
"""What a day that passes R4's own pattern begins with when no calendar has it."""


@cache
def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(files("hub.fhir").joinpath("r4.schema.json").read_bytes())
    return loaded


@cache
def types() -> frozenset[str]:
    """The resource types the hub handles."""
    return frozenset(ref["$ref"].rsplit("/", 1)[1] for ref in _schema()["definitions"]["ResourceList"]["oneOf"])


@cache
def strict(type_: str) -> jsonschema_rs.Draft6Validator:
    """The stricter schema for one of `types`."""
    return jsonschema_rs.Draft6Validator(
        {"$schema": _schema()["$schema"], "$ref": f"#/definitions/{type_}", "definitions": _strict_definitions()}
    )


@cache
def _strict_definitions() -> dict[str, Any]:
    return {name: _strict_definition(found) for name, found in _schema()["definitions"].items()}


def _strict_definition(found: dict[str, Any]) -> dict[str, Any]:
    if "properties" not in found:
        return _strict_value("", found)
    made = found | {"type": "object", "minProperties": 1}
    made["properties"] = {name: _strict_value(name, value) for name, value in found["properties"].items()}
    rules = [rule for stem in CHOICES if (rule := _at_most_one(choice_of(stem, found["properties"])))]
    return made | ({"allOf": rules} if rules else {})


def choice_of(stem: str, names: Any) -> list[str]:
    """Those of the property names `names` that are the choice `stem`[x]."""
    return [name for name in names if re.match(stem + "[A-Z]", name)]


def _at_most_one(names: list[str]) -> dict[str, Any] | None:
    """Refuses an object with two of the properties `names`; an extension with its url and one more is quickly done."""
    if len(names) < 2:
        return None
    each: list[dict[str, Any]] = [{"required": [name]} for name in names]
    return {"anyOf": [{"required": ["url"], "maxProperties": 2}, {"oneOf": [*each, {"not": {"anyOf": each}}]}]}


def _strict_value(name: str, value: dict[str, Any]) -> dict[str, Any]:
    if value.get("type") == "array":
        items = _strict_value(name, value["items"])
        # An array of extensions of primitive values has a null at each place that has none.
        return value | {"minItems": 1, "items": {"anyOf": [{"type": "null"}, items]} if name[:1] == "_" else items}
    if "-(0[1-9]|[1-2][0-9]|3[0-1])" in value.get("pattern", ""):
        return value | {"not": {"pattern": NO_SUCH_DAY}}
    return value
