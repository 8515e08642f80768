"""What elements the searchable types have, of which types they are, and which belong to a summary. Pure; R4 definitions.

Read from elements.json, which is cut from HL7's StructureDefinitions; a choice (value[x]) has one key for each type.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Element:
    """An element as it stands in JSON: its name, its key (which of a choice also tells the type), and its values."""

    name: str
    key: str
    type: str
    many: bool
    in_summary: bool
    required: bool


@cache
def _loaded() -> dict[str, dict[str, str]]:
    loaded: dict[str, Any] = orjson.loads(files("hub.fhir.search").joinpath("elements.json").read_bytes())
    elements: dict[str, dict[str, str]] = loaded["elements"]
    return elements


@cache
def elements(type_: str) -> dict[str, tuple[Element, ...]]:
    """The elements of a type by name without `[x]`; a choice is several. None for a primitive type."""
    return {name.removesuffix("[x]"): tuple(_choices(name, text)) for name, text in _loaded().get(type_, {}).items()}


def _choices(name: str, text: str) -> Iterator[Element]:
    types, _, flags = text.partition(" ")
    for type_ in types.split("|"):
        key = name[:-3] + type_[0].upper() + type_[1:] if name.endswith("[x]") else name
        yield Element(name.removesuffix("[x]"), key, type_, "*" in flags, "s" in flags, "r" in flags)
