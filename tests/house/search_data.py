"""The data of hub.fhir.search, cut from HL7's R4 definitions; `python -m tests.house.search_data` writes it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from hub.fhir.validation import schema
from tests import r4

FOLDER = Path(__file__).parents[2] / "hub" / "fhir" / "search"
SOURCE = "HL7 FHIR 4.0.1 (npm hl7.fhir.r4.examples 4.0.1), CC0-1.0"
WITHOUT = frozenset(("Binary", "OperationOutcome", "Parameters"))
"""Types that the hub reads and writes but does not keep."""
HEAD = "http://hl7.org/fhir/SearchParameter/"
EXCHANGED = {
    "DocumentReference-relatesto": "DocumentReference-relation",
    "DocumentReference-relation": "DocumentReference-relatesto",
}
"""The composite `relationship` names the definitions of its two parts the wrong way round."""


def kept_types() -> list[str]:
    """The resource types that can be searched."""
    return sorted(schema.handled() - WITHOUT)


def parameters(definitions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What parameters.json should hold."""
    defined = [one for one in definitions if one["resourceType"] == "SearchParameter" and _is_core(one)]
    types, codes = set(kept_types()), {one["url"]: one["code"] for one in defined}
    found: list[dict[str, Any]] = []
    for one in sorted(defined, key=lambda one: (one["code"], one["url"])):
        bases = sorted(set(one["base"]) & (types | {"Resource"}))
        expression = _cut(one.get("expression", ""), bases)
        if not expression:  # _content and _text, which no expression says, are among them
            continue
        found.append(
            {
                "code": one["code"],
                "type": one["type"],
                "url": one["url"],
                "base": bases,
                "expression": expression,
                **({"target": sorted(one["target"])} if "target" in one else {}),
                **({"component": [_component(part, codes) for part in one["component"]]} if "component" in one else {}),
            }
        )
    return {"source": SOURCE, "types": kept_types(), "parameters": found}


def _is_core(one: Mapping[str, Any]) -> bool:
    """Not one of the examples and extensions that the package holds beside the standard's own."""
    said = one["url"].removeprefix(HEAD)
    return (
        one["url"].startswith(HEAD)
        and "-extensions-" not in said
        and one["id"] not in ("example", "filter")
        and "-genetic-" not in said
    )


def _cut(expression: str, bases: list[str]) -> str:
    """Those parts of the union that begin at one of the types."""
    return " | ".join(part for part in expression.split(" | ") if part.lstrip("(").split(".")[0] in bases)


def _component(part: Mapping[str, Any], codes: Mapping[str, str]) -> dict[str, str]:
    said = part["definition"].removeprefix(HEAD)
    url = HEAD + EXCHANGED.get(said, said)
    return {"code": codes[url], "url": url, "expression": part["expression"]}


def elements(definitions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What elements.json should hold: the types of every element, and whether it is many, summary (s), required (r)."""
    structures = {
        one["type"]: one
        for one in definitions
        if one["resourceType"] == "StructureDefinition"
        and one["url"] == f"http://hl7.org/fhir/StructureDefinition/{one['type']}"
    }
    found: dict[str, dict[str, str]] = {}
    waiting = [*kept_types()]
    while waiting:
        name = waiting.pop()
        if (
            name in found
            or structures[name]["kind"] not in ("resource", "complex-type")
            or structures[name]["abstract"]
        ):
            continue
        for owner, element, text in _lines(structures[name]):
            found.setdefault(owner, {})[element] = text
            waiting += [type_ for type_ in text.split(" ")[0].split("|") if type_ in structures]
    return {"source": SOURCE, "elements": dict(sorted(found.items()))}


def _lines(structure: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    paths = [one["path"] for one in structure["snapshot"]["element"]]
    inner = {path for path in paths for other in paths if other.startswith(path + ".")}
    for one in structure["snapshot"]["element"][1:]:
        owner, _, name = one["path"].rpartition(".")
        if "contentReference" in one:
            types = [one["contentReference"][1:]]
        elif one["path"] in inner:
            types = [one["path"]]
        else:
            types = [_type_name(type_["code"]) for type_ in one["type"]]
        flags = "*" * (one["max"] != "1") + "s" * one.get("isSummary", False) + "r" * (one["min"] > 0)
        yield owner, name, "|".join(dict.fromkeys(types)) + (f" {flags}" if flags else "")


def _type_name(code: str) -> str:
    return code.rpartition(".")[2].lower() if code.startswith("http://hl7.org/fhirpath/") else code


def rendered(data: Mapping[str, Any]) -> bytes:
    """A file, one line a parameter or a type, so that a change can be read."""
    lines = []
    for name, value in data.items():
        match value:
            case list() if value and isinstance(value[0], dict):
                lines.append(f'"{name}": [\n' + ",\n".join(orjson.dumps(one).decode() for one in value) + "\n]")
            case dict():
                rows = (f'"{key}": {orjson.dumps(one).decode()}' for key, one in value.items())
                lines.append(f'"{name}": {{\n' + ",\n".join(rows) + "\n}")
            case _:
                lines.append(f'"{name}": {orjson.dumps(value).decode()}')
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def files() -> dict[str, bytes]:
    """The files as they should be. Raises r4.Unreachable."""
    return {
        "parameters.json": rendered(parameters(r4.definitions())),
        "elements.json": rendered(elements(r4.definitions())),
    }


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
