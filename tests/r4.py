"""HL7's published R4 examples and definitions (npm `hl7.fhir.r4.examples` 4.0.1, CC0), for the tests that read them.

`python -m tests.r4` fetches them once with npm, which it installs when it may; they are checked against their digest and
kept in `var/`; a copy elsewhere is named by `FHIR_R4_EXAMPLES`. A test that asks for them is left out, by name, where they
cannot be had.
"""

import os
import shutil
import sys
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from tests import npm
from tests.chromium import install
from tests.npm import Package

PACKAGE = Package("hl7.fhir.r4.examples", "4.0.1", "dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682")
DEFINITIONS = ("SearchParameter", "StructureDefinition")
Unreachable = npm.Unreachable


def archive() -> Path:
    """The package, fetched when it is not here yet. Raises Unreachable."""
    named = os.environ.get("FHIR_R4_EXAMPLES")
    return npm.archive(PACKAGE, Path(named) if named else None)


def bodies() -> Iterator[tuple[str, bytes]]:
    """(name, body) of each example as it was published; a name is such as `Patient-example`. Raises Unreachable."""
    with tarfile.open(archive()) as package:
        for member in package:
            name = member.name.removeprefix("package/").removesuffix(".json")
            content = package.extractfile(member) if member.name.endswith(".json") and name != "package" else None
            if content is not None:
                yield name, content.read()


def _resources(wanted: frozenset[str]) -> Iterator[dict[str, Any]]:
    return (orjson.loads(body) for name, body in bodies() if name.partition("-")[0] in wanted)


@cache
def definitions() -> tuple[dict[str, Any], ...]:
    """The definitions of search parameters and structures."""
    return tuple(_resources(frozenset(DEFINITIONS)))


@cache
def examples(types: frozenset[str]) -> tuple[dict[str, Any], ...]:
    """The examples of these resource types, and those of the types that are entries of example Bundles."""
    found = list(_resources(types | {"Bundle"}))
    inner = [
        entry["resource"]
        for one in found
        if one["resourceType"] == "Bundle"
        for entry in one.get("entry", ())
        if "resource" in entry
    ]
    return tuple(one for one in [*found, *inner] if one["resourceType"] in types)


if __name__ == "__main__":
    if not PACKAGE.kept.exists() and "FHIR_R4_EXAMPLES" not in os.environ and shutil.which("npm") is None:
        install(["npm"])
    try:
        archive()
    except Unreachable as error:
        sys.stderr.write(f"r4: {error}; the tests that read the examples will be left out\n")
