"""The words in which invariants are said as JSON schema (draft 4): what exists, what follows, what is among what."""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]


def has(*names: str) -> Schema:
    """Does at least one of the elements exist? Filled in by `resolved` for what exists in more than one form."""
    return {"has": list(names)}


def no(*names: str) -> Schema:
    """None of the elements exists."""
    return {"not": has(*names)}


def either(*schemas: Schema) -> Schema:
    """At least one holds."""
    return {"anyOf": list(schemas)}


def both(*schemas: Schema) -> Schema:
    """All hold."""
    return {"allOf": list(schemas)}


def one_of(left: Schema, right: Schema) -> Schema:
    """Exactly one holds."""
    return {"oneOf": [left, right]}


def implies(left: Schema, right: Schema) -> Schema:
    """The right holds where the left does."""
    return either({"not": left}, right)


def where(name: str, schema: Schema) -> Schema:
    """What the element is when it is there."""
    return {"properties": {name: schema}}


def among(name: str, *codes: str) -> Schema:
    """The element is there and is one of the codes."""
    return {"required": [name], "properties": {name: {"enum": list(codes)}}}


def some(name: str, schema: Schema) -> Schema:
    """The list is there and at least one of its items passes."""
    return {"required": [name], "properties": {name: {"not": {"items": {"not": schema}}}}}


def every(name: str, schema: Schema) -> Schema:
    """All items of the list pass."""
    return where(name, {"items": schema})


def coded(name: str, system: str, *codes: str) -> Schema:
    """The CodeableConcept is there with one of the codes."""
    coding = both(among("system", system), among("code", *codes))
    return {"required": [name], "properties": {name: some("coding", coding)}}


def resolved(schema: Any, properties: Mapping[str, Any], choices: Mapping[str, list[str]]) -> Any:
    """`schema` with each `has` spelt out: an element exists by its value, by an extension in its place, by any choice."""
    if isinstance(schema, list):
        return [resolved(one, properties, choices) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "has" in schema:
        return either(*[{"required": [name]} for name in forms(schema["has"], properties, choices)])
    return {key: resolved(value, properties, choices) for key, value in schema.items()}


def forms(names: list[str], properties: Mapping[str, Any], choices: Mapping[str, list[str]]) -> list[str]:
    """The properties of which each gives one of the elements `names`."""
    each = [form for name in names for form in choices.get(name, [name])]
    return [form for name in each for form in (name, f"_{name}") if form == name or form in properties]
