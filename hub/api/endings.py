"""How a connection ends on which the caller may still be sending: it is read on for a while, so that the answer gets there.

A socket that is closed over bytes that nobody has read is reset, and a caller who is still sending never sees the answer
(RFC 9112, 9.6). So the answer's end is said, and what still comes is thrown away unread, `LINGER_BYTES` in `LINGER_SECONDS` at
most; whoever goes on then is cut off, and so is who drips.
"""

import asyncio
from collections.abc import Callable
from typing import Final

LINGER_SECONDS: Final = 5.0
LINGER_BYTES: Final = 8 * 2**20


class Line(asyncio.Transport):
    """The transport of `owner` as the web server sees it: `close` is of two kinds, and looks the same from there.

    `ends` is asked when it is closed: whether the caller may still be sending, in which case `owner` is to expect nothing more
    but the loss of the connection.
    """

    def __init__(self, transport: asyncio.Transport, owner: asyncio.Protocol, ends: Callable[[], bool]) -> None:
        super().__init__()
        self._transport, self._owner, self._ends = transport, owner, ends
        self._is_over = False
        self.write = transport.write  # type: ignore[method-assign]
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]
        self.abort = transport.abort  # type: ignore[method-assign]

    def is_closing(self) -> bool:
        """Is it over for the web server?"""
        return self._is_over or self._transport.is_closing()

    def close(self) -> None:
        """Say nothing more; at once, or after what is still to come."""
        if self.is_closing() or not self._ends():
            self._transport.close()
            return
        self._is_over = True
        self.write = _unsaid  # type: ignore[method-assign]
        _Draining(self._transport, self._owner)


def _unsaid(data: bytes | bytearray | memoryview) -> None:
    """Nothing is said behind the end."""


class _Draining(asyncio.Protocol):
    """Takes the place of `owner` on a transport, throws away what comes, and ends it."""

    def __init__(self, transport: asyncio.Transport, owner: asyncio.Protocol) -> None:
        self._transport, self._owner = transport, owner
        self._left = LINGER_BYTES
        self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._end)
        transport.set_protocol(self)
        transport.resume_reading()
        if transport.can_write_eof():  # TLS cannot: there the answer's length and `Connection: close` say it
            transport.write_eof()

    def data_received(self, data: bytes) -> None:
        """Throw it away."""
        self._left -= len(data)
        if self._left < 0:
            self._end()

    def pause_writing(self) -> None:
        """The caller does not take the answer, for which `owner` waits as long as for any."""
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self._owner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._timer.cancel()
        self._owner.connection_lost(exc)

    def _end(self) -> None:
        """Read no more; what is left of the answer, or of TLS, has as long again."""
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.abort)
        self._transport.pause_reading()
        self._transport.close()
