"""HL7's published R4 examples and definitions (npm `hl7.fhir.r4.examples` 4.0.1, CC0), for the tests that read them.

Fetched once (`python -m tests.r4`, or by the first test that asks), checked against its digest and kept in `var/`; a copy
elsewhere is named by `FHIR_R4_EXAMPLES`. A test that asks for them is left out, by name, where they cannot be had.
"""

import hashlib
import os
import sys
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import orjson

SOURCE = "https://registry.npmjs.org/hl7.fhir.r4.examples/-/hl7.fhir.r4.examples-4.0.1.tgz"
SHA256 = "dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682"
KEPT = Path(__file__).parents[1] / "var" / "hl7.fhir.r4.examples-4.0.1.tgz"
DEFINITIONS = ("SearchParameter", "StructureDefinition")


class Unreachable(Exception):
    """The examples are neither here nor to be had."""


def archive() -> Path:
    """The package, fetched when it is not here yet. Raises Unreachable."""
    named = os.environ.get("FHIR_R4_EXAMPLES")
    path = Path(named) if named else KEPT
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(_fetched())
        part.replace(path)  # runs beside this one find all of it or nothing
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise Unreachable(f"{path} is not the package that was published")
    return path


def _fetched() -> bytes:
    try:
        answer = httpx2.get(SOURCE, timeout=120)
        answer.raise_for_status()
    except httpx2.HTTPError as error:
        raise Unreachable(f"the R4 examples cannot be fetched: {error}") from error
    return bytes(answer.content)


def _resources(wanted: frozenset[str]) -> Iterator[dict[str, Any]]:
    with tarfile.open(archive()) as package:
        for member in package:
            if member.name.removeprefix("package/").partition("-")[0] in wanted and (
                file := package.extractfile(member)
            ):
                yield orjson.loads(file.read())


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
    try:
        archive()
    except Unreachable as error:
        sys.stderr.write(f"r4: {error}; the tests that read the examples will be left out\n")
