"""docs/fhirpath.md, made from the public FHIRPath test cases as the search engine answers them; `make fhirpath-page` writes it."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, get_args

from tests.fhir import fhirpath_cases
from tests.fhir.fhirpath_cases import ARTIFACT, Case, Result
from tests.npm import Unreachable

PAGE: Final = Path(__file__).parents[2] / "docs" / "fhirpath.md"
RESULTS: Final[tuple[Result, ...]] = get_args(Result)
WRONG: Final = {
    "testFHIRPathAsFunction21": "`as` on several elements is an error in FHIRPath; R4's own search parameters write it, so it chooses."
}
"""The cases that are understood and answered otherwise, and why."""
_MEANS: Final = {
    "right": "understood, and answered as the case says",
    "rightly refused": "refused, and the case says that it is no valid expression",
    "refused": "beyond what the engine understands: it says so when the expression is compiled",
    "wrong": "understood, and answered otherwise",
}

_HEAD: Final = f"""\
# FHIRPath: what the engine of the search parameters understands

The hub indexes and searches by the FHIRPath expressions of R4's search parameters. Its engine compiles what these use (paths,
`[n]`, unions, `as`, `ofType`, `where(name='text')`, `where(resolve() is Type)`, `exists()`, comparisons with true or false, `and`)
and refuses everything else when it is loaded, never in silence while it searches. All expressions of all supported parameters
are understood, and find in HL7's examples what another engine finds; tests hold that
([why it is so](../hub/decisions/0017-search-asks-the-database-for-blind-tokens.md)).

It is therefore no engine for FHIRPath at large, and this page says by name how far it is from one: the public test cases for R4
(FHIR/fhir-test-cases {ARTIFACT.version}, `r4/fhirpath/tests-fhir-r4.xml`), each put to it. It is made by `make fhirpath-page`; `make proof`
sees that it is current.

"""


def page(found: Iterable[tuple[Case, Result]]) -> str:
    """The page."""
    by_result: dict[Result, dict[str, list[str]]] = {result: {} for result in RESULTS}
    for case, result in found:
        by_result[result].setdefault(case.group, []).append(case.name)
    rows = [f"| {name} | {sum(map(len, of.values()))} | {_MEANS[name]} |" for name, of in by_result.items()]
    parts = [_HEAD + "\n".join(["| result | cases | |", "|---|---:|---|", *rows]) + "\n"]
    for name in ("wrong", "right", "rightly refused", "refused"):
        groups = by_result[name]
        lines = [f"- {group}: {', '.join(f'`{one}`' for one in names)}" for group, names in groups.items()]
        why = [f"\n{reason}\n" for case, reason in WRONG.items() if name == "wrong"]
        parts.append(f"\n## {name.capitalize()}\n\n" + "\n".join(lines or ["None."]) + "\n" + "".join(why))
    return "".join(parts)


def counts(text: str) -> dict[str, int]:
    """How many cases a page says there are of each result."""
    return {name: int(number) for name, number in re.findall(r"^\| ([a-z ]+) \| (\d+) \|", text, re.MULTILINE)}


def listed(text: str) -> dict[str, list[str]]:
    """The names that a page lists of each result."""
    found = {}
    for part in text.split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        lines = [line for line in body.splitlines() if line.startswith("- ")]
        found[title.lower()] = [name for line in lines for name in re.findall("`([^`]+)`", line)]
    return found


if __name__ == "__main__":
    try:
        PAGE.write_text(page(fhirpath_cases.by_result()), encoding="utf-8")
    except Unreachable as error:
        sys.exit(f"docs/fhirpath.md was not made anew: {error}")
