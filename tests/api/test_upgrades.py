"""Requests that offer another protocol are answered in the one they came in, with their bodies, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx2
import orjson
import pytest
from sqlalchemy import text

from hub.runtime import Hub
from tests.listening import Served

BODY = orjson.dumps({"resourceType": "Patient", "name": [{"text": "王五"}], "gender": "male"})
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
CHUNKED = b"%x\r\n%b\r\n7\r\n%b\r\n0\r\n\r\n" % (len(BODY) - 7, BODY[:-7], BODY[-7:])


def _head(
    client: httpx2.AsyncClient, framing: str, said: str = H2C, start: str = "POST /fhir/Patient HTTP/1.1"
) -> bytes:
    """What Java's client writes first, in its order."""
    own = f"Authorization: {client.headers['authorization']}\r\nContent-Type: application/fhir+json\r\n"
    return f"{start}\r\n{said}{framing}\r\nHost: x\r\n{own}\r\n".encode()


def _stated(client: httpx2.AsyncClient, said: str = H2C) -> bytes:
    return _head(client, f"Content-Length: {len(BODY)}", said) + BODY


def _read(client: httpx2.AsyncClient, said: str = H2C) -> bytes:
    return _head(client, "Accept: */*", said, "GET /fhir/Patient?_count=0 HTTP/1.1")


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, *packets: bytes) -> None:
        for packet in packets:
            self._writer.write(packet)
            await self._writer.drain()
            if len(packets) > 1:
                await asyncio.sleep(0.02)

    async def status(self) -> bytes:
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 10)
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await self._reader.readexactly(length)
        return head[9:12]

    async def rest(self) -> bytes:
        with contextlib.suppress(ConnectionResetError):
            return await asyncio.wait_for(self._reader.read(), 10)
        return b""


@contextlib.asynccontextmanager
async def _line(client: httpx2.AsyncClient) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port or 0)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


async def _stored(hub: Hub) -> int:
    async with hub.database.read() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM resource"))).scalar_one())


async def test_a_body_in_the_same_packet_is_taken(hub: Hub, served: Served) -> None:
    (client,) = await served()
    async with _line(client) as line:
        for asked in (_stated(client), _head(client, "Transfer-Encoding: chunked") + CHUNKED) * 2:
            await line.say(asked)
            assert await line.status() == b"201"
    assert await _stored(hub) == 4


@pytest.mark.parametrize("size", [1, 100, 333])
async def test_it_may_come_in_any_parts(hub: Hub, served: Served, size: int) -> None:
    (client,) = await served()
    whole = (
        _stated(client) + _head(client, "Transfer-Encoding: chunked") + CHUNKED + _stated(client, "") + _read(client)
    )
    async with _line(client) as line:
        if size == 1:
            for at in range(len(whole)):
                await line.say(whole[at : at + 1])
                await asyncio.sleep(0)
        else:
            await line.say(*(whole[at : at + size] for at in range(0, len(whole), size)))
        assert [await line.status() for _ in range(4)] == [b"201", b"201", b"201", b"200"]
    assert await _stored(hub) == 3


async def test_what_is_asked_behind_it_is_answered_in_its_order(hub: Hub, served: Served) -> None:
    (client,) = await served()
    async with _line(client) as line:
        await line.say((_stated(client) + _read(client) + _stated(client, "") + _read(client, "")) * 3)
        assert [await line.status() for _ in range(12)] == [b"201", b"200", b"201", b"200"] * 3
    assert await _stored(hub) == 6


async def test_a_request_in_the_body_is_the_body(hub: Hub, served: Served) -> None:
    (client,) = await served()
    inner = _stated(client, "")
    for asked in (
        _head(client, f"Content-Length: {len(inner)}") + inner,
        _head(client, "Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner),
        _head(client, f"Content-Length: {len(inner)}", start="GET /fhir/Patient?_count=0 HTTP/1.1") + inner,
    ):
        async with _line(client) as line:
            await line.say(asked)
            assert await line.status() in (b"400", b"200")
            await line.say(_read(client, "Connection: close\r\n"))
            assert (await line.rest()).count(b"HTTP/1.1 ") == 1
    assert await _stored(hub) == 0


@pytest.mark.parametrize(
    "said", [H2C.replace("Upgrade, ", "Upgrade, close, "), "Connection: close, Upgrade\r\nUpgrade: foo\r\n"]
)
async def test_whoever_wants_to_end_ends(hub: Hub, served: Served, said: str) -> None:
    (client,) = await served()
    async with _line(client) as line:
        await line.say(_stated(client, said) + _stated(client, ""))
        assert await line.status() == b"201"
        assert await line.rest() == b""
    async with _line(client) as line:
        old = _head(client, f"Content-Length: {len(BODY)}", start="POST /fhir/Patient HTTP/1.0")
        await line.say(old + BODY + _stated(client, ""))
        assert await line.status() == b"201"
        assert await line.rest() == b""
    assert await _stored(hub) == 2


async def test_a_body_whose_end_nobody_knows_is_refused(hub: Hub, served: Served) -> None:
    (client,) = await served()
    for framing in (
        f"Content-Length: {len(BODY)}\r\nTransfer-Encoding: chunked",
        f"Content-Length: {len(BODY)}\r\nContent-Length: 3",
        "Transfer-Encoding: gzip",
        "Content-Length: x",
    ):
        async with _line(client) as line:
            await line.say(_head(client, framing) + BODY)
            said = await line.rest()
            assert said.startswith(b"HTTP/1.1 400 ")
            assert said.count(b"HTTP/1.1 ") == 1
    assert await _stored(hub) == 0


async def test_behind_connect_nothing_is_answered(hub: Hub, served: Served) -> None:
    (client,) = await served()
    async with _line(client) as line:
        await line.say(_head(client, "Accept: */*", "", "CONNECT x:1 HTTP/1.1") + _stated(client, ""))
        assert (await line.rest()).count(b"HTTP/1.1 ") == 1
    assert await _stored(hub) == 0
