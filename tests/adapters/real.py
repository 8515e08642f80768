"""The real hub for gateway tests: its interface and its worker in a thread of this process, on a database of the test's own."""

import asyncio
import json
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import uvicorn
from fastapi import FastAPI

from hub.app import create_app
from hub.domain.policy import Agreement
from hub.jobs.worker import do_one
from hub.runtime import Hub, open_hub
from hub.services import enrolment, setup, terms, trust
from hub.services.exchange import export_making
from hub.services.preparation import Preparer
from hub.settings import Settings
from mappings import vocabulary
from tests.adapters import kit

Result = TypeVar("Result")
_AGREED = {
    "continuity-of-care": {vocabulary.CONTRACEPTION_REPORT},
    "certificate-service": {vocabulary.MARRIAGE_CERTIFICATE, vocabulary.BIRTH_CERTIFICATE},
}


@dataclass(slots=True)
class RealHub:
    """A hub that serves; `run` does something in its own event loop."""

    url: str
    folder: Path
    settings: Settings
    hub: Hub
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def roots_jwks(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(trust.roots_file(self.settings).read_text())
        return document

    def enrol(self, name: str) -> None:
        self.run(self._enrol(name))

    async def _enrol(self, name: str) -> None:
        await enrolment.add_member(
            self.hub,
            name=name,
            kind="county",
            display=name.title(),
            display_zh=name.title(),
            divisions=kit.DIVISIONS[name],
        )
        await enrolment.add_keys(self.hub, name, kit.ring_of(name).jwks())
        await trust.publish(self.hub)

    def agree(self, sender: str, recipient: str) -> None:
        self.run(self._agree(sender, recipient))

    async def _agree(self, sender: str, recipient: str) -> None:
        one, other = await terms.parties(self.hub, sender, recipient)
        now = self.hub.now()
        for purpose, kinds in _AGREED.items():
            made = Agreement(
                id=uuid4(),
                from_member=one.id,
                to_member=other.id,
                kinds=frozenset(kinds),
                purposes=frozenset({purpose}),
                case_required=False,
                answer_days=15,
                valid_from=now - timedelta(days=1),
                valid_to=now + timedelta(days=365),
            )
            await terms.enter(self.hub, purpose, made)


@dataclass(slots=True)
class _Thread:
    settings: Settings
    listener: socket.socket
    ready: threading.Event = field(default_factory=threading.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hub: Hub | None = None
    loop: asyncio.AbstractEventLoop | None = None
    failure: BaseException | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.failure = error
        self.ready.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        await setup.initialise(self.settings)
        async with open_hub(self.settings) as self.hub:
            app: FastAPI = create_app(self.settings)
            app.state.hub = self.hub
            config = uvicorn.Config(app, lifespan="off", log_level="critical", access_log=False, ws="none")
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[self.listener]))
            working = asyncio.create_task(self._work(self.hub))
            self.ready.set()
            await self.stop.wait()
            server.should_exit = True
            await asyncio.gather(serving, working)

    async def _work(self, hub: Hub) -> None:
        preparer = Preparer()
        while not self.stop.is_set():
            if not (await do_one(hub, preparer) or await export_making.make_one(hub)):
                await asyncio.sleep(0.05)
        preparer.close()


@contextmanager
def real_hub(folder: Path, database_url: str, **others: object) -> Iterator[RealHub]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        own = {"data_dir": folder / "hub", "database_url": database_url, "database_pool": 6, "base_url": url}
        settings = Settings.model_validate(own | others)
        running = _Thread(settings, listener)
        thread = threading.Thread(target=running.run, name="real-hub", daemon=True)
        thread.start()
        running.ready.wait(60)
        if running.failure is not None or running.hub is None or running.loop is None:
            raise RuntimeError("the hub did not start") from running.failure
        try:
            yield RealHub(url, folder, settings, running.hub, running.loop)
        finally:
            running.loop.call_soon_threadsafe(running.stop.set)
            thread.join(30)
