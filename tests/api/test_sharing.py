"""Several web processes behind one port: each gets its part of the connections, and whoever is left gets all."""

import asyncio
import errno
import socket
from contextlib import ExitStack, closing
from pathlib import Path

import httpx2
import psutil
import pytest
from structlog.testing import capture_logs

from hub.api import sharing
from hub.api.sharing import SharedServer
from hub.runtime import Hub
from hub.settings import Settings
from tests.certificates import Authority, client_context, hub_settings_of
from tests.processes import Running, started, wait_until

CONNECTIONS = 24


@pytest.fixture
def port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        number: int = probe.getsockname()[1]
        return number


def _ready(running: Running, port: int) -> list[psutil.Process]:
    """The two processes that listen at the port, as soon as they do."""
    found: list[psutil.Process] = []

    def are_there() -> bool:
        found[:] = [one for one in psutil.Process(running.process.pid).children(recursive=True) if _listens(one, port)]
        return len(found) == 2

    wait_until(are_there)
    return found


def _listens(process: psutil.Process, port: int) -> bool:
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in process.net_connections("tcp"))


def _held(process: psutil.Process, port: int) -> int:
    of_port = [one for one in process.net_connections("tcp") if one.laddr.port == port]
    return sum(one.status == psutil.CONN_ESTABLISHED for one in of_port)


def test_each_process_gets_its_part_and_the_other_all(
    hub: Hub, hub_settings: Settings, tmp_path: Path, port: int
) -> None:
    with started(hub_settings, tmp_path, "serve", "--workers", "2", HUB_PORT=str(port)) as running:
        one, other = _ready(running, port)
        with ExitStack() as clients:
            _ask(clients, port)
            held = [_held(one, port), _held(other, port)]
            assert sum(held) == CONNECTIONS
            # Half each would be even; fifteen of sixteen is what one gets of two that do not wait for each other.
            assert min(held) >= CONNECTIONS / 4, held
        one.suspend()
        try:
            with ExitStack() as clients:
                _ask(clients, port)
                assert _held(other, port) == CONNECTIONS
        finally:
            one.resume()


def _ask(clients: ExitStack, port: int) -> None:
    """Connections that stay open, each of which was answered."""
    for _ in range(CONNECTIONS):
        client = clients.enter_context(httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False))
        assert client.get("/healthz").is_success


def test_a_handshake_that_fails_is_its_callers_alone(
    hub: Hub, hub_settings: Settings, tmp_path: Path, port: int
) -> None:
    authority = Authority(tmp_path, "ours")
    settings = hub_settings_of(authority)
    address = f"https://127.0.0.1:{port}"
    own = client_context(authority, authority.issue("huiji"))
    with started(hub_settings, tmp_path, "serve", "--workers", "2", HUB_PORT=str(port), **settings) as running:
        _ready(running, port)
        for _ in range(CONNECTIONS):
            with closing(socket.create_connection(("127.0.0.1", port))) as other:
                other.sendall(b"GET / HTTP/1.1\r\n\r\n")
                other.settimeout(30)
                while other.recv(4096):
                    pass
        with httpx2.Client(base_url=address, verify=own, trust_env=False) as client:
            assert client.get("/healthz").is_success


class _Full(socket.socket):
    """A socket of a machine that has room for no more files, the first time."""

    tries = 0

    def accept(self) -> tuple[socket.socket, object]:
        self.tries += 1
        if self.tries == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_where_there_is_no_room_it_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_AGAIN", 0.01)
    loop = asyncio.get_running_loop()
    greeted: asyncio.Future[None] = loop.create_future()
    with _Full() as listening, capture_logs() as logged:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        listening.listen()
        server = SharedServer(loop, lambda: _Greeter(greeted), listening)
        with closing(socket.create_connection(listening.getsockname())):
            async with asyncio.timeout(30):
                await greeted
        server.close()
        with closing(socket.create_connection(listening.getsockname())):
            await asyncio.sleep(0.1)
    assert listening.tries == 2, "a closed server accepts nothing"
    assert [one["event"] for one in logged] == ["connection_not_accepted"]


class _Greeter(asyncio.Protocol):
    """Says that somebody came, and hangs up."""

    def __init__(self, greeted: asyncio.Future[None]) -> None:
        self._greeted = greeted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._greeted.set_result(None)
        transport.close()
