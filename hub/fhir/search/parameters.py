"""The search parameters of R4 that the hub's resource types have, with their expressions compiled. Pure.

Read from parameters.json, which `python -m tests.house.search_data` cuts from HL7's definitions. What cannot be compiled
or has no way to be read stops the process that loads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import orjson

from hub.fhir.search.expressions import Compiled, Path, compiled

Kind = Literal["token", "string", "date", "reference", "quantity", "number", "uri", "composite", "special"]

COMMON: Final = "Resource"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of one resource type. `targets` are the types that a reference may be to; `parts` those of a
    composite, each relative to the elements of `compiled`."""

    base: str
    code: str
    kind: Kind
    url: str
    expression: str
    compiled: Compiled
    targets: frozenset[str] = frozenset()
    parts: tuple["Part", ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a composite: the paths from an element of the composite, by the type of that element."""

    code: str
    kind: Kind
    paths: Mapping[str, tuple[Path, ...]]


@cache
def _loaded() -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(files("hub.fhir.search").joinpath("parameters.json").read_bytes())
    return loaded


def types() -> tuple[str, ...]:
    """The resource types that can be searched."""
    return tuple(_loaded()["types"])


@cache
def parameters(type_: str) -> dict[str, Parameter]:
    """The parameters of a resource type by name, those of every resource too. Raises KeyError, NotUnderstood."""
    if type_ not in types():
        raise KeyError(type_)
    return {
        said["code"]: _parameter(said, type_, base)
        for base in (COMMON, type_)
        for said in _loaded()["parameters"]
        if base in said["base"]
    }


def _parameter(said: Mapping[str, Any], type_: str, base: str) -> Parameter:
    parts = [part for part in said["expression"].split(" | ") if part.lstrip("(").split(".")[0] == base]
    expression = " | ".join(parts)
    found = compiled(expression, type_)
    return Parameter(
        type_,
        said["code"],
        said["type"],
        said["url"],
        expression,
        found,
        frozenset(said.get("target", ())),
        tuple(_part(part, found.paths) for part in said.get("component", ())),
    )


def _part(said: Mapping[str, str], bases: tuple[Path, ...]) -> Part:
    kind = next(one["type"] for one in _loaded()["parameters"] if one["url"] == said["url"])
    return Part(said["code"], kind, {base.type: compiled(said["expression"], base.type).paths for base in bases})
