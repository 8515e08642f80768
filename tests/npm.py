"""Public packages that only tests and the scripts of packaged data read: fetched once with npm, held to a digest.

They are kept in `var/`. The hub itself needs none of them.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "var"
FETCH_SECONDS = 300


class Unreachable(Exception):
    """The package is neither here nor to be had."""


class Package(NamedTuple):
    """One version of a package, and the SHA-256 of its archive."""

    name: str
    version: str
    sha256: str

    @property
    def kept(self) -> Path:
        """Where the archive is kept."""
        return FOLDER / f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


def archive(package: Package, path: Path | None = None) -> Path:
    """The archive, at `path` or where it is kept, fetched when it is not there yet. Raises Unreachable."""
    path = path or package.kept
    if not path.exists():
        _fetch(package, path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != package.sha256:
        raise Unreachable(f"{path} is not the package that was published")
    return path


def _fetch(package: Package, path: Path) -> None:
    """Let npm fetch it from the registry it is set up with; runs beside this one find all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        _npm(folder, "pack", "--silent", "--pack-destination", folder, f"{package.name}@{package.version}")
        found = list(Path(folder).glob("*.tgz"))
        if len(found) != 1:
            raise Unreachable(f"npm fetched {len(found)} archives of {package.name}")
        found[0].replace(path)


def installed(lock: Path) -> Path:
    """The folder `node_modules` with what a package-lock.json names, a package.json beside it. Raises Unreachable.

    npm holds each package to the digest in the lock, and runs no script of any.
    """
    described = [lock.with_name("package.json"), lock]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in described)).hexdigest()
    kept = FOLDER / f"{lock.parent.name}-{digest[:16]}"
    if not kept.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            made = Path(folder, "made")
            made.mkdir()
            for path in described:
                shutil.copy(path, made)
            _npm(str(made), "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund")
            try:
                made.rename(kept)
            except OSError:
                if not kept.exists():  # else a run beside this one was quicker
                    raise
    return kept / "node_modules"


def _npm(folder: str, *command: str) -> None:
    """Let npm do something in a folder, with the registry it is set up with. Raises Unreachable."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unreachable("npm is not here")
    said = f"npm {command[0]}"
    try:
        done = subprocess.run(
            [npm, *command], cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"{said} was not done within {FETCH_SECONDS} s") from error
    if done.returncode != 0:
        raise Unreachable(f"{said} failed: {done.stderr[-500:].strip()}")
