"""The public test cases of FHIRPath for R4 (FHIR/fhir-test-cases, Apache-2.0), put to the engine of the search parameters.

That engine is no FHIRPath engine and does not want to be: it compiles what R4's search parameters use, and refuses the rest
when it is loaded. So of each case it is told whether it is understood, and what is understood has to be answered right.
"""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from lxml import etree

from hub.fhir.search.expressions import NotUnderstood, compiled
from tests import maven

ARTIFACT: Final = maven.Artifact(
    "org.hl7.fhir.testcases",
    "fhir-test-cases",
    "1.7.69",
    "827a559099ae3297c3f96ab5749b419a24600d74b6a09e23620881a9c17df741",
)
FOLDER: Final = "org/hl7/fhir/testcases/r4/"
Result = Literal["right", "rightly refused", "refused", "wrong"]
_PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True)


@dataclass(frozen=True, slots=True)
class Case:
    """One case: the expression, what it should give (texts as the cases write them), and of which resource."""

    group: str
    name: str
    expression: str
    invalid: bool
    predicate: bool
    expected: tuple[str, ...]
    type: str
    resource: dict[str, Any] | None


def cases() -> list[Case]:
    """All of them, in their order. Raises Unreachable."""
    with zipfile.ZipFile(maven.archive(ARTIFACT)) as archive:
        root = etree.fromstring(archive.read(f"{FOLDER}fhirpath/tests-fhir-r4.xml"), _PARSER)
        return [_case(archive, group, one) for group in root.iter("group") for one in group.iter("test")]


def _case(archive: zipfile.ZipFile, group: Any, one: Any) -> Case:
    expression = one.find("expression")
    type_, resource = _input(archive, one.get("inputfile", ""))
    return Case(
        group=group.get("name", ""),
        name=one.get("name", ""),
        expression=expression.text or "",
        invalid=expression.get("invalid") is not None,
        predicate=one.get("predicate") == "true",
        expected=tuple((output.text or "").removeprefix("@").removeprefix("T") for output in one.findall("output")),
        type=type_,
        resource=resource,
    )


def _input(archive: zipfile.ZipFile, file: str) -> tuple[str, dict[str, Any] | None]:
    """The type of a case's resource, and the resource where the cases have it in JSON."""
    if not file:
        return "Patient", {"resourceType": "Patient"}
    names = set(archive.namelist())
    stem = file.rpartition(".")[0]
    for path in (f"{FOLDER}{stem}.json", f"{FOLDER}examples/{stem}.json"):
        if path in names:
            resource: dict[str, Any] = json.loads(archive.read(path))
            return resource["resourceType"], resource
    return etree.QName(etree.fromstring(archive.read(FOLDER + file), _PARSER)).localname, None


def result(case: Case) -> Result:
    """What becomes of a case. Raises LookupError for one that is understood, and whose resource is there in XML only."""
    try:
        engine = compiled(case.expression, case.type)
    except NotUnderstood:
        return "rightly refused" if case.invalid else "refused"
    if case.resource is None:
        raise LookupError(case.name)
    if case.invalid:
        return "wrong"
    found = engine.find(case.resource)
    if case.predicate:
        found = [found not in ([], [False])]
    return "right" if sorted(map(_text, found)) == sorted(case.expected) else "wrong"


def _text(value: Any) -> str:
    """A value as the cases write it; they say no more of an object than that it is there."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if isinstance(value, dict) else str(value)


def by_result() -> Iterator[tuple[Case, Result]]:
    """Every case with its result."""
    return ((case, result(case)) for case in cases())
