"""The real `hub serve` for a benchmark, without quotas, and how much processor time it and its database take."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from hub.settings import Settings


@contextlib.contextmanager
def served(settings: Settings, workers: int) -> Iterator[psutil.Process]:
    """The real `hub serve`."""
    env = environment(settings)
    with (settings.data_dir / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "serve", "--workers", str(workers)], env=env, stdout=log, stderr=log
        )
    try:
        _wait(settings.port)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def environment(settings: Settings) -> dict[str, str]:
    """What makes a process of this hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    own = {"HUB_DATA_DIR": str(settings.data_dir), "HUB_PORT": str(settings.port), "HUB_LOG_LEVEL": "warning"}
    free = {"HUB_LOOK_UPS_PER_MINUTE": "10000000", "HUB_MISSES_PER_HOUR": "10000000"}
    free |= {"HUB_QUOTA_PER_SECOND": "1000000", "HUB_QUOTA_BURST": "10000000"}
    return kept | own | free


def _wait(port: int) -> None:
    for _ in range(1800):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit("the hub does not answer")


def processors(server: psutil.Process, data: Path) -> dict[str, float]:
    """Processor seconds so far, by kind of process."""
    found = {"hub": 0.0, "PostgreSQL": 0.0}
    postmaster = psutil.Process(int(next(data.rglob("postmaster.pid")).read_text().split()[0]))
    for name, top in (("hub", server), ("PostgreSQL", postmaster)):
        for process in (top, *top.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                found[name] += times.user + times.system
    return found
