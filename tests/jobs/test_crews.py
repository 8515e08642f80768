"""Several workers under one parent, as real processes: they end together, whoever fails and however the parent goes."""

import asyncio
import signal
import sys
import time
from pathlib import Path

import psutil
from sqlalchemy import text

from hub.jobs import crews, leash
from hub.runtime import Hub
from hub.settings import Settings
from tests.documents import receive, rows, sent, sheet
from tests.hubs import Enrolled
from tests.processes import Running, started, wait_until

WORK = ("work", "--processes", "2")
QUICK = {"HUB_BATCH_ROWS": "20", "HUB_LOG_LEVEL": "info"}


async def _rows_done(hub: Hub) -> int:
    async with hub.database.read() as connection:
        return int((await connection.execute(text("SELECT coalesce(max(rows), 0) FROM submission"))).scalar_one())


async def _at_work(hub: Hub, owner: Enrolled, running: Running) -> list[psutil.Process]:
    """All processes of the crew, once one of its workers is in the middle of a document."""
    await receive(hub, owner, sent(sheet(rows(3000))))
    async with asyncio.timeout(90):
        while await _rows_done(hub) < 40:
            assert running.process.poll() is None, running.log.read_text()
            await asyncio.sleep(0.02)
    parent = psutil.Process(running.process.pid)
    assert len(parent.children()) == 2
    return parent.children(recursive=True)


def _gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


async def test_told_to_end_it_tells_its_workers_and_waits_for_them(
    hub: Hub, hub_settings: Settings, huiji: Enrolled, tmp_path: Path
) -> None:
    with started(hub_settings, tmp_path, *WORK, **QUICK) as running:
        crew = await _at_work(hub, huiji, running)
        running.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(running.process.wait, 30) == 0
        assert _gone(crew)
    assert len(running.lines("work laid down")) == 1, running.log.read_text()


async def test_when_one_fails_all_end_with_its_code(
    hub: Hub, hub_settings: Settings, huiji: Enrolled, tmp_path: Path
) -> None:
    with started(hub_settings, tmp_path, *WORK, **QUICK) as running:
        crew = await _at_work(hub, huiji, running)
        psutil.Process(running.process.pid).children()[0].kill()
        assert await asyncio.to_thread(running.process.wait, 30) == 128 + signal.SIGKILL
        await asyncio.to_thread(wait_until, lambda: _gone(crew), 10)


async def test_workers_do_not_outlive_a_parent_that_is_killed(
    hub: Hub, hub_settings: Settings, huiji: Enrolled, tmp_path: Path
) -> None:
    with started(hub_settings, tmp_path, *WORK, **QUICK) as running:
        crew = await _at_work(hub, huiji, running)
        running.kill()
        await asyncio.to_thread(wait_until, lambda: _gone(crew), 15)
    assert len(running.lines("work laid down")) == 1, running.log.read_text()


def _python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


async def test_who_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    deaf += f"; open({str(tmp_path / 'ready')!r}, 'w'); time.sleep(600)"
    told = asyncio.Event()
    running = asyncio.create_task(crews.run(1, command=_python(deaf), patience=0.5, told=told))
    await asyncio.to_thread(wait_until, (tmp_path / "ready").exists, 20)
    begun = time.monotonic()
    told.set()
    assert await running == 128 + signal.SIGKILL
    assert time.monotonic() - begun < 5


async def test_the_code_is_that_of_the_first_to_fail_and_nought_when_all_end_by_themselves() -> None:
    assert await crews.run(3, command=_python("raise SystemExit(7)")) == 7
    assert await crews.run(3, command=_python("pass")) == 0


async def test_told_before_anything_runs_it_ends_in_order() -> None:
    told = asyncio.Event()
    told.set()
    assert await crews.run(2, command=_python("import time; time.sleep(600)"), told=told) == 0


async def test_on_a_leash_the_module_has_its_own_arguments_and_code() -> None:
    process = await asyncio.create_subprocess_exec(
        *leash.command("timeit", "-n", "1", "-r", "1", "import sys; print(sys.argv)"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = (await process.stdout.read()).decode()
    assert "timeit.py" in said
    assert "1 loop, best of 1" in said
    assert await process.wait() == 0
    process = await asyncio.create_subprocess_exec(
        *leash.command("timeit", "--no-such-option"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 2
