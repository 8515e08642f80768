"""Behind a proxy: who comes through one that is trusted is limited by address, who names a wrong address is not believed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import uvicorn
from pydantic import ValidationError
from structlog.testing import capture_logs
from typer.testing import CliRunner
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from hub.app import create_app
from hub.cli.root import app as commands
from hub.runtime import Hub
from hub.services import senders
from hub.settings import Settings, get_settings
from tests import documented
from tests.hubs import BASE_URL

PROXY = "172.31.251.1"
FIRST, SECOND = {"X-Forwarded-For": "203.0.113.1"}, {"X-Forwarded-For": "203.0.113.2"}


@pytest.fixture(autouse=True)
def warn_again() -> Iterator[None]:
    senders._warned.clear()
    yield
    senders._warned.clear()


@asynccontextmanager
async def through_a_proxy(hub: Hub, trusted: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The whole application behind the server's own treatment of the headers; one check a minute for each address."""
    settings = Settings.model_validate(hub.settings.model_dump() | {"trusted_proxies": trusted, "verify_per_minute": 1})
    app = create_app(settings)
    app.state.hub = replace(hub, settings=settings)
    behind: Any = ProxyHeadersMiddleware(app, settings.trusted_proxies)  # type: ignore[arg-type]
    transport = httpx2.ASGITransport(app=behind, client=(PROXY, 40000))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, event_hooks=documented.HOOKS) as made:
        yield made


async def asked(client: httpx2.AsyncClient, headers: dict[str, str]) -> int:
    return (await client.post("/verify/challenge", headers=headers)).status_code


@pytest.mark.parametrize("trusted", [PROXY, "172.31.251.0/24", "127.0.0.1, 172.31.251.1"])
async def test_through_a_trusted_proxy_each_address_has_its_own_limit(hub: Hub, trusted: str) -> None:
    with capture_logs() as logged:
        async with through_a_proxy(hub, trusted) as client:
            assert [await asked(client, sender) for sender in (FIRST, FIRST, SECOND, SECOND)] == [200, 429, 200, 429]
    assert [line for line in logged if line["event"] == "proxy-not-trusted"] == []


@pytest.mark.parametrize("trusted", ["127.0.0.1", ""])
async def test_what_another_peer_says_of_its_address_is_not_believed(hub: Hub, trusted: str) -> None:
    with capture_logs() as logged:
        async with through_a_proxy(hub, trusted) as client:
            assert [await asked(client, sender) for sender in (FIRST, FIRST, SECOND, SECOND)] == [200, 429, 429, 429]
            for _ in range(2):
                await client.post("/console/sign-in", headers=SECOND, data={"name": "x"})
    (warning,) = [line for line in logged if line["event"] == "proxy-not-trusted"]
    assert (warning["peer"], warning["log_level"]) == (PROXY, "warning")


async def test_who_sends_no_such_header_is_nobodys_proxy(hub: Hub) -> None:
    with capture_logs() as logged:
        async with through_a_proxy(hub, "127.0.0.1") as client:
            assert await asked(client, {}) == 200
            assert await asked(client, {"X-Forwarded-For": ""}) == 429
    assert [line for line in logged if line["event"] == "proxy-not-trusted"] == []


@pytest.mark.parametrize("wrong", ["*", "proxy.example", "172.31.251.1/24", "10.0.0.0/8, x"])
def test_what_is_no_address_is_no_setting(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Settings(trusted_proxies=wrong)


def test_the_server_is_told_whom_to_trust(hub_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda *_, **options: given.update(options))
    monkeypatch.setenv("HUB_DATA_DIR", str(hub_settings.data_dir))
    monkeypatch.setenv("HUB_TRUSTED_PROXIES", "10.1.0.0/16, 127.0.0.1")
    get_settings.cache_clear()
    try:
        done = CliRunner().invoke(commands, ["serve"])
    finally:
        get_settings.cache_clear()
    assert done.exit_code == 0, done.output
    assert (given["proxy_headers"], given["forwarded_allow_ips"]) == (True, "10.1.0.0/16,127.0.0.1")
