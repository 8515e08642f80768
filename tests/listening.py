"""The whole interface of a hub on a real socket of this process, as `hub serve` has it; several stand for its processes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import uvicorn

from hub.api.connections import Connection
from hub.app import create_app
from hub.runtime import Hub
from hub.services import allowances

Served = Callable[..., Awaitable[list[httpx2.AsyncClient]]]
"""Clients of a member at so many processes of one hub (tests/api/conftest.py)."""


@asynccontextmanager
async def listening(hub: Hub, *, most: int = 2000, **others: Any) -> AsyncIterator[str]:
    """The address of the application of `hub`, which is not closed by it; `others` are the web server's own settings."""
    app = create_app(hub.settings)
    app.state.hub = hub
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_config=None,
        lifespan="off",
        limit_concurrency=most,
        timeout_graceful_shutdown=1,
        **{"http": Connection, **others},
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event to wait for
        await asyncio.sleep(0.01)
    try:
        yield f"http{'s' if config.is_ssl else ''}://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        await allowances.settle_all(hub)
