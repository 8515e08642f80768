"""A public artifact of Maven Central that only tests read: fetched once with mvn, held to a digest, kept in `var/`."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.npm import FOLDER, Unreachable

FETCH_SECONDS = 580


class Artifact(NamedTuple):
    """One version of an artifact, and the SHA-256 of its archive."""

    group: str
    name: str
    version: str
    sha256: str

    @property
    def kept(self) -> Path:
        """Where the archive is kept."""
        return FOLDER / f"{self.name}-{self.version}.jar"


def archive(artifact: Artifact) -> Path:
    """The archive, fetched when it is not there yet. Raises Unreachable."""
    if not artifact.kept.exists():
        _fetch(artifact)
    with artifact.kept.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != artifact.sha256:
            raise Unreachable(f"{artifact.kept} is not the artifact that was published")
    return artifact.kept


def _fetch(artifact: Artifact) -> None:
    """Let mvn fetch it from the repository it is set up with, into a folder of its own; all of it appears or nothing."""
    mvn = shutil.which("mvn")
    if mvn is None:
        raise Unreachable("mvn is not here")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        named = f"{artifact.group}:{artifact.name}:{artifact.version}"
        options = ["-q", "-B", f"-Dmaven.repo.local={folder}", "-Dtransitive=false", f"-Dartifact={named}"]
        try:
            done = subprocess.run(
                [mvn, *options, "dependency:get"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=FETCH_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"mvn was not done within {FETCH_SECONDS} s") from error
        found = list(Path(folder).rglob(artifact.kept.name))
        if done.returncode != 0 or len(found) != 1:
            raise Unreachable(f"mvn did not bring {named}: {done.stdout[-300:].strip()}")
        found[0].replace(artifact.kept)
