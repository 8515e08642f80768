"""What nobody foresaw is answered, told to nobody, and leaves the connection usable."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from structlog.testing import capture_logs

from hub.api import problems

SECRET = "410108197908300195"


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

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


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
