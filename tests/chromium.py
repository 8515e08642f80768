"""The browser of the browser tests: where it is, and how it comes to be there.

`python -m tests.chromium` installs Chromium and a Chinese font with apt-get when it may and ends well when it may
not: the tests that need a browser are then left out by name at the end of the run. `CHROMIUM` names another one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ("chromium", "fonts-wqy-microhei")
INSTALL_SECONDS = 900


def find() -> str | None:
    """Path of a browser that starts, or None. `CHROMIUM`, when set, is the only one tried."""
    named = os.environ.get("CHROMIUM")
    for name in (named,) if named else NAMES:
        path = shutil.which(name)
        if path is not None and _starts(path):
            return path
    return None


def _starts(path: str) -> bool:
    """Whether `path` runs at all: some systems ship a stub that only says where the real package is."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def has_chinese_font() -> bool:
    """Whether the system can draw Chinese."""
    if shutil.which("fc-list") is None:
        return False
    listed = subprocess.run(["fc-list", ":lang=zh-cn", "family"], capture_output=True, timeout=60, check=False)
    return bool(listed.stdout.strip())


def as_root() -> list[str] | None:
    """What to put before a command so that root runs it without a question; None when that is not possible."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    allowed = subprocess.run(
        [sudo, "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    return [sudo, "-n"] if allowed.returncode == 0 else None


def install(packages: Sequence[str]) -> bool:
    """Install `packages` with apt-get; False, with the reason on stderr, when it may not or cannot."""
    prefix = as_root()
    if shutil.which("apt-get") is None or prefix is None:
        _say(f"{' and '.join(packages)} not installed: that needs apt-get, and root or sudo without a password.")
        return False
    _say(f"installing {' and '.join(packages)} with apt-get")
    apt_get = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        try:
            done = subprocess.run(
                [*apt_get, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=INSTALL_SECONDS,
                check=False,
                text=True,
            )
        except subprocess.TimeoutExpired:
            _say(f"apt-get {command[0]} did not end within {INSTALL_SECONDS} s")
            return False
        if done.returncode != 0:
            _say(f"apt-get {command[0]} failed:\n{done.stdout[-2000:]}")
            return False
    return True


def ensure() -> str | None:
    """Find the browser and a Chinese font, installing what is missing; path of the browser or None."""
    browser = find()
    missing = [
        package
        for package, present in zip(PACKAGES, (browser is not None, has_chinese_font()), strict=True)
        if not present
    ]
    if os.environ.get("CHROMIUM"):
        if browser is None:
            _say(f"CHROMIUM={os.environ['CHROMIUM']} does not start")
        missing = []
    if missing and install(missing):
        browser = find()
    if browser is None:
        _say("no Chromium: the browser tests will be left out")
    return browser


def _say(text: str) -> None:
    sys.stderr.write(f"browser: {text}\n")


if __name__ == "__main__":
    ensure()
