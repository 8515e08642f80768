"""HL7's FHIR 4.0.1 JSON schema (CC0), cut to the types the hub checks and made strict, for a quick yes or no.

Beside what HL7's says: every element that R4 needs, codes of required bindings, one value of a choice, invariants of one
object (`rules`), no empty lists and objects, no nulls. A resource in a resource is any object here: whoever calls checks
it by its own type. The packaged file is made by `python -m tests.house.r4_definitions`.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, TypeGuard

import jsonschema_rs
import orjson

from hub.fhir.validation import primitives
from hub.fhir.validation.logic import Schema, either, forms, no, resolved
from hub.fhir.validation.primitives import PRIMITIVES, Primitive
from hub.fhir.validation.rules import RULES, Rule

_DRAFT = "http://json-schema.org/draft-04/schema#"  # in which 1.0 is no integer
REFERENCE = "reference"
"""Beside the primitive types: what the text of a Reference may be."""

_RESOURCE = "ResourceList"
_NULL: Schema = {"type": "null"}
_CONTAINED: Schema = {
    "type": "object",
    "required": ["resourceType"],
    "not": {"required": ["contained"]},
    "properties": {"meta": resolved(no("versionId", "lastUpdated", "security"), {}, {})},
}
"""Of a resource in `contained`: dom-2, dom-4, dom-5."""


@cache
def _packaged() -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(files("hub.fhir.validation").joinpath("r4.schema.json").read_bytes())
    return loaded


@cache
def handled() -> frozenset[str]:
    """The resource types that the hub takes and gives."""
    return frozenset(_packaged()["handled"])


@cache
def known() -> frozenset[str]:
    """Those, and the types that may stand in a Bundle, in Parameters or in `contained` beside them."""
    return handled() | frozenset(_packaged()["beside"])


def definition(name: str) -> dict[str, Any]:
    """A type or one of its inner objects (`Patient_Contact`): its `properties`, `needs`, `choices`, `codes`, `simple`.

    `needs` are the elements that R4 asks for (a choice as `value[x]`), `choices` the properties by stem, `codes` the
    allowed codes by system of what is bound to them, `simple` the quantities without a comparator.
    """
    found: dict[str, Any] = _packaged()["definitions"][name]
    return found


@cache
def primitive(name: str) -> Primitive:
    """A primitive type, or `REFERENCE`."""
    return primitives.reference(_packaged()["types"]) if name == REFERENCE else PRIMITIVES[name]


def is_defined(name: Any) -> TypeGuard[str]:
    """Is there a definition of that name whose objects have properties?"""
    return isinstance(name, str) and "properties" in _packaged()["definitions"].get(name, ())


def constraints(name: str) -> frozenset[str]:
    """The keys of R4's invariants that hold for a type, those of its elements included."""
    return frozenset(_packaged()["definitions"][name].get("constraints", ()))


def target(value: dict[str, Any]) -> str:
    """The definition to which the schema of a property, or of the items of a list, refers; "" for a code of a list."""
    return str(value.get("items", value).get("$ref", "")).rsplit("/", 1)[-1]


def accepts(type_: str, resource: dict[str, Any]) -> bool:
    """Does the resource pass the strict schema of its type, one of `known`?"""
    return _strict().is_valid({type_: resource})


@cache
def _strict() -> jsonschema_rs.Draft4Validator:
    """All types in one schema: compiled one by one, each with all datatypes, they take three times the memory."""
    types = {type_: {"$ref": f"#/definitions/{type_}"} for type_ in known()}
    return compiled({"properties": types, "additionalProperties": False, "definitions": _closure(known())})


def compiled(schema: Schema) -> jsonschema_rs.Draft4Validator:
    """The schema, in draft 4, with patterns that take linear time."""
    return jsonschema_rs.Draft4Validator({"$schema": _DRAFT, **schema}, pattern_options=jsonschema_rs.RegexOptions())


def _closure(types: Iterable[str]) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    waiting = [*types]
    while waiting:
        name = waiting.pop()
        if name and name not in found and name not in PRIMITIVES and name != _RESOURCE:
            found[name] = _object(name)
            waiting += [target(value) for value in definition(name)["properties"].values()]
    return found


def _object(name: str) -> Schema:
    known_ = definition(name)["properties"]
    made = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {key: _property(key, value, known_) for key, value in known_.items()} | _forms(name),
        "required": [need for need in needs(name) if need in known_ and f"_{need}" not in known_],
        "allOf": [rule.schema for rule in rules(name)],
    }
    return {key: value for key, value in made.items() if value != []}  # draft 4 has no empty list of these


def _forms(name: str) -> dict[str, Schema]:
    return {"reference": primitive(REFERENCE).schema} if name == "Reference" else {}


def _property(name: str, value: dict[str, Any], beside: dict[str, Any]) -> Schema:
    if "const" in value:
        return {"enum": [value["const"]]}
    if value.get("type") != "array":
        return _value(value)
    items = _CONTAINED if name == "contained" else _value(value["items"])
    # The lists of a primitive and of its extensions have a null where only the other one has something.
    return {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [items, _NULL]} if f"_{name}" in beside or name[:1] == "_" else items,
    }


def _value(value: dict[str, Any]) -> Schema:
    name = target(value)
    if name == _RESOURCE:
        return {"type": "object", "required": ["resourceType"]}
    if name in PRIMITIVES:
        return PRIMITIVES[name].schema
    return value


def needs(name: str) -> list[str]:
    """The elements that R4 asks for in an object; `resourceType` in a resource."""
    found = definition(name)
    return [*(["resourceType"] if "resourceType" in found["properties"] else []), *found.get("needs", ())]


@cache
def rules(name: str) -> tuple[Rule, ...]:
    """What an object of the definition has to pass beside its properties, each rule on its own."""
    return tuple(_rules(name))


def _rules(name: str) -> Iterator[Rule]:
    found = definition(name)
    known_, choices = found["properties"], found.get("choices", {})
    if "resourceType" not in known_:
        yield Rule("ele-1", either({"minProperties": 2}, {"not": {"required": ["id"]}}), "has nothing but an id")
    for need in needs(name):
        stem = need.removesuffix("[x]")
        each = forms([stem], known_, choices)
        if len(each) > 1:
            schema: Schema = {"anyOf": [{"required": [one]} for one in each]}
            yield Rule("required", schema, f"lacks {need}, which R4 needs")
    for stem, names in choices.items():
        schema = _at_most_one(names, known_)
        allowed = ", ".join(names) if len(names) <= 12 else f"{stem}Boolean, {stem}String and the like"
        yield Rule("one-choice", schema, f"has more than one {stem}[x]; allowed is one of {allowed}")
    for bound, codes in found.get("codes", {}).items():
        yield _bound(bound, codes, is_list=known_[bound].get("type") == "array")
    for simple in found.get("simple", ()):
        schema = {"properties": {simple: {"not": {"required": ["comparator"]}}}}
        yield Rule("sqty-1", schema, f"has a {simple} with a comparator; allowed is one value and its unit")
    for rule in RULES.get(name, ()):
        yield rule._replace(schema=resolved(rule.schema, known_, choices))


def _at_most_one(names: list[str], properties: dict[str, Any]) -> Schema:
    """At most one property of a choice; a primitive and its extensions are one."""
    each: list[Schema] = [
        {"anyOf": [{"required": [form]} for form in (name, f"_{name}") if form in properties]} for name in names
    ]
    quick = [{"required": ["url"], "maxProperties": 2}] if "url" in properties else []
    return {"anyOf": [*quick, {"not": {"anyOf": each}}, {"oneOf": each}]}


def _bound(name: str, codes: dict[str, list[str]], *, is_list: bool) -> Rule:
    """A concept with a coding of one of the systems has one of its codes, and has such a coding, a text or extensions."""
    coding = {"anyOf": [{"required": ["system", "code"], "properties": {"system": {"enum": [system]}, "code": {"enum": some}}}
                        for system, some in codes.items()]}  # fmt: skip
    concept: Schema = {"required": ["coding"], "properties": {"coding": {"not": {"items": {"not": coding}}}}}
    text = f"needs {name} with a coding of {'; '.join(f'{system}: {_few(some)}' for system, some in codes.items())}"
    return Rule("bound-code", {"properties": {name: {"items": concept} if is_list else concept}}, text)


def _few(codes: list[str]) -> str:
    return ", ".join(codes[:12]) + (", ..." if len(codes) > 12 else "")
