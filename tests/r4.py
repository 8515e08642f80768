"""HL7's published R4 examples and definitions (npm `hl7.fhir.r4.examples` 4.0.1, CC0), for the tests that read them.

`python -m tests.r4` fetches them once with npm, which it installs when it may; they are checked against their digest and
kept in `var/`; a copy elsewhere is named by `FHIR_R4_EXAMPLES`. A test that asks for them is left out, by name, where they
cannot be had.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from tests.chromium import install

PACKAGE = "hl7.fhir.r4.examples@4.0.1"
SHA256 = "dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682"
KEPT = Path(__file__).parents[1] / "var" / "hl7.fhir.r4.examples-4.0.1.tgz"
FETCH_SECONDS = 300
DEFINITIONS = ("SearchParameter", "StructureDefinition")


class Unreachable(Exception):
    """The examples are neither here nor to be had."""


def archive() -> Path:
    """The package, fetched when it is not here yet. Raises Unreachable."""
    named = os.environ.get("FHIR_R4_EXAMPLES")
    path = Path(named) if named else KEPT
    if not path.exists():
        _fetch(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise Unreachable(f"{path} is not the package that was published")
    return path


def _fetch(path: Path) -> None:
    """Let npm fetch the package from the registry it is set up with; runs beside this one find all of it or nothing."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unreachable("the R4 examples are fetched with npm, which is not here")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, PACKAGE]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"npm did not fetch the R4 examples within {FETCH_SECONDS} s") from error
        found = list(Path(folder).glob("*.tgz"))
        if done.returncode != 0 or len(found) != 1:
            raise Unreachable(f"npm could not fetch the R4 examples: {done.stderr[-500:].strip()}")
        found[0].replace(path)


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
    if not KEPT.exists() and "FHIR_R4_EXAMPLES" not in os.environ and shutil.which("npm") is None:
        install(["npm"])
    try:
        archive()
    except Unreachable as error:
        sys.stderr.write(f"r4: {error}; the tests that read the examples will be left out\n")
