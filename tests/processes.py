"""Real hub processes for tests: `hub work` and others, with their logs in files, ended by their own pid."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson

from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Running:
    """A process and the file that its standard error goes to."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The structured lines of one event, as far as they are written."""
        found = []
        for line in self.log.read_bytes().split(b"\n")[:-1]:
            if line.startswith(b"{"):
                entry = orjson.loads(line)
                if entry.get("event") == event:
                    found.append(entry)
        return found

    def kill(self) -> None:
        """End it as the kernel does when memory is short: at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


def environment(settings: Settings, **others: str) -> dict[str, str]:
    """What makes a process of this hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    own = {
        "HUB_DATA_DIR": str(settings.data_dir),
        "HUB_DATABASE_URL": settings.database_url,
        "HUB_DATABASE_POOL": "5",
        "HUB_BASE_URL": settings.base_url,
    }
    return kept | own | others


@contextmanager
def started(settings: Settings, folder: Path, *command: str, **others: str) -> Iterator[Running]:
    """`hub` with `command` as a process of its own; killed at the end if it still runs."""
    log = folder / f"{command[0]}-{time.monotonic_ns()}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", *command], env=environment(settings, **others), stderr=out, stdout=out
        )
        try:
            yield Running(process, log)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(10)


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Look every 50 ms; AssertionError when it does not come true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.05)


def wait_until_answered(client: httpx2.Client) -> None:
    """Until the hub that `client` asks says that it lives."""

    def is_there() -> bool:
        try:
            return client.get("/healthz").is_success
        except httpx2.TransportError:
            return False

    wait_until(is_there)
