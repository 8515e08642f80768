"""Several web processes behind one port: each gets its part of the connections, and whoever is left gets all."""

import asyncio
import errno
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path

import httpx2
import psutil
import pytest
from structlog.testing import capture_logs

from hub.api import connections, sharing
from hub.api.sharing import SharedServer
from hub.runtime import Hub
from hub.settings import Settings
from tests import documented
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
        wait_until(lambda: min(_shared(port, one, other)) > 0)  # they have the socket long before they accept
        wait_until(lambda: _held(one, port) + _held(other, port) == 0)
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


def _shared(port: int, *processes: psutil.Process) -> list[int]:
    """Which part each has of connections that are closed again."""
    with ExitStack() as clients:
        _ask(clients, port)
        return [_held(one, port) for one in processes]


def _ask(clients: ExitStack, port: int) -> None:
    """Connections that stay open, each of which was answered."""
    for _ in range(CONNECTIONS):
        client = clients.enter_context(
            httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, event_hooks=documented.SYNC_HOOKS)
        )
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
        with httpx2.Client(base_url=address, verify=own, trust_env=False, event_hooks=documented.SYNC_HOOKS) as client:
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
        address = listening.getsockname()
        server.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
    assert listening.tries == 2
    assert [one["event"] for one in logged] == ["connection_not_accepted"]


async def test_it_ends_while_it_waits_for_room() -> None:
    with _Full() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        listening.listen()
        server = SharedServer(asyncio.get_running_loop(), asyncio.Protocol, listening)
        with closing(socket.create_connection(listening.getsockname())):
            await asyncio.to_thread(wait_until, lambda: listening.tries > 0)
        listening.close()  # as uvicorn does it
        server.close()


@asynccontextmanager
async def _speaking_tls(folder: Path) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """(port, how a client trusts it) of a server that hangs up as soon as TLS stands."""
    authority = Authority(folder, "ours")
    certificate = authority.issue("hub", server=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.cert, certificate.key)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    port = listening.getsockname()[1]
    loop = asyncio.get_running_loop()
    server = SharedServer(loop, lambda: _Greeter(loop.create_future()), listening, context)
    try:
        yield port, client_context(authority)
    finally:
        server.close()


async def test_handshakes_that_nobody_begins_make_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sharing, "most", lambda: 20)
    async with _speaking_tls(tmp_path) as (port, context), asyncio.timeout(10):
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        assert await reader.read() == b"", "the server was reached and hung up"
        assert await _is_given_up(opened[0][0])
        for _, one in (*opened, (reader, writer)):
            one.close()


async def test_a_handshake_has_its_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sharing, "HEAD_SECONDS", 0.3)
    async with _speaking_tls(tmp_path) as (port, _), asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01")  # and no more of it
        assert await _is_given_up(reader)
        writer.close()


async def _is_given_up(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(("files", "expected"), [(256, 128), (1024, 512), (100_000, connections.MOST)])
def test_connections_leave_files_for_others(monkeypatch: pytest.MonkeyPatch, files: int, expected: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert connections.most() == expected


def test_as_many_files_are_allowed_as_connections_need() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        connections.allow_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(2 * connections.MOST, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


class _Greeter(asyncio.Protocol):
    """Says that somebody came, and hangs up."""

    def __init__(self, greeted: asyncio.Future[None]) -> None:
        self._greeted = greeted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._greeted.set_result(None)
        transport.close()
