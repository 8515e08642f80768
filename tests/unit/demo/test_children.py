"""Processes of the demonstration: who dies is started again, who does not stay up ends it, all are stopped by their own id."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from hub.demo.story import children as supervision
from hub.demo.story.children import Children, ProcessFailed
from hub.demo.story.places import JINJIANG, Places, lay_out

SLEEPER = ("timeit", "-n", "1", "-r", "1", "import time; time.sleep(600)")
STUBBORN = (
    "timeit",
    "-n",
    "1",
    "-r",
    "1",
    "-s",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "import time; print('deaf', flush=True); time.sleep(600)",
)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return lay_out(tmp_path / "demo")


@pytest.fixture
async def children(places: Places) -> AsyncIterator[Children]:
    made = Children(places, os.environ)
    yield made
    await made.stop()


def running(places: Places) -> dict[str, int]:
    found: dict[str, int] = json.loads(places.processes.read_bytes())
    return found


async def until_other(places: Places, name: str, pid: int) -> int:
    deadline = time.monotonic() + 20
    while running(places)[name] == pid:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return running(places)[name]


async def until_said(path: Path, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in path.read_text():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_who_is_killed_is_started_again_and_noted(places: Places, children: Children) -> None:
    await children.start("sleeper", *SLEEPER)
    first = running(places)["sleeper"]
    os.kill(first, signal.SIGKILL)
    second = await until_other(places, "sleeper", first)
    assert psutil.pid_exists(second)
    (noted,) = children.restarts
    assert (noted.name, noted.pid, noted.how) == ("sleeper", first, "killed by SIGKILL")


async def test_a_server_comes_back_on_its_port(places: Places, children: Children) -> None:
    arguments = ("serve", "--state", str(places.webhooks), "--secret-file", str(places.secret(JINJIANG, "webhook")))
    url = await children.serve("partner", "hub.demo.counties.partner", *arguments)
    first = running(places)["partner"]
    os.kill(first, signal.SIGKILL)
    second = await until_other(places, "partner", first)
    out = places.logs / "partner.out"
    await until_said(out, f'"pid": {second}')
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {"url": url, "pid": first},
        {"url": url, "pid": second},
    ]


async def test_who_does_not_stay_up_ends_the_work_with_its_last_words(children: Children) -> None:
    await children.start("broken", "timeit", "--no-such-command")
    with pytest.raises(ProcessFailed, match=r"(?s)broken does not stay up.*no-such-command"):
        await asyncio.wait_for(children.while_up(asyncio.Event().wait()), 60)


async def test_a_command_that_fails_says_what_it_wrote(children: Children) -> None:
    with pytest.raises(ProcessFailed, match=r"(?s)once ended with 2.*no-such-command"):
        await children.run("once", "timeit", "--no-such-command")
    assert "best of 1" in await children.run("fine", "timeit", "-n", "1", "-r", "1", "pass")


async def test_all_are_stopped_even_who_does_not_listen(
    places: Places, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_STOP_SECONDS", 0.5)
    await children.start("sleeper", *SLEEPER)
    await children.start("stubborn", *STUBBORN)
    await until_said(places.logs / "stubborn.out", "deaf")
    pids = running(places).values()
    await children.stop()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not places.processes.exists()
    assert children.restarts == []


ORPHAN = """
import asyncio, os, sys, time
from pathlib import Path
from hub.demo.story.children import Children
from hub.demo.story.places import lay_out

async def main():
    children = Children(lay_out(Path(sys.argv[1])), os.environ)
    await children.start("sleeper", "timeit", "-n", "1", "-r", "1", "import time; time.sleep(600)")
    partner = ("hub.demo.counties.partner", "serve", "--state", sys.argv[2], "--secret-file", sys.argv[3])
    await children.serve("partner", *partner)
    Path(sys.argv[1], "ready").touch()
    await children.run("once", "timeit", "-n", "1", "-r", "1", "import time; time.sleep(600)")

asyncio.run(main())
"""


async def test_none_outlives_a_telling_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    given = (str(tmp_path / "demo"), str(tmp_path / "partner.sqlite"), str(tmp_path / "secret"))
    telling = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHAN, *given)
    deadline = time.monotonic() + 30
    while not (tmp_path / "demo" / "ready").exists() or len(psutil.Process(telling.pid).children()) < 3:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    orphans = psutil.Process(telling.pid).children(recursive=True)
    assert len(orphans) >= 3
    telling.kill()
    await telling.wait()
    while [one for one in orphans if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline + 15
        await asyncio.sleep(0.05)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="not empty"):
        lay_out(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
