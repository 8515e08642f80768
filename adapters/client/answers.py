"""Reads an answer whose sender is not trusted with our memory or our time: bounded in bytes once unpacked, and in seconds.

Only gzip is unpacked: other encodings grow a few bytes beyond any bound before the bound can be looked at, chained ones too.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from adapters.errors import HubError, Retry
from certs.encoding import load_json

ACCEPTED: Final = "gzip"
MAX_ANSWER: Final = 64 * 1024**2
MAX_DEPTH: Final = 64


class Unreadable(Exception):
    """The answer is too large, too slow or packed in a way nobody asked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read in full."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    def json(self, decimals: Callable[[str], object] | None = None) -> Any:
        """The document; `decimals` reads its numbers with a fraction. Raises HubError `bad-answer`."""
        try:
            return load_json(self.content, max_bytes=MAX_ANSWER, max_depth=MAX_DEPTH, decimals=decimals)
        except ValueError:
            raise self.bad("the hub's answer is not JSON") from None

    def object(self, decimals: Callable[[str], object] | None = None) -> dict[str, Any]:
        """The same, which has to be an object."""
        value = self.json(decimals)
        if not isinstance(value, dict):
            raise self.bad("the hub's answer is not an object")
        return value

    def bad(self, text: str) -> HubError:
        """The error that says that this answer cannot be used."""
        return HubError(text, code="bad-answer", retry=Retry.NORMAL, status=self.status)


async def read(response: httpx2.Response, *, limit: int, seconds: float) -> bytes:
    """The whole body. Raises Unreadable, httpx2.TransportError."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for part in unpacked(response):
                size += len(part)
                if size > limit:
                    raise Unreadable("is too large")
                parts.append(part)
    except TimeoutError:
        raise Unreadable("comes too slowly") from None
    return b"".join(parts)


async def unpacked(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body in parts, as they come. Raises Unreadable, httpx2.TransportError."""
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed not in {"", "identity", ACCEPTED}:
        raise Unreadable("is packed in a way that was not asked for")
    try:
        async for part in response.aiter_bytes():
            yield part
    except httpx2.DecodingError:
        raise Unreadable("is damaged") from None
