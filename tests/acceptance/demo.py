"""`hub demo` as a process of its own, as somebody would start it; what it says and which processes it runs."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

LINK = re.compile(r"http://127\.0\.0\.1:\d+/console/enter\?token=\S+")


@dataclass(slots=True)
class Demo:
    """A running demonstration; `data` is its folder."""

    process: subprocess.Popen[bytes]
    data: Path
    output: Path
    begun: float

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, text: str, seconds: float) -> float:
        """Until it has said so; answers after how many seconds since it was started. Fails when it ends before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if text in self.said():
                return time.monotonic() - self.begun
            assert self.process.poll() is None, self.said()
            time.sleep(0.1)
        raise AssertionError(f"{text!r} was not said within {seconds} s:\n{self.said()}")

    def links(self) -> list[str]:
        """The sign-in links it has shown."""
        return LINK.findall(self.said())

    def running(self) -> dict[str, int]:
        """Its processes by name."""
        try:
            found: dict[str, int] = json.loads((self.data / "processes.json").read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def table(self) -> list[dict[str, Any]]:
        """The table it has shown."""
        lines: list[dict[str, Any]] = json.loads((self.data / "table.json").read_bytes())
        return lines

    def stop(self, seconds: float = 60) -> int:
        """Ctrl-C; answers the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(seconds)

    def left_behind(self) -> list[str]:
        """Command lines of processes that still work in its folder."""
        return [
            " ".join(found.info["cmdline"])
            for found in psutil.process_iter(["cmdline"])
            if any(str(self.data) in part for part in found.info["cmdline"] or ())
        ]


@contextmanager
def demo(*arguments: str) -> Iterator[Demo]:
    """Start `hub demo` on a free port with a folder of its own; at the end it is stopped and the folder removed."""
    # Not below pytest's folder: that one is closed to other users by each new run, and the database's user is another.
    folder = Path(tempfile.mkdtemp(prefix="lianqiao-story-"))
    output = folder / "said.txt"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    command = [sys.executable, "-m", "hub", "demo", "--port", "0", "--data", str(folder / "data"), *arguments]
    with output.open("wb") as handle:
        process = subprocess.Popen(command, stdout=handle, stderr=subprocess.STDOUT, env=environment)
    found = Demo(process, folder / "data", output, time.monotonic())
    try:
        yield found
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder)
