"""fhir-kit-client (npm) works with the hub as it does with any FHIR server; what it does is in fhir_kit/exercise.mjs.

It is installed once with npm as fhir_kit/package-lock.json names it and what it needs, by version and digest, and kept in
`var/`. Left out by name where there is no node of version 20 or later, or it cannot be fetched.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import npm

FOLDER = Path(__file__).parent / "fhir_kit"
OLDEST_NODE = 20


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """(node, the script beside the packages that it imports)."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node here")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node is {version.strip()}, and fhir-kit-client needs {OLDEST_NODE}")
    try:
        packages = npm.installed(FOLDER / "package-lock.json")
    except npm.Unreachable as reason:
        pytest.skip(str(reason))
    folder = tmp_path_factory.mktemp("fhir_kit")
    (folder / "node_modules").symlink_to(packages)
    return node, Path(shutil.copy(FOLDER / "exercise.mjs", folder))


def test_fhir_kit_client_does_what_it_does_with_any_server(exercise: tuple[str, Path], base: str, token: str) -> None:
    node, script = exercise
    done = subprocess.run(
        [node, "--test-reporter=tap", script, base],
        env=os.environ | {"TOKEN": token},
        cwd=script.parent,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 6\n" in done.stdout
