"""Where a notice may go, and what the receiver's answer means; with a real receiver on loopback."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from hub.channels.webhook import ForbiddenAddress, Webhooks, check_address

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "64:ff9b:1::7f00:1",
        "fec0::1",
        "::127.0.0.1",
        "192.88.99.1",
        "3fff::1",
        "5f00::1",
    ],
)
def test_private_and_disguised_addresses_are_refused(address: str) -> None:
    with pytest.raises(ForbiddenAddress):
        check_address(address, allow_private=False)


async def test_what_a_name_of_the_hubs_own_network_leads_to_is_not_told() -> None:
    webhooks = Webhooks(allow_private=False)
    attempt = await webhooks.send("https://localhost/", SECRET, message_id="1", at=datetime.now(UTC), body=b"{}")
    await webhooks.close()
    assert attempt.outcome == "refused"
    assert "127.0.0.1" not in attempt.detail
    assert "::1" not in attempt.detail


def test_public_addresses_pass() -> None:
    assert str(check_address("93.184.216.34", allow_private=False)) == "93.184.216.34"


@pytest.mark.parametrize("address", ["64:ff9b::7f00:1", "::ffff:127.0.0.1"])
def test_disguises_are_refused_even_where_private_addresses_are_allowed(address: str) -> None:
    with pytest.raises(ForbiddenAddress):
        check_address(address, allow_private=True)


class Receiver:
    """A plain HTTP server that answers every request with `answer` and keeps what came."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"
        self.came: list[bytes] = []
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        self.came.append(head + await reader.readexactly(length))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


async def _send(receiver: Receiver, *, allow_private: bool = True) -> tuple[str, str]:
    webhooks = Webhooks(allow_private=allow_private)
    try:
        attempt = await webhooks.send(
            f"http://localhost:{receiver.port}/hook?x=1",
            SECRET,
            message_id="msg_1",
            at=datetime.now(UTC),
            body=b'{"a":1}',
        )
    finally:
        await webhooks.close()
    return attempt.outcome, attempt.detail


async def test_a_delivered_notice_carries_a_signature_that_verifies(receiver: Receiver) -> None:
    assert (await _send(receiver))[0] == "delivered"
    head, _, body = receiver.came[0].partition(b"\r\n\r\n")
    lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    headers = {name.decode().lower(): value.decode() for name, value in lines.items()}
    assert Webhook(SECRET).verify(body.decode(), headers) == {"a": 1}
    assert headers["host"] == f"localhost:{receiver.port}"
    assert head.startswith(b"POST /hook?x=1 HTTP/1.1")


async def test_nothing_is_sent_to_this_machine_unless_allowed(receiver: Receiver) -> None:
    assert (await _send(receiver, allow_private=False))[0] == "refused"
    assert receiver.came == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "gone"),
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "retry"),
        (
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "retry",
        ),
    ],
)
async def test_what_the_answer_means(receiver: Receiver, answer: bytes, outcome: str) -> None:
    receiver.answer = answer
    assert (await _send(receiver))[0] == outcome
    assert len(receiver.came) == 1


@pytest.mark.parametrize("after", [b"\xb2", b"9" * 5000, b"soon", b"-1"])
async def test_a_strange_wait_is_not_taken(receiver: Receiver, after: bytes) -> None:
    receiver.answer = (
        b"HTTP/1.1 503 No\r\nretry-after: " + after + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    assert (await _send(receiver))[0] == "retry"


async def test_what_stands_below_the_answer_is_never_read(receiver: Receiver) -> None:
    receiver.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\nonly the beginning"
    assert (await _send(receiver))[0] == "delivered"


async def test_a_secret_that_is_none_refuses_the_notice_and_nothing_else(receiver: Receiver) -> None:
    webhooks = Webhooks(allow_private=True)
    attempt = await webhooks.send(
        f"http://localhost:{receiver.port}/", "whsec_!", message_id="m", at=datetime.now(UTC), body=b"{}"
    )
    await webhooks.close()
    assert attempt.outcome == "refused"


async def test_nobody_listening_is_tried_again() -> None:
    lonely = Receiver()
    lonely.port = 1
    assert (await _send(lonely))[0] == "retry"
