"""The expressions find in HL7's examples what another engine finds, and the packaged data is what HL7 publishes."""

import re
import statistics
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
from fhirpathpy import compile as evaluator
from fhirpathpy.models import models

from hub.fhir.search import Parameter, parameters, tokens, types
from hub.fhir.search.expressions import compiled
from tests.house.search_data import FOLDER, files

Resources = tuple[dict[str, Any], ...]
RESOLVED = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
"""The other engine fetches nothing, so it cannot tell what a reference is to."""


def test_the_packaged_data_is_what_hl7_publishes(definitions: Resources) -> None:
    assert definitions
    assert {name: (FOLDER / name).read_bytes() for name in files()} == files()


@cache
def peer(expression: str) -> Any:
    """The expression in the other engine, which knows no `as` on several elements and no type `Resource`."""
    return evaluator(re.sub(r" as (\w+)\)", r".ofType(\1))", expression.replace(".as(", ".ofType(")), models["r4"])


def distinct(found: list[Any]) -> list[bytes]:
    """Elements without the repetitions that a union leaves out."""
    return list(dict.fromkeys(orjson.dumps(one, default=float) for one in found))


def unresolved(parameter: Parameter) -> str:
    return RESOLVED.sub("", parameter.expression).replace("Resource.", f"{parameter.base}.")


def test_every_expression_finds_what_the_other_engine_finds(examples: Resources) -> None:
    differing, found = [], set()
    for resource in examples:
        for parameter in parameters(resource["resourceType"]).values():
            expression = unresolved(parameter)
            theirs = distinct(peer(expression)(resource))
            ours = distinct(compiled(expression, parameter.base).find(resource))
            if (ours if theirs else [one for one in ours if one != b"false"]) != theirs:
                differing.append((parameter.base, parameter.code, resource.get("id")))
            found |= {(parameter.base, parameter.code)} if theirs else set()
    assert differing == []
    assert len(found) > 500  # of 780; the examples have hardly any tags, security labels and profiles


def test_every_part_of_a_composite_finds_what_the_other_engine_finds(examples: Resources) -> None:
    compared = 0
    for resource in examples:
        for parameter in parameters(resource["resourceType"]).values():
            for path in parameter.compiled.paths if parameter.parts else ():
                at = ".".join((parameter.base, *(step.name for step in path.steps)))
                for part in parameter.parts:
                    ours = [
                        one
                        for inner in part.paths[path.type]
                        for e in path.find(resource)
                        for one in inner.walk([e], resource)
                    ]
                    theirs = [one for inner in part.paths[path.type] for one in peer(_whole(at, inner))(resource)]
                    compared += len(ours)
                    assert distinct(ours) == distinct(theirs)
    assert compared > 500


def _whole(at: str, path: Any) -> str:
    names = ".".join(step.name for step in path.steps)
    return f"{at}.{names}" if path.steps[-1].name == path.steps[-1].key else f"({at}.{names}).ofType({path.type})"


def referred(element: dict[str, Any], resource: dict[str, Any]) -> str:
    """The type a reference is to, read in another way than the code does."""
    text = element.get("reference", "")
    if text.startswith("#"):
        return next((str(one["resourceType"]) for one in resource.get("contained", []) if "#" + one["id"] == text), "")
    words = [word for word in text.split("/") if word[:1].isupper()]
    return str(words[0] if words else element.get("type", ""))


def resolving() -> Iterator[tuple[Parameter, str]]:
    for type_ in types():
        for parameter in parameters(type_).values():
            if said := set(RESOLVED.findall(parameter.expression)):
                yield parameter, said.pop()


def test_references_are_kept_by_the_type_they_are_to(examples: Resources) -> None:
    kept = 0
    for parameter, wanted in resolving():
        for resource in (one for one in examples if one["resourceType"] == parameter.base):
            found = compiled(unresolved(parameter), parameter.base).find(resource)
            expected = [one for one in found if referred(one, resource) == wanted]
            assert parameter.compiled.find(resource) == expected
            kept += len(expected)
    assert kept > 200


def test_a_resource_is_told_in_few_texts(examples: Resources) -> None:
    told = [len(tokens(resource)) for resource in examples]
    assert statistics.median(told) <= 20
    assert max(told) <= 80
