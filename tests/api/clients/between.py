"""What stands between a client and a hub and fails as networks do: refuses, breaks off before or after the hub has it.

Each trouble is of one new connection, in the order given; connections that lie open when a trouble is asked for are closed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PART = 65_536


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer in the hub's stead: a balancer that is full."""

    status: str
    headers: str = ""


@dataclass(frozen=True, slots=True)
class CutRequest:
    """Break off when so many bytes of it were handed on."""

    after: int


@dataclass(frozen=True, slots=True)
class CutAnswer:
    """Hand the request on whole, wait for the answer, and break off when so many bytes of that were handed back."""

    after: int = 0


Trouble = Refuse | CutRequest | CutAnswer


@dataclass(slots=True)
class Between:
    """Listens at `url` for the hub behind it."""

    hub: str
    url: str = ""
    troubles: list[Trouble] = field(default_factory=list)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def expect(self, *troubles: Trouble) -> None:
        """What the next connections suffer."""
        self.troubles += troubles
        await self.close()

    async def close(self) -> None:
        """Close what lies open, so that the client sees it before it asks again."""
        for writer in list(self.open):
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the client."""
        self.open.add(writer)
        trouble = self.troubles.pop(0) if self.troubles else None
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                if isinstance(trouble, Refuse):
                    await self._refuse(reader, writer, trouble)
                else:
                    await self._hand_on(reader, writer, trouble)
        finally:
            self.open.discard(writer)
            writer.close()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, trouble: Refuse) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next((line for line in head.lower().split("\r\n") if line.startswith("content-length:")), ":0")
        await reader.readexactly(int(length.partition(":")[2]))
        answer = f"HTTP/1.1 {trouble.status}\r\n{trouble.headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(answer.encode())
        await writer.drain()

    async def _hand_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, trouble: CutRequest | CutAnswer | None
    ) -> None:
        address = urlsplit(self.hub)
        behind, onward = await asyncio.open_connection(address.hostname, address.port)
        asking = trouble.after if isinstance(trouble, CutRequest) else None
        answering = trouble.after if isinstance(trouble, CutAnswer) else None
        there = asyncio.create_task(_pipe(reader, onward, asking))
        back = asyncio.create_task(_pipe(behind, writer, answering))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            there.cancel()
            back.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            onward.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None) -> None:
    handed = 0
    while part := await reader.read(_PART):
        rest = None if most is None else most - handed
        writer.write(part if rest is None else part[: max(rest, 0)])
        await writer.drain()
        handed += len(part)
        if most is not None and handed > most:
            return


@asynccontextmanager
async def between(hub: str) -> AsyncIterator[Between]:
    """A way to the hub at this address that can be troubled."""
    made = Between(hub)
    server = await asyncio.start_server(made.take, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        await made.close()
