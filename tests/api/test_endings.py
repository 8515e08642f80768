"""Callers who are answered before their body has come, over real sockets: they get the answer, and are not listened to for ever."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapters.client.bodies import content_digest
from hub.api import endings
from hub.api.connections import Connection, MutualConnection
from hub.runtime import Hub
from tests.certificates import Authority, client_context
from tests.documents import PERSON_SHEET, rows, sheet
from tests.listening import Served, listening

SECONDS = 0.5
EARLY = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5f5e100\r\n"
"""What is answered with 404 whatever its body is."""
LARGE = b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, dict[str, Any]]:
    authority = Authority(Path(tmp_path_factory.mktemp("ca")), "ours")
    server = authority.issue("hub", server=True)
    given = {"ssl_certfile": server.cert, "ssl_keyfile": server.key, "http": MutualConnection}
    return client_context(authority, None), given


@pytest.fixture(params=["plain", "tls"])
async def port(request: pytest.FixtureRequest, hub: Hub) -> AsyncIterator[tuple[int, ssl.SSLContext | None]]:
    context, web = request.getfixturevalue("tls") if request.param == "tls" else (None, {})
    async with listening(hub, **web) as address:
        yield int(address.rpartition(":")[2]), context
    assert Connection.held() == 0


async def _open(port: tuple[int, ssl.SSLContext | None]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port[0], ssl=port[1])


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await asyncio.wait_for(reader.readexactly(length), 10)


async def _let_go() -> None:
    """Until the server has no connection any more."""
    async with asyncio.timeout(10):
        while Connection.held():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


Port = tuple[int, ssl.SSLContext | None]


async def test_who_drips_behind_the_answer_is_cut_off(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "LINGER_SECONDS", SECONDS)
    reader, writer = await _open(port)
    writer.write(EARLY)
    answer = await _answer(reader)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"\r\nconnection: close\r\n" in answer
    begun = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while Connection.held() and time.monotonic() < begun + 20:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)
    assert SECONDS * 0.9 < time.monotonic() - begun < 4 * SECONDS
    writer.close()


async def test_who_sends_without_end_behind_the_answer_is_cut_off(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "LINGER_BYTES", 2**20)
    reader, writer = await _open(port)
    writer.write(EARLY)
    assert (await _answer(reader)).startswith(b"HTTP/1.1 404 ")
    begun, sent = time.monotonic(), 0
    with contextlib.suppress(ConnectionError):
        while Connection.held() and sent < 90_000_000:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536
            await asyncio.sleep(0)
    assert 2**20 <= sent < 30 * 2**20  # what lies between two sockets is sent, too
    assert time.monotonic() - begun < endings.LINGER_SECONDS
    writer.close()
    await _let_go()


async def test_who_reads_behind_all_that_it_sends_gets_the_answer(port: Port) -> None:
    size = 4 * 2**20
    for _ in range(3):
        reader, writer = await _open(port)
        writer.write(LARGE % size)
        for _ in range(64):
            writer.write(b"x" * (size // 64))
            await writer.drain()
            await asyncio.sleep(0.001)
        answer = await _answer(reader)
        assert answer.startswith(b"HTTP/1.1 413 ")
        writer.close()
    await _let_go()


async def test_whose_body_came_before_the_answer_may_go_on(port: Port) -> None:
    reader, writer = await _open(port)
    for _ in range(3):
        writer.write(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        assert b"connection: close" not in await _answer(reader)
    writer.close()
    await _let_go()


@pytest.mark.parametrize("path", ["/submissions", "/fhir/$import"])
async def test_a_document_that_is_sent_again_is_read_to_its_end(
    served: Served, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(endings, "LINGER_SECONDS", 0.2)
    monkeypatch.setattr(endings, "LINGER_BYTES", 10_000)
    (client,) = await served()
    body = sheet(rows(2)) + b"\n" * 2_000_000
    kind = f"text/csv\r\nMapping: {PERSON_SHEET}" if path == "/submissions" else "application/fhir+ndjson"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\nContent-Type: {kind}\r\n"
        f"Message-Id: {uuid4()}\r\nContent-Digest: {content_digest(body)}\r\nContent-Length: {len(body)}\r\n"
    )
    receipts = []
    for _ in range(3):
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port or 0)
        writer.write(head.encode() + b"\r\n")
        for at in range(0, len(body), 100_000):
            writer.write(body[at : at + 100_000])
            await writer.drain()
            await asyncio.sleep(0.03)
        answer = await _answer(reader)
        assert answer[9:10] == b"2"
        assert b"connection: close" not in answer
        receipts.append(answer.partition(b'"receipt"')[2] or answer.partition(b"receipt: ")[2].split(b"\r\n")[0])
        writer.close()
    assert len(set(receipts)) == 1
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port or 0)
    writer.write(head.encode() + b"Expect: 100-continue\r\n\r\n")
    spared = await _answer(reader)
    assert spared[9:10] == b"2"
    assert b"connection: close" in spared
    writer.close()


async def test_a_body_that_cannot_be_read_on_is_answered_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "LINGER_SECONDS", SECONDS)
    async with listening(hub) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(b"POST /auth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await asyncio.sleep(0.1)
        writer.write(b"no number\r\n")
        said = await asyncio.wait_for(reader.read(), 10)
        assert said.startswith(b"HTTP/1.1 400 ")
        assert said.count(b"HTTP/1.1 ") == 1
        writer.close()
        await _let_go()


async def test_one_that_lingers_makes_room_before_one_that_is_idle(hub: Hub) -> None:
    async with listening(hub, most=10) as address:
        port = int(address.rpartition(":")[2])
        idle = await _open((port, None))
        early = await _open((port, None))
        early[1].write(EARLY)
        await _answer(early[0])
        others = [await _open((port, None)) for _ in range(8)]
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < begun + endings.LINGER_SECONDS:
                early[1].write(b"x")
                await early[1].drain()
                await asyncio.sleep(0.01)
        assert time.monotonic() - begun < endings.LINGER_SECONDS / 2
        idle[1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await _answer(idle[0])).startswith(b"HTTP/1.1 200 ")
        for _, writer in (idle, early, *others):
            writer.close()


async def test_the_end_of_the_server_is_not_waited_for(hub: Hub) -> None:
    async with listening(hub) as address:
        reader, writer = await _open((int(address.rpartition(":")[2]), None))
        writer.write(EARLY)
        await _answer(reader)
        begun = time.monotonic()
    assert time.monotonic() - begun < 1
    writer.close()
