"""Reads an answer whose sender is not trusted with our memory or our time: bounded in bytes once unpacked, and in seconds.

Only gzip is unpacked: other encodings grow a few bytes beyond any bound before the bound can be looked at, chained ones too.
"""

import asyncio
from typing import Final

import httpx2

ACCEPTED: Final = "gzip"


class Unreadable(Exception):
    """The answer is too large, too slow or packed in a way nobody asked for."""


async def read(response: httpx2.Response, *, limit: int, seconds: float) -> bytes:
    """The whole body. Raises Unreadable, httpx2.TransportError."""
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed not in {"", "identity", ACCEPTED}:
        raise Unreadable("is packed in a way that was not asked for")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for part in response.aiter_bytes():
                size += len(part)
                if size > limit:
                    raise Unreadable("is too large")
                parts.append(part)
    except TimeoutError:
        raise Unreadable("comes too slowly") from None
    except httpx2.DecodingError:
        raise Unreadable("is damaged") from None
    return b"".join(parts)
