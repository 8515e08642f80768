"""The console as a real server on loopback, in a thread with an event loop of its own."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import uvicorn
from fastapi import FastAPI

import hub.console
from hub.runtime import Hub
from tests.console import world
from tests.console.world import Clock


class Site:
    """A running console. `run` does something with its hub on the server's own loop."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.hub: Hub
        self.clock: Clock
        self._loop: asyncio.AbstractEventLoop
        self._database_url, self._folder = database_url, folder
        app = FastAPI(lifespan=self._lifespan, openapi_url=None)
        hub.console.install(app)
        config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="console")
        self._thread.start()
        self._ready = threading.Event()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the console did not start")
            self._ready.wait(0.02)

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        async with world.open_world(self._database_url, self._folder, base_url=self.url) as (opened, self.clock):
            self.hub = app.state.hub = opened
            yield

    def run(self, work: Callable[[Hub], Coroutine[Any, Any, Any]]) -> Any:
        """Do `work` on the server's loop and answer what it answers."""
        return asyncio.run_coroutine_threadsafe(work(self.hub), self._loop).result(60)

    def add_records(self, *patients: dict[str, Any]) -> list[int]:
        """`world.add_records`."""
        return list(self.run(lambda hub: world.add_records(hub, *patients)))

    def task_of(self, ids: list[int]) -> UUID:
        """`world.task_of`."""
        found: UUID = self.run(lambda hub: world.task_of(hub, *ids))
        return found

    def person_of(self, record_id: int) -> UUID | None:
        """`world.person_of`."""
        found: UUID | None = self.run(lambda hub: world.person_of(hub, record_id))
        return found

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
