"""Several processes behind one port: a new connection goes to one that holds few.

Processes that listen at one socket are all told of a connection, and it is the first's that happens to run. When clients come
at the same time that is mostly one and the same: of sixteen connections it takes fifteen, and its callers wait for it while
its neighbour has nothing to do. So a process lets the others go first, the longer the more connections it has; who has none
waits for nobody. It needs to know nothing of the others, and takes over when one of them is gone.

A connection begins for `hub.api.connections` when its TLS stands. Until then it is counted and bounded here, in the same way.
"""

import asyncio
import contextlib
import math
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

import structlog
import uvloop

from hub.api.connections import HEAD_SECONDS, ROOM, Connection, most

_STEP: Final = 0.001
"""Seconds more that a process waits when it holds twice as many connections; some ten of them for a thousand."""
_SHARE: Final = 8
"""One more connection for as many as it has is taken at a time, so that a thousand newcomers do not stand in line."""
_AGAIN: Final = 1.0
"""Seconds to the next try when the machine has no room for another connection."""

_log = structlog.get_logger()


class Loop(uvloop.Loop):
    """An event loop whose servers share the socket they are given with other processes, or have one of their own."""

    async def create_server(
        self, protocol_factory: Callable[[], Any], host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        """As asyncio's, with one address; of the other options only `ssl` and `backlog` are known. Raises OSError."""
        listening: socket.socket | None = options.pop("sock", None)
        if listening is None:
            listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        listening.setblocking(False)
        listening.listen(options.pop("backlog", 100))
        return SharedServer(self, protocol_factory, listening, **options)


class SharedServer:
    """Accepts what comes to `listening` for the protocols that `protocol_factory` makes; closed like an `asyncio.Server`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        listening: socket.socket,
        ssl: ssl.SSLContext | None = None,
    ) -> None:
        self._loop, self._protocol_factory, self._listening, self._ssl = loop, protocol_factory, listening, ssl
        self._greeted: dict[asyncio.Task[None], socket.socket] = {}
        self._room = ROOM * most()
        self._turn: asyncio.TimerHandle | None = None
        self._listen()

    def close(self) -> None:
        """Accept nothing more."""
        if self._turn is None:
            self._loop.remove_reader(self._listening)
        else:  # nobody listens now, and its maker may have closed the socket
            self._turn.cancel()
        self._listening.close()

    async def wait_closed(self) -> None:
        """Nothing is to be waited for."""

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """Where it listens."""
        return (self._listening,)

    @property
    def _held(self) -> int:
        return Connection.held() + len(self._greeted)

    def _listen(self) -> None:
        self._turn = None
        self._loop.add_reader(self._listening, self._let_others_go_first)

    def _let_others_go_first(self) -> None:
        self._loop.remove_reader(self._listening)
        self._turn = self._loop.call_later(_STEP * math.log2(1 + self._held), self._accept)

    def _accept(self) -> None:
        try:
            for _ in range(1 + self._held // _SHARE):
                self._greet(self._listening.accept()[0])
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            pass  # another process has it, or the caller went away
        except OSError as error:  # as many files as the machine allows are open, or it is out of memory
            _log.error("connection_not_accepted", errno=error.errno)
            self._turn = self._loop.call_later(_AGAIN, self._listen)
            return
        self._listen()

    def _greet(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        if self._held >= self._room:
            self._make_room()
        task = self._loop.create_task(self._connect(accepted))
        self._greeted[task] = accepted
        task.add_done_callback(lambda done: self._greeted.pop(done, None))

    def _make_room(self) -> None:
        """End the connection that is waited for longest, for its TLS or for a request, of whichever there are more."""
        if len(self._greeted) <= Connection.held() and Connection.make_room():
            return
        if self._greeted:
            oldest = self._greeted.pop(next(iter(self._greeted)))
            with contextlib.suppress(OSError):  # it hung up by itself
                oldest.shutdown(socket.SHUT_RDWR)

    async def _connect(self, accepted: socket.socket) -> None:
        seconds = HEAD_SECONDS if self._ssl is not None else None
        try:
            await self._loop.connect_accepted_socket(
                self._protocol_factory, accepted, ssl=self._ssl, ssl_handshake_timeout=seconds
            )
        except OSError as error:  # it hung up, or did not speak TLS
            _log.debug("connection_failed", reason=type(error).__name__)
            accepted.close()
