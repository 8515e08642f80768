"""The browser is found where it is, installed where that is allowed, and its absence is said and not hidden."""

import os
from pathlib import Path

import pytest

from tests import chromium

WORKS = "#!/bin/sh\necho Chromium 1\n"
# Some systems install a program of that name which only says where to get the real one.
STUB = "#!/bin/sh\necho 'get it elsewhere' >&2\nexit 1\n"
HAS_FONT = "#!/bin/sh\necho 'Some Sans CJK'\n"
NO_FONT = "#!/bin/sh\n"
SUDO = '#!/bin/sh\nshift\nexec "$@"\n'


class Machine:
    """A folder of programs that stands for a machine; what apt-get was asked for is written down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = folder / "asked"

    def has(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)

    def has_apt_get(self, result: int = 0) -> None:
        """An apt-get that notes its arguments and, unless it fails, puts a browser there."""
        self.has(
            "apt-get",
            f'#!/bin/sh\necho "$@" >>{self.asked}\n'
            f"case \"$*\" in *install*chromium*) [ {result} = 0 ] && printf '#!/bin/sh\\n' >{self.folder}/chromium &&"
            f" /bin/chmod +x {self.folder}/chromium ;; esac\nexit {result}\n",
        )

    @property
    def installed(self) -> str:
        """What was installed, or nothing."""
        lines = self.asked.read_text().splitlines() if self.asked.exists() else []
        return " ".join(line.rpartition("recommends ")[2] for line in lines if " install " in line)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without anything but `env` and a Chinese font, seen by somebody without rights."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    made = Machine(tmp_path)
    (tmp_path / "env").symlink_to("/usr/bin/env")
    made.has("fc-list", HAS_FONT)
    return made


def test_the_one_that_starts_is_taken(machine: Machine) -> None:
    machine.has("chromium", STUB)
    machine.has("google-chrome", WORKS)
    assert chromium.find() == str(machine.folder / "google-chrome")


def test_only_the_named_one_is_tried(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has("chromium", WORKS)
    machine.has_apt_get()
    monkeypatch.setenv("CHROMIUM", str(machine.folder / "mine"))
    assert chromium.ensure() is None
    assert machine.installed == ""
    machine.has("mine", WORKS)
    assert chromium.ensure() == str(machine.folder / "mine")


def test_root_installs_what_is_missing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    machine.has("fc-list", NO_FONT)
    machine.has_apt_get()
    assert chromium.ensure() == str(machine.folder / "chromium")
    assert machine.installed == " ".join(chromium.PACKAGES)


def test_sudo_without_a_password_will_do(machine: Machine) -> None:
    machine.has("sudo", SUDO)
    machine.has("true", WORKS)
    machine.has_apt_get()
    assert chromium.ensure() == str(machine.folder / "chromium")
    assert machine.installed == "chromium"


@pytest.mark.parametrize("sudo", [None, "#!/bin/sh\nexit 1\n"], ids=["no-sudo", "sudo-wants-a-password"])
def test_without_rights_it_says_so(machine: Machine, sudo: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    if sudo:
        machine.has("sudo", sudo)
    machine.has_apt_get()
    assert chromium.ensure() is None
    assert machine.installed == ""
    assert "needs apt-get, and root or sudo" in capsys.readouterr().err


def test_a_failing_installation_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    machine.has_apt_get(result=100)
    assert chromium.ensure() is None
    assert "apt-get update failed" in capsys.readouterr().err


def test_nothing_is_installed_twice(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    machine.has("chromium", WORKS)
    machine.has_apt_get()
    assert chromium.ensure() == str(machine.folder / "chromium")
    assert not machine.asked.exists()
