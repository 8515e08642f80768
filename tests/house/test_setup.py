"""`scripts/setup` on machines that lack something says what to do, and does nothing when nothing is to be done."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("cat", "cksum", "cut", "dirname", "env", "id", "rm", "sh")

# A Python that is new enough but was installed without the means to make environments, as Debian does.
BARE_PYTHON = """#!/bin/sh
case "$2" in
*ensurepip*) exit 1 ;;
*python%d*) echo python3.11-venv ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone on a machine with a few standard tools and no Python."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    (tmp_path / "uv.lock").write_text("locked\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


def add(clone: Path, path: str, text: str) -> None:
    program = clone / path
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)


def setup(clone: Path, kind: str = "dev") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [clone / "scripts" / "setup", kind],
        env={"PATH": str(clone / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_python_it_says_which_is_needed(clone: Path) -> None:
    done = setup(clone)
    assert done.returncode == 1
    assert "Python 3.11 or later is needed" in done.stderr


def test_an_old_python_is_not_taken(clone: Path) -> None:
    add(clone, "bin/python3", "#!/bin/sh\nexit 1\n")
    assert "Python 3.11 or later is needed" in setup(clone).stderr


def test_without_venv_it_names_the_package(clone: Path) -> None:
    add(clone, "bin/python3", BARE_PYTHON)
    done = setup(clone)
    assert done.returncode == 1
    assert "apt-get install python3.11-venv" in done.stderr


def prepared(clone: Path, kind: str) -> None:
    """Leave `clone` as a finished set-up of `kind` does."""
    add(clone, ".venv/bin/python", "#!/bin/sh\nexit 0\n")
    files = [(clone / name).read_bytes() for name in ("uv.lock", "pyproject.toml", "scripts/setup")]
    sums = subprocess.run(["cksum"], input=b"".join(files), capture_output=True, check=True)
    (clone / ".venv" / f".{kind}").write_bytes(sums.stdout.strip())


@pytest.mark.parametrize(("done", "wanted"), [("dev", "dev"), ("dev", "run"), ("run", "run")])
def test_nothing_is_done_twice(clone: Path, done: str, wanted: str) -> None:
    prepared(clone, done)
    answer = setup(clone, wanted)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_changed_lock_is_noticed(clone: Path) -> None:
    prepared(clone, "dev")
    (clone / "uv.lock").write_text("locked anew\n")
    assert "installing uv" in setup(clone).stderr


def test_tools_are_missing_after_a_set_up_for_running_only(clone: Path) -> None:
    prepared(clone, "run")
    assert "installing uv" in setup(clone, "dev").stderr
