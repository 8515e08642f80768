"""The embedded PostgreSQL: shut to strangers, shared by processes, and what it committed survives its sudden death."""

import asyncio
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import psutil
import pytest

from hub.settings import Settings
from hub.storage.database import locate, make_data_dir
from hub.storage.embedded import EmbeddedPostgres


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path that the server's own user may enter."""
    with TemporaryDirectory(prefix="lq-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def _fetch(url: str, *statements: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def _server(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


async def test_one_server_for_all_handles_shut_to_strangers_and_durable(folder: Path) -> None:
    first = await asyncio.to_thread(EmbeddedPostgres, folder)
    second = await asyncio.to_thread(EmbeddedPostgres, folder)
    assert first.url == second.url
    assert stat.S_IMODE((folder / "postgres.password").stat().st_mode) == 0o600
    for wrong in (re.sub(r":[^:@]+@", ":wrong@", first.url), re.sub(r":[^:@]+@", "@", first.url)):
        with pytest.raises(asyncpg.PostgresError):
            await _fetch(wrong, "SELECT 1")
    durable = "SELECT current_setting('fsync') || current_setting('synchronous_commit') || current_setting('listen_addresses')"
    assert await _fetch(first.url, durable) == "onon"
    assert await _fetch(first.url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)", "SELECT 1") == 1
    server = _server(folder)
    children = server.children()
    os.kill(server.pid, signal.SIGKILL)
    await asyncio.to_thread(psutil.wait_procs, [server, *children], 10)
    third = await asyncio.to_thread(EmbeddedPostgres, folder)
    assert await _fetch(third.url, "SELECT n FROM kept") == 7
    server = _server(folder)
    for handle in (third, second, first):
        await asyncio.to_thread(handle.close)
    _, alive = await asyncio.to_thread(psutil.wait_procs, [server], 20)
    assert not alive


async def test_the_data_folder_is_its_owners_alone(folder: Path) -> None:
    data = folder / "data"
    settings = Settings.model_validate({"data_dir": data})
    url, embedded = await asyncio.to_thread(locate, settings)
    assert embedded is not None
    assert await _fetch(url, "SELECT 1") == 1
    # Under root the server is another user, who passes through and reads nothing.
    assert stat.S_IMODE(data.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)
    for name in ("postgres", "postgres.password"):
        assert stat.S_IMODE((data / name).stat().st_mode) & 0o077 == 0
    await asyncio.to_thread(embedded.close)
    make_data_dir(data)
    again, embedded = await asyncio.to_thread(locate, settings)
    assert embedded is not None
    assert await _fetch(again, "SELECT 1") == 1
    assert stat.S_IMODE(data.stat().st_mode) & 0o066 == 0
    await asyncio.to_thread(embedded.close)


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    new, old = tmp_path / "a" / "new", tmp_path / "old"
    old.mkdir()
    old.chmod(0o750)
    for one in (new, old):
        make_data_dir(one)
    assert [stat.S_IMODE(one.stat().st_mode) for one in (new, old)] == [0o700, 0o750]
