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
    npm = shutil.which("npm")
    if npm is None:
        raise Unreachable(f"{package.name} is fetched with npm, which is not here")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, f"{package.name}@{package.version}"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"npm did not fetch {package.name} within {FETCH_SECONDS} s") from error
        found = list(Path(folder).glob("*.tgz"))
        if done.returncode != 0 or len(found) != 1:
            raise Unreachable(f"npm could not fetch {package.name}: {done.stderr[-500:].strip()}")
        found[0].replace(path)
