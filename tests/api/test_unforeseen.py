"""What nobody foresaw is answered, told to nobody, and leaves the connection usable."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from structlog.testing import capture_logs

from adapters.client.bodies import content_digest
from hub.api import problems
from hub.app import create_app
from hub.runtime import Hub
from hub.services import tokens
from hub.services.allowances import Allowance
from hub.settings import Settings
from tests import documented
from tests.hubs import Enrolled

SECRET = "410108197908300195"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@asynccontextmanager
async def _served(app: FastAPI, **options: Any) -> AsyncIterator[tuple[uvicorn.Server, str]]:
    """A server on loopback, which has ended behind it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, **options))
        serving = asyncio.create_task(server.serve([listening]))
        async with asyncio.timeout(30):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
        yield server, f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """A server on loopback with a page that breaks and one that does not."""
    app = FastAPI()
    problems.install(app)

    @app.post("/breaks")
    async def breaks() -> None:
        raise ValueError(SECRET)

    @app.get("/breaks")
    async def breaks_when_asked() -> None:
        raise ValueError(SECRET)

    @app.post("/works")
    async def works() -> str:
        return "fine"

    async with _served(app) as (_, found):
        yield found


async def test_the_connection_outlives_an_error_nobody_foresaw(address: str, caplog: pytest.LogCaptureFixture) -> None:
    async with httpx2.AsyncClient(base_url=address) as client:
        for _ in range(3):
            with capture_logs() as logged:
                broken = await client.post("/breaks", content=b"x" * 1000)
            assert broken.status_code == 500
            told = broken.json()
            assert (told["code"], told["retry"]) == ("internal-error", "CHECK_STATUS")
            assert SECRET not in broken.text
            assert (await client.post("/works")).json() == "fine"
            assert told["trace_id"] == broken.headers["Trace-Id"]
            assert [(one["error"], one["trace_id"]) for one in logged] == [("ValueError", told["trace_id"])]
            assert SECRET not in str(logged) + caplog.text


async def test_who_only_asked_may_ask_again(address: str) -> None:
    async with httpx2.AsyncClient(base_url=address) as client:
        told = (await client.get("/breaks")).json()
    assert (told["code"], told["retry"]) == ("internal-error", "NORMAL")


async def test_who_is_cut_off_when_the_server_ends_is_told_to_look() -> None:
    app, begun = FastAPI(), asyncio.Event()
    problems.install(app)

    @app.post("/waits")
    async def waits() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with (
        _served(app, timeout_graceful_shutdown=1) as (server, address),
        httpx2.AsyncClient(base_url=address, timeout=30) as client,
    ):
        asked = asyncio.create_task(client.post("/waits"))
        await begun.wait()
        server.should_exit = True
        cut = await asked
    assert (cut.status_code, cut.json()["code"], cut.json()["retry"]) == (500, "internal-error", "CHECK_STATUS")


async def test_what_breaks_in_a_guard_is_answered_too(
    hub: Hub, hub_settings: Settings, huiji: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object) -> None:
        raise ValueError(SECRET)

    app = create_app(hub_settings)
    app.state.hub = hub
    monkeypatch.setattr(Allowance, "admit", breaks)
    headers = {"Authorization": f"Bearer {await tokens.issue_token(hub, huiji.member)}"}
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://hub.test", headers=headers, event_hooks=documented.HOOKS
    ) as client:
        told = await client.get("/fhir/Patient/1")
    assert (told.status_code, told.headers["content-type"]) == (500, "application/fhir+json")
    assert told.headers["trace-id"] in told.text
    assert SECRET not in told.text


@pytest.mark.parametrize("path", ["/submissions", "/auth/token"])
async def test_what_breaks_behind_the_framework_is_answered_like_the_rest(
    hub: Hub, hub_settings: Settings, huiji: Enrolled, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise ValueError(SECRET)

    app = create_app(hub_settings)
    app.state.hub = hub
    monkeypatch.setattr("hub.services.intake.receive", breaks)
    monkeypatch.setattr("hub.services.tokens.exchange", breaks)
    digest = content_digest(b"x")
    headers = (
        {"Authorization": f"Bearer {await tokens.issue_token(hub, huiji.member)}"} if path == "/submissions" else {}
    )
    about = {"Content-Digest": digest, "Message-Id": str(uuid4()), "Mapping": "x", "Content-Type": "text/csv"}
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "client_assertion": "x.y.z"}
    async with (
        _served(app) as (_, address),
        httpx2.AsyncClient(base_url=address, headers=headers, event_hooks=documented.HOOKS) as client,
    ):
        told = await (
            client.post(path, data=form) if path == "/auth/token" else client.post(path, content=b"x", headers=about)
        )
    assert (told.status_code, told.json()["code"], told.json()["retry"]) == (500, "internal-error", "CHECK_STATUS")
    assert told.json()["trace_id"] == told.headers["Trace-Id"]
    assert SECRET not in told.text
