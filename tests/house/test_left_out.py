"""A test that is left out is told by name and fails `.ci/run`; one that is deselected is nobody's loss."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SAMPLE = """
import pytest

def test_runs(): pass

@pytest.mark.skip(reason="no printer here")
def test_prints(): pass

@pytest.mark.xfail(reason="not yet round")
def test_wheel(): assert False

@pytest.fixture
def sea(): pytest.skip("no sea")

def test_swims(sea): pass
"""
WHOLE_FILE = 'import pytest\npytest.skip("another country", allow_module_level=True)\n'


def run(folder: Path, *arguments: str) -> str:
    """Run pytest with the plugin on the files of `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."]
    done = subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A folder of tests some of which are left out, with our plugin."""
    (tmp_path / "conftest.py").write_text(
        "from pathlib import Path\nfrom tests.left_out import LeftOut\n"
        "def pytest_configure(config):\n    config.pluginmanager.register(LeftOut(Path('var/list.txt')))\n"
    )
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "test_whole.py").write_text(WHOLE_FILE)
    return tmp_path


def test_every_way_of_leaving_out_is_listed(sample: Path) -> None:
    told = run(sample)
    listed = (sample / "var" / "list.txt").read_text().splitlines()
    assert listed == [
        "test_sample.py::test_prints: no printer here",
        "test_sample.py::test_swims: no sea",
        "test_sample.py::test_wheel: not yet round",
        "test_whole.py: another country",
    ]
    assert all(line in told for line in listed)
    assert told.splitlines()[-1].startswith("1 passed, 3 skipped, 1 xfailed")


def test_the_list_is_empty_when_everything_ran(sample: Path) -> None:
    assert "no test was left out" in run(sample, "-k", "runs", "test_sample.py")
    assert (sample / "var" / "list.txt").read_text() == ""


@pytest.mark.parametrize(
    ("make", "passes"),
    [
        ("mkdir -p var; : >var/tests-left-out.txt", True),
        ("mkdir -p var; echo test_prints >var/tests-left-out.txt", False),
        (":", False),
        ("mkdir -p var; : >var/tests-left-out.txt; exit 2", False),
    ],
    ids=["all-ran", "one-left-out", "no-list", "make-failed"],
)
def test_ci_fails_when_something_was_left_out(tmp_path: Path, make: str, passes: bool) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    stand_in = tmp_path / "bin" / "make"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\n{make}\n")
    stand_in.chmod(0o755)
    environment = {**os.environ, "PATH": f"{stand_in.parent}:{os.environ['PATH']}"}
    done = subprocess.run([tmp_path / ".ci" / "run"], env=environment, capture_output=True, check=False)
    assert (done.returncode == 0) is passes
