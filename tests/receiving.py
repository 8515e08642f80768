"""A member's webhook on a real socket: answers what it is told to, and keeps what it got."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"


@dataclass
class Receiver:
    """A partner's webhook on loopback: answers what it is told to, and keeps what it got."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    delay: float = 0.0
    url: str = ""
    serving: set[asyncio.Task[Any]] = field(default_factory=set)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = [line.split(": ", 1) for line in head[1:] if ": " in line]
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append((headers, body))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended.wait(), self.delay)
        status, extra = self.answers.pop(0) if self.answers else (204, {})
        lines = [f"HTTP/1.1 {status} x", "content-length: 0", "connection: close"]
        with contextlib.suppress(ConnectionError):
            writer.write("\r\n".join([*lines, *(f"{k}: {v}" for k, v in extra.items()), "", ""]).encode())
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    def ids(self) -> list[str]:
        """The message ids in the order of arrival."""
        return [headers["webhook-id"] for headers, _ in self.got]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens on loopback."""
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/told"
    async with server:
        yield made
        made.ended.set()
        await asyncio.gather(*made.serving)
