"""The processes of a telling: started, started again when they die, and each stopped at the end by its own process id.

A child that dies is no fault of the story (somebody may have killed it to see what happens): it is noted and started
again. One that does not stay up ends the telling with the last lines of its log. No child outlives the telling, however
that ends.
"""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hub.demo.story.places import Places
from hub.jobs import leash

_READY_SECONDS = 60.0
_STOP_SECONDS = 15.0
_YOUNG_SECONDS = 20.0
_MOST_YOUNG_DEATHS = 5

Result = TypeVar("Result")


class ProcessFailed(Exception):
    """A process ended with an error, or does not stay up; says which, and what it wrote last."""


@dataclass(frozen=True, slots=True)
class Restart:
    """A child that died and was started again. `after` is in seconds since the telling began."""

    name: str
    pid: int
    how: str
    after: float


class _Child:
    def __init__(self, name: str, arguments: tuple[str, ...]) -> None:
        self.name = name
        self.arguments = arguments
        self.process: asyncio.subprocess.Process | None = None
        self.keeper: asyncio.Task[None] | None = None


class Children:
    """All children of one telling, in the order in which they were started."""

    def __init__(self, places: Places, environment: Mapping[str, str]) -> None:
        self.restarts: list[Restart] = []
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._places = places
        self._environment = dict(environment)
        self._children: list[_Child] = []
        self._stopping = self._let_go = False
        self._begun = time.monotonic()
        # Never written to, and closed by the kernel however this process ends: all children end with it.
        self._held, self._leashed = os.pipe()

    async def start(self, name: str, *arguments: str) -> None:
        """Start `python -m <arguments>` and keep it running."""
        child = _Child(name, arguments)
        self._children.append(child)
        await self._spawn(child)
        child.keeper = asyncio.create_task(self._keep(child), name=f"keep {name}")

    async def serve(self, name: str, *arguments: str) -> str:
        """Start a server on any free port and keep it on that port; answers its URL, read from its ready line."""
        await self.start(name, *arguments, "--port", "0")
        url = await self._ready(name)
        child = next(some for some in self._children if some.name == name)
        child.arguments = (*arguments, "--port", url.rpartition(":")[2])
        return url

    async def run(self, name: str, *arguments: str) -> str:
        """Run `python -m <arguments>` to its end; answers its standard output. Raises ProcessFailed."""
        with self._log(name).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *leash.command(*arguments),
                stdin=self._held,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            raise
        text = output.decode("utf-8", errors="replace")
        if process.returncode:
            raise ProcessFailed(f"{name} ended with {process.returncode}:\n{text[-2000:]}{self._tail(name)}")
        return text

    async def while_up(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do `work` as long as all children stay up. Raises ProcessFailed as soon as one is given up."""
        task = asyncio.ensure_future(work)
        ends: set[asyncio.Future[Any]] = {task, self.failed}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self.failed.done():
                self.failed.result()
            return await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def stop(self) -> None:
        """Stop all children; one that does not end by itself is killed."""
        self._stopping = True
        await asyncio.gather(*(_end(child) for child in self._children))
        self._places.processes.unlink(missing_ok=True)
        if not self._let_go:
            self._let_go = True
            os.close(self._held)
            os.close(self._leashed)

    def _log(self, name: str) -> Path:
        return self._places.logs / f"{name}.log"

    def _out(self, name: str) -> Path:
        return self._places.logs / f"{name}.out"

    async def _spawn(self, child: _Child) -> None:
        with self._log(child.name).open("ab") as log, self._out(child.name).open("ab") as out:
            child.process = await asyncio.create_subprocess_exec(
                *leash.command(*child.arguments),
                stdin=self._held,
                stdout=out,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        self._publish()

    def _publish(self) -> None:
        """Write down who runs, whole or not at all."""
        running = {some.name: some.process.pid for some in self._children if some.process is not None}
        beside = self._places.processes.with_suffix(".part")
        beside.write_text(json.dumps(running), encoding="ascii")
        beside.replace(self._places.processes)

    async def _keep(self, child: _Child) -> None:
        young_deaths = 0
        while True:
            process, born = child.process, time.monotonic()
            if process is None:
                raise RuntimeError(f"{child.name} was never started")
            code = await process.wait()
            if self._stopping:
                return
            self.restarts.append(Restart(child.name, process.pid, _how(code), time.monotonic() - self._begun))
            young_deaths = young_deaths + 1 if time.monotonic() - born < _YOUNG_SECONDS and code > 0 else 0
            if young_deaths >= _MOST_YOUNG_DEATHS:
                self._give_up(ProcessFailed(f"{child.name} does not stay up:\n{self._tail(child.name)}"))
                return
            await asyncio.sleep(0.1 * 2**young_deaths if young_deaths else 0)
            await self._spawn(child)

    def _give_up(self, error: ProcessFailed) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)

    async def _ready(self, name: str) -> str:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self.failed.done():
                self.failed.result()
            for line in self._out(name).read_text(encoding="utf-8").splitlines():
                if line.startswith("{") and line.endswith("}"):
                    return str(json.loads(line)["url"])
            await asyncio.sleep(0.05)
        raise ProcessFailed(f"{name} was not ready within {_READY_SECONDS:.0f} s:\n{self._tail(name)}")

    def _tail(self, name: str) -> str:
        """What a process wrote last, to either of its streams."""
        logs = [path for path in (self._out(name), self._log(name)) if path.exists()]
        return "".join(path.read_text(encoding="utf-8", errors="replace")[-2000:] for path in logs)


async def _end(child: _Child) -> None:
    """Tell the process to end, kill it when it takes too long; waits for its keeper, which may be starting it anew."""
    keeper, told, deadline = child.keeper, 0, time.monotonic() + _STOP_SECONDS
    while keeper is not None and not keeper.done():
        process = child.process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                if time.monotonic() > deadline:
                    process.kill()
                elif process.pid != told:
                    process.terminate()
                    told = process.pid
        await asyncio.wait({keeper}, timeout=0.1)
    if keeper is not None:
        await asyncio.gather(keeper, return_exceptions=True)


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
