"""Is this a valid R4 resource? The published JSON schema, and compiled checks for what a schema cannot say.

The schema is HL7's FHIR 4.0.1 JSON schema (CC0), cut to the types the hub handles; one validator a type, compiled once.
Beyond it: real calendar dates, one value[x] each, no empty arrays or objects, periods that do not end before they begin.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import jsonschema_rs
import orjson

_MOST = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: a path into the resource and a reason without the value (which may be personal)."""

    path: str
    reason: str


@cache
def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(files("hub.fhir").joinpath("r4.schema.json").read_bytes())
    return loaded


@cache
def types() -> frozenset[str]:
    """The resource types the hub handles."""
    return frozenset(ref["$ref"].rsplit("/", 1)[1] for ref in _schema()["definitions"]["ResourceList"]["oneOf"])


@cache
def _validator(type_: str) -> jsonschema_rs.Draft6Validator:
    schema = _schema()
    return jsonschema_rs.Draft6Validator(
        {"$schema": schema["$schema"], "$ref": f"#/definitions/{type_}", "definitions": schema["definitions"]}
    )


def check(resource: dict[str, Any]) -> list[Problem]:
    """Every fault of the resource, at most 20; empty when it is valid."""
    type_ = resource.get("resourceType")
    if not isinstance(type_, str) or type_ not in types():
        return [Problem("resourceType", "is not a resource type that the hub handles")]
    validator = _validator(type_)
    problems: list[Problem] = []
    if not validator.is_valid(resource):
        for error in validator.iter_errors(resource):
            problems.append(Problem(_path(error.instance_path) or type_, _reason(error)))
            if len(problems) >= _MOST:
                return problems
    if _clean(resource):
        return problems
    for problem in _walk(type_, resource):
        problems.append(problem)
        if len(problems) >= _MOST:
            break
    return problems


def _path(steps: list[str | int]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _reason(error: Any) -> str:
    kind = type(error.kind).__name__.rsplit("_", 1)[-1]
    texts = {
        "AdditionalProperties": "has a property that R4 does not know",
        "Required": "lacks a required property",
        "Pattern": "does not have the form R4 asks for",
        "Enum": "is not one of the allowed values",
        "Type": "has the wrong JSON type",
        "Constant": "is not the expected value",
    }
    return texts.get(kind, f"breaks the R4 schema ({kind})")


_CHOICES = ("value", "effective", "onset", "deceased", "multipleBirth", "performed", "occurrence")
_DATES = frozenset({"start", "end", "issued", "recorded", "date"})
_DATE_ENDS = ("Date", "DateTime", "Instant")


@lru_cache(maxsize=4096)
def _shape(names: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
    """What the properties of one object say: has it a fault or a period that only `_element` can judge; which are dates."""
    doubtful = {"start", "end"} <= set(names) or any(_element("", dict.fromkeys(names)))
    return doubtful, tuple(name for name in names if _is_date(name))


def _is_date(name: str) -> bool:
    return name in _DATES or name.endswith(_DATE_ENDS)


def _clean(resource: dict[str, Any]) -> bool:
    """Would `_walk` find nothing? The same rules without paths, several times faster: most resources have no fault."""
    waiting = [resource]
    for value in waiting:
        doubtful, dates = _shape(tuple(value))
        if doubtful and any(_element("", value)):
            return False
        for name in dates:
            inner = value[name]
            if type(inner) is str and not _real(inner):
                return False
        for inner in value.values():
            kind = type(inner)
            if kind is str:
                continue
            if kind is dict:
                if not inner:
                    return False
                waiting.append(inner)
            elif kind is list:
                if not inner:
                    return False
                waiting.extend([item for item in inner if type(item) is dict])
            elif inner is None:
                return False
    return all(waiting)


def _walk(path: str, value: dict[str, Any]) -> Iterator[Problem]:
    """Faults of an object and all below it. Plain dict and list only: what JSON parsing gives."""
    if not value:
        yield Problem(path, "is an empty object")
    if len(value) > 1:
        yield from _element(path, value)
    for name, inner in value.items():
        if type(inner) is str:
            if _is_date(name) and not _real(inner):
                yield Problem(f"{path}.{name}", "is not a day of the calendar")
        elif type(inner) is dict:
            yield from _walk(f"{path}.{name}", inner)
        elif type(inner) is list:
            if not inner:
                yield Problem(f"{path}.{name}", "is an empty list")
            for at, item in enumerate(inner):
                if type(item) is dict:
                    yield from _walk(f"{path}.{name}[{at}]", item)
        elif inner is None:
            yield Problem(f"{path}.{name}", "is null")


def _element(path: str, value: dict[str, Any]) -> Iterator[Problem]:
    """Faults between the properties of one object."""
    if "start" in value and "end" in value:
        start, end = value["start"], value["end"]
        if isinstance(start, str) and isinstance(end, str) and end[: len(start)] < start[: len(end)]:
            yield Problem(path, "ends before it starts")
    seen: set[str] = set()
    for name in value:
        for stem in _CHOICES:
            if name.startswith(stem) and name[len(stem) : len(stem) + 1].isupper():
                if stem in seen:
                    yield Problem(path, f"has more than one {stem}[x]")
                seen.add(stem)


@lru_cache(maxsize=16384)
def _real(text: str) -> bool:
    parts = text[:10].split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return True
    try:
        date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        return False
    return True
