"""Paths in FHIRPath's form, and the way through a resource that they describe.

https://hl7.org/fhir/R4/fhirpath.html: the value of `valueQuantity` is at `value.ofType(Quantity)`.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from hub.fhir.validation import schema
from hub.fhir.validation.primitives import PRIMITIVES

_KEYWORDS: Final = frozenset(
    ["and", "as", "contains", "div", "implies", "in", "is", "mod", "or", "xor", "true", "false"]
)


def below(path: str, name: str) -> str:
    """The path of an element of what is at `path`; names that FHIRPath keeps for itself are quoted."""
    return f"{path}.`{name}`" if name in _KEYWORDS else f"{path}.{name}"


def at(definition: str, path: str, key: str) -> str:
    """The path of a property of an object of the definition at `path`; the extensions of a primitive are at its own."""
    found = schema.definition(definition)
    name = key[1:] if key[:1] == "_" and key[1:] in found["properties"] else key
    if name not in _choices(definition):
        return below(path, name)
    stem = _choices(definition)[name]
    suffix = name[len(stem) :]
    type_ = suffix[:1].lower() + suffix[1:]
    return f"{below(path, stem)}.ofType({type_ if type_ in PRIMITIVES else suffix})"


@cache
def _choices(definition: str) -> dict[str, str]:
    """The stem of each property that is one of a choice."""
    return {key: stem for stem, keys in schema.definition(definition).get("choices", {}).items() for key in keys}


def objects(type_: str, resource: dict[str, Any], path: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(definition, path, value) of every object of a valid resource; other resources in it are not entered.

    What it contains is, as far as it is made of what R4 knows.
    """
    waiting = [(type_, path, resource)]
    for definition, where, value in waiting:
        yield definition, where, value
        properties = schema.definition(definition)["properties"]
        for key, inner in value.items():
            is_list = type(inner) is list
            for place, item in enumerate(inner if is_list else [inner]):
                if type(item) is not dict:
                    continue
                name = item.get("resourceType") if key == "contained" else schema.target(properties.get(key, {}))
                if schema.is_defined(name):
                    waiting.append((name, f"{at(definition, where, key)}{f'[{place}]' if is_list else ''}", item))
