"""Public packages of FHIR's own test material, fetched once with npm, held to their checksum, kept under var/.

Only tests and the script that cuts the packaged schema use them; the hub itself needs none.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "var" / "npm"
SECONDS = 600


class Package(NamedTuple):
    """One version of a package, and the SHA-256 of its archive."""

    name: str
    version: str
    sha256: str


class NotFetched(Exception):
    """The archive is not here and cannot be had, or is not the one that was meant."""


def archive(package: Package) -> Path:
    """Where the archive lies, fetched if it has to be. Raises NotFetched."""
    stem = package.name.removeprefix("@").replace("/", "-")
    kept = FOLDER / f"{stem}-{package.version}.tgz"
    if not kept.exists():
        _fetch(package, kept)
    found = hashlib.sha256(kept.read_bytes()).hexdigest()
    if found != package.sha256:
        raise NotFetched(f"{kept.name} has the checksum {found}, not {package.sha256}")
    return kept


def _fetch(package: Package, kept: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotFetched(f"npm is missing: it fetches {package.name} {package.version}")
    folder = FOLDER / f".{kept.stem}"
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=SECONDS, check=False, text=True)
    except subprocess.TimeoutExpired as error:
        raise NotFetched(f"{package.name} did not come within {SECONDS} s") from error
    if done.returncode != 0:
        raise NotFetched(f"npm pack {package.name} failed: {done.stderr[-500:]}")
    # Renamed when it is whole: another process that runs the same tests sees all of it or nothing.
    next(folder.glob("*.tgz")).replace(kept)
