"""Databases for tests: one embedded PostgreSQL, and as many databases on it as are asked for.

A copy of a migrated template is a thousand small files: some ten milliseconds in memory, and hundreds on a slow disk. So the
server lies in memory where there is enough of it. Durability is off: a test that needs to see what survives a crash starts a
server of its own through `hub.storage.embedded`.
"""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil

from hub.storage.embedded import EmbeddedPostgres
from hub.storage.migrate import upgrade

_NOT_DURABLE = """\
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 128MB
max_wal_size = 256MB
autovacuum_naptime = 1h
"""

_MEMORY: Final = Path("/dev/shm")
_ENOUGH: Final = 6 << 30
"""Bytes of memory that must be free, so that some servers and the tests themselves find room."""
_PREFIX: Final = "lianqiao-"


def new_folder() -> Path:
    """A folder for a server: in memory, or where there is too little of it among other temporary files."""
    has_room = _MEMORY.is_dir() and min(psutil.virtual_memory().available, shutil.disk_usage(_MEMORY).free) > _ENOUGH
    if has_room:
        _forget_stopped()
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_MEMORY if has_room else None))


def _forget_stopped() -> None:
    """Remove from memory what runs that were killed have left there, once their servers have ended too."""
    for folder in _MEMORY.glob(f"{_PREFIX}*"):
        owner = re.fullmatch(rf"{_PREFIX}(\d+)-.*", folder.name)
        if owner is None or psutil.pid_exists(int(owner[1])):
            continue
        try:
            said = (folder / "postgres" / "postmaster.pid").read_text().split()
        except OSError:
            said = []
        if not said or not psutil.pid_exists(abs(int(said[0]))):
            shutil.rmtree(folder, ignore_errors=True)


class Server:
    """A running server. It works in a thread of its own, so that no event loop of a test is touched."""

    def __init__(self, folder: Path) -> None:
        """Start a server whose files are under `folder` (a short path: a socket's may have 107 bytes)."""
        self._embedded = EmbeddedPostgres(folder, extra_conf=_NOT_DURABLE)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="test-databases")
        self._runner = self._thread.submit(asyncio.Runner).result()
        self._admin = self._run(asyncpg.connect(self._embedded.url))
        self._made = 0

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._thread.submit(self._runner.run, work).result()

    def url(self, name: str) -> str:
        """Address (postgresql://…) of the database `name`."""
        return re.sub(r"/postgres\?", f"/{name}?", self._embedded.url, count=1)

    def create(self, template: str = "template0") -> str:
        """Name of a new database, a copy of `template`, which nobody may be connected to."""
        self._made += 1
        name = f"t{self._made}"
        self._run(self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
        return name

    def create_migrated(self) -> str:
        """Name of a new database with the schema of this version of the code."""
        return self.create_prepared("template0", upgrade)

    def create_prepared(self, template: str, prepare: Callable[[str], object]) -> str:
        """Name of a new database that `prepare` was given the address of; a template, once nobody is connected."""
        name = self.create(template)
        self._thread.submit(prepare, self.url(name)).result()
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self._run(self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)"))

    def close(self) -> None:
        """Stop the server."""
        self._run(self._admin.close())
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()
        self._embedded.close()
