"""The console without a browser: its pages as they are asked for and answered, in the same process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi import FastAPI

import hub.console
from hub.runtime import Hub
from hub.services import accounts, sessions
from tests.console import world


@pytest.fixture
async def opened(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub with three regions and nobody's account."""
    async with world.open_world(database_url, tmp_path, base_url="http://hub.test") as (found, _):
        yield found


@asynccontextmanager
async def entered(opened: Hub, name: str) -> AsyncIterator[tuple[httpx2.AsyncClient, str]]:
    """Pages in the name of the account `name`, and the token of its forms."""
    site = FastAPI()
    site.state.hub = opened
    hub.console.install(site)
    link = urlsplit(await accounts.make_sign_in_link(opened, name))
    signed = await sessions.enter(opened, link.query.removeprefix("token="))
    transport = httpx2.ASGITransport(app=site, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=opened.settings.base_url) as client:
        client.cookies.set("lianqiao-session", signed.token)
        yield client, (await sessions.session_of(opened, signed.token)).csrf
