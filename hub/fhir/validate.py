"""Is this a valid R4 resource? The published JSON schema, and compiled checks for what a schema cannot say.

The schema is HL7's FHIR 4.0.1 JSON schema (CC0), cut to the types the hub handles; one validator a type, compiled once.
Beyond it: real calendar dates, one value[x] each, no empty arrays or objects, periods that do not end before they begin.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
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


def check(resource: Mapping[str, Any]) -> list[Problem]:
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


def _walk(path: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        yield from _element(path, value)
        for name, inner in value.items():
            if inner is None and not name.startswith("_"):
                yield Problem(f"{path}.{name}", "is null")
            elif isinstance(inner, str):
                if _is_date(name) and not _real(inner):
                    yield Problem(f"{path}.{name}", "is not a day of the calendar")
            elif isinstance(inner, Mapping | list):
                yield from _walk(f"{path}.{name}", inner)
    elif isinstance(value, list):
        if not value:
            yield Problem(path, "is an empty list")
        for at, inner in enumerate(value):
            if isinstance(inner, Mapping):
                yield from _walk(f"{path}[{at}]", inner)


def _element(path: str, value: Mapping[str, Any]) -> Iterator[Problem]:
    if not value:
        yield Problem(path, "is an empty object")
    for stem in ("value", "effective", "onset", "deceased", "multipleBirth", "performed", "occurrence"):
        found = [name for name in value if name.startswith(stem) and name[len(stem) : len(stem) + 1].isupper()]
        if len(found) > 1 and not path.endswith(("ElementDefinition",)):
            yield Problem(path, f"has more than one {stem}[x]")
    start, end = value.get("start"), value.get("end")
    if isinstance(start, str) and isinstance(end, str) and end[: len(start)] < start[: len(end)]:
        yield Problem(path, "ends before it starts")


def _is_date(name: str) -> bool:
    return name.endswith(("Date", "DateTime", "Instant")) or name in (
        "start",
        "end",
        "issued",
        "recorded",
        "date",
        "dateTime",
    )


def _real(text: str) -> bool:
    parts = text[:10].split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return True
    try:
        date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        return False
    return True
