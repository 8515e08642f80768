"""A hub's processes and its database, each of which can be killed and is started again."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import psutil

from hub.settings import Settings
from hub.storage.embedded import EmbeddedPostgres

WEB, WEB_WORKER, WORKER, DATABASE = "hub serve", "a web process", "hub work", "PostgreSQL"
_COMMANDS = {WEB: ("serve", "--workers", "2"), WORKER: ("work",)}


class Estate:
    """Everything that runs. `keep_alive` starts what is gone; `kill` ends one of the victims as the kernel does."""

    def __init__(self, folder: Path) -> None:
        """Names only; nothing runs yet."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.settings = Settings.model_validate(
            {
                "data_dir": folder / "hub",
                "port": self.port,
                "base_url": self.address,
                "lease_seconds": 3,
                "checkpoint_seconds": 1,
            }
        )
        self.killed: Counter[str] = Counter()
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._database: EmbeddedPostgres | None = None

    def keep_alive(self) -> None:
        """Start what does not run."""
        if self._postmaster() is None:
            self._database = EmbeddedPostgres(self.settings.data_dir)
        for name in _COMMANDS:
            process = self._running.get(name)
            if process is None or process.poll() is not None:
                self._running[name] = self._start(name)

    def kill(self, victim: str, draws: Random) -> None:
        """SIGKILL, or for the database an immediate stop, which is a crash too: it recovers from its log."""
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if victim == DATABASE:
                pid = self._postmaster()
                if pid is None:
                    return
                os.kill(pid, signal.SIGQUIT)
                psutil.Process(pid).wait(30)
            elif victim == WEB_WORKER:
                children = psutil.Process(self._running[WEB].pid).children()
                if not children:  # it has only just been started
                    return
                draws.choice(children).kill()
            else:
                self._running[victim].kill()
                self._running[victim].wait(10)
            self.killed[victim] += 1

    def said(self) -> str:
        """What the processes wrote to standard error."""
        return "\n".join(file.read_text() for file in sorted(self._folder.glob("*.log")))

    def close(self) -> None:
        """End everything."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        if self._database is not None:
            self._database.close()

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HUB_")}
        own = {
            "HUB_DATA_DIR": str(self.settings.data_dir),
            "HUB_PORT": str(self.port),
            "HUB_BASE_URL": self.address,
            "HUB_LEASE_SECONDS": str(self.settings.lease_seconds),
            "HUB_CHECKPOINT_SECONDS": str(self.settings.checkpoint_seconds),
            "HUB_LOG_LEVEL": "warning",
            "HUB_QUOTA_PER_SECOND": "10000",  # looking everything through afterwards is faster than a member may be
            "HUB_QUOTA_BURST": "100000",
        }
        log = self._folder / f"{_COMMANDS[name][0]}.log"
        with log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "hub", *_COMMANDS[name]], env=kept | own, stdout=out, stderr=out
            )

    def _postmaster(self) -> int | None:
        try:
            pid = int((self.settings.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return None
        return pid if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE else None


@contextmanager
def estate() -> Iterator[Estate]:
    """An estate in a folder of its own, ended whatever happens; nothing of it runs before `keep_alive`.

    A database that does not run as root has to get to its files again: other runs may close the folders of theirs meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="lianqiao-") as name:
        Path(name).chmod(0o755)
        made = Estate(Path(name))
        try:
            yield made
        finally:
            made.close()


def disturb(place: Estate, seconds: float, every: tuple[float, float], draws: Random) -> None:
    """For so many seconds kill something every so often, and start again what is gone."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, draws.uniform(*every)))
        victim = draws.choices([WEB, WEB_WORKER, WORKER, DATABASE], [3, 4, 4, 1])[0]
        place.kill(victim, draws)
        place.keep_alive()
