"""Connections that are opened and left lying take nobody else's place, over real sockets."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hub.api import connections
from hub.runtime import Hub
from tests.listening import listening

MOST = 20
DOCUMENT = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Caller:
    """Opens connections to one server, and closes them all at the end."""

    def __init__(self, address: str) -> None:
        self._port = int(address.rpartition(":")[2])
        self._made: list[Pair] = []

    async def open(self, say: bytes = b"") -> Pair:
        """A connection on which this was said."""
        made = await asyncio.open_connection("127.0.0.1", self._port)
        self._made.append(made)
        made[1].write(say)
        return made

    async def status(self, say: bytes = ASK) -> bytes:
        """The answer's status on a connection of its own."""
        reader, _ = await self.open(say)
        return (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10))[9:12]

    def close(self) -> None:
        for _, writer in self._made:
            writer.close()


@asynccontextmanager
async def _called(hub: Hub) -> AsyncIterator[Caller]:
    async with listening(hub, most=MOST) as address:
        caller = Caller(address)
        try:
            yield caller
        finally:
            caller.close()


async def _is_closed(pair: Pair) -> bool:
    try:
        return await asyncio.wait_for(pair[0].read(), 5) is not None
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "said", [b"", b"GET /heal", ASK, b"POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"]
)
async def test_those_that_are_waited_for_make_room(hub: Hub, said: bytes) -> None:
    async with _called(hub) as caller:
        opened = [await caller.open(said) for _ in range(3 * MOST)]
        for _ in range(3):
            assert await caller.status() == b"200"
        assert await _is_closed(opened[0])


async def test_a_request_under_way_is_not_given_up_for_others(hub: Hub) -> None:
    async with _called(hub) as caller:
        async with hub.database.begin():  # one of six connections, so that the answer takes a moment
            slow = await caller.open(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            for _ in range(3 * MOST):
                await caller.open()
        assert (await asyncio.wait_for(slow[0].readuntil(b"\r\n\r\n"), 10))[9:12] == b"200"


async def test_of_two_that_are_asked_at_once_both_are_answered(hub: Hub) -> None:
    async with _called(hub) as caller:
        two = await caller.open(ASK + ASK)  # the second is asked before the first is answered
        assert (await two[0].readuntil(b'"}'))[9:12] == (await two[0].readuntil(b'"}'))[9:12] == b"200"


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHo"])
async def test_a_head_that_does_not_come_ends_the_connection(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    async with _called(hub) as caller:
        assert await _is_closed(await caller.open(begun))
        reader, writer = await caller.open(ASK)
        assert (await reader.readuntil(b'"}'))[9:12] == b"200"
        for byte in b"GET /healthz HTTP":  # it drips, behind an answer
            if reader.at_eof() or writer.is_closing():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
        assert await _is_closed((reader, writer))


async def test_an_answer_that_is_not_taken_ends_the_connection(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALL_SECONDS", 0.3)
    async with _called(hub) as caller:
        reader, writer = await caller.open(DOCUMENT)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        wanted = 1 + 40 * 2**20 // length  # more than lies between two sockets
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(DOCUMENT * wanted)
        await asyncio.sleep(3)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        taken = 0
        with contextlib.suppress(ConnectionResetError):
            while more := await asyncio.wait_for(reader.read(2**20), 10):
                taken += len(more)
        assert taken < wanted * length / 2
        assert await caller.status() == b"200"


async def test_behind_an_upgrade_nobody_speaks_of_nothing_is_answered(hub: Hub) -> None:
    """What comes later is the body, whatever it looks like: an answer to it would be handed to a proxy's next caller."""
    async with _called(hub) as caller:
        for method in ("POST", "GET", "CONNECT"):
            reader, writer = await caller.open(
                f"{method} /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: foo\r\n"
                f"Content-Length: {len(ASK)}\r\n\r\n".encode()
            )
            await asyncio.sleep(0.2)
            with contextlib.suppress(ConnectionError):
                writer.write(ASK)
                await writer.drain()
            answers = b""
            with contextlib.suppress(ConnectionResetError):
                answers = await asyncio.wait_for(reader.read(), 5)
            assert answers.count(b"HTTP/1.1 ") <= 1
        assert await caller.status() == b"200"


_DATA_SEGMENTS_IN = 152
"""Where Linux has it in tcp_info: packets with data that have come (linux/tcp.h)."""


def _packets(writer: asyncio.StreamWriter) -> int:
    raw: socket.socket = writer.get_extra_info("socket")
    found = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("I", found, _DATA_SEGMENTS_IN)[0])


async def test_an_answer_comes_in_one_packet(hub: Hub) -> None:
    async with _called(hub) as caller:
        reader, writer = await caller.open()
        for number in range(1, 4):
            writer.write(ASK)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            assert await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
            assert _packets(writer) == number


@pytest.mark.parametrize(
    ("said", "status"),
    [(ASK.replace(b"GET", b"HEAD", 1), b"405"), (b"GET /\0 HTTP/1.1\r\n\r\n", b"400"), (b"\0\0\r\n\r\n", b"400")],
)
async def test_an_answer_without_a_body_comes_as_well(hub: Hub, said: bytes, status: bytes) -> None:
    async with _called(hub) as caller:
        assert await caller.status(said) == status


async def test_who_waits_for_leave_to_send_is_given_it_at_once(hub: Hub) -> None:
    body = b"grant_type=x"
    async with _called(hub) as caller:
        reader, writer = await caller.open(
            b"POST /auth/token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.endswith(b"}")


@pytest.mark.parametrize(
    "said",
    [
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
    ],
)
async def test_a_first_request_that_cannot_be_read_breaks_nothing(hub: Hub, said: bytes) -> None:
    broken: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
    async with _called(hub) as caller:
        status = await caller.status(said)
        assert status[:1] == b"4"
        assert await caller.status() == b"200"
    assert broken == []


ASK_TWICE = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"


CHUNKED = b"POST /auth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"


@pytest.mark.parametrize(
    "behind",
    [
        b"BAD\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        CHUNKED + b"no length\r\n",
    ],
    ids=["no request", "no length", "broken chunk"],
)
async def test_what_cannot_be_read_does_not_overtake_the_answer_before_it(hub: Hub, behind: bytes) -> None:
    async with _called(hub) as caller:
        reader, _ = await caller.open(ASK_TWICE + behind)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert (await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))).endswith(b"}")
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 10) == b""


async def _refused_while_it_is_sent(hub: Hub, head: bytes, more: bytes) -> tuple[bytes, int]:
    """(what was answered, bytes that were sent until nobody took any more) of `head` and then `more` again and again."""
    async with _called(hub) as caller:
        reader, writer = await caller.open(head)
        sent = 0
        with contextlib.suppress(ConnectionError):
            for _ in range(2_000):
                writer.write(more)
                await writer.drain()
                sent += len(more)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = await asyncio.wait_for(reader.read(), 10)
        assert await caller.status() == b"200"
        return answer, sent


LONG = b"a" * 16 * 1024


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"GET / HTTP/1.1\r\nX: ", LONG),
        (b"GET / HTTP/1.1\r\n", b"X: " + LONG + b"\r\n"),
        (b"GET /", LONG),
        (b"", b"\r\n" * 8 * 1024),
        (b"POST /auth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ", LONG),
        (b"POST /auth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;", LONG),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nGET / HTTP/1.1\r\nX: ", LONG),
    ],
    ids=["value", "fields", "address", "blank lines", "trailer", "chunk extension", "behind an upgrade"],
)
async def test_a_head_without_end_is_not_taken(hub: Hub, head: bytes, more: bytes) -> None:
    answer, sent = await _refused_while_it_is_sent(hub, head, more)
    assert sent < 20 * 2**20
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 ", b"HTTP/1.1 200 ")), answer[:200]


async def test_a_head_that_is_too_long_is_told_so(hub: Hub) -> None:
    async with _called(hub) as caller:
        assert await caller.status(b"GET / HTTP/1.1\r\nX: " + LONG * 5) == b"431"
        assert await caller.status(ASK.replace(b"\r\n\r\n", b"\r\nX: " + LONG * 2 + b"\r\n\r\n")) == b"200"
