"""Connections of the web server that nobody can use up by keeping them open: uvicorn's own, with bounds that it has not.

The head of a request arrives within `HEAD_SECONDS` of a connection's beginning or of its own first byte, and an answer is
taken within `STALL_SECONDS` of the last that was taken. When connections become few, those go first that the hub only waits
for: the ones between requests, the longest idle first, then those whose body is still under way. How long a body may take is
`hub.api.limits`' to say, and how long a connection lies idle between requests uvicorn's (`--timeout-keep-alive`). Whoever is
answered before its body has come is told that the connection ends there (`hub.api.endings`).
"""

import asyncio
import resource
from collections import OrderedDict
from http import HTTPStatus
from typing import ClassVar, Final, cast

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hub.api import upgrades
from hub.api.endings import Line

HEAD_SECONDS: Final = 15.0
STALL_SECONDS: Final = 60.0
MOST_HEAD: Final = 64 * 1024
"""Bytes of a head, or of what stands between the parts of a body and behind it; what the same reading brings may go beyond."""
MOST: Final = 2000
"""Connections of one process, and requests under way; above it uvicorn answers 503."""
ROOM: Final = 0.9
"""Of them: from there on each new connection takes the place of one that is waited for."""

WHOLE: Final = "whole"
"""Where the state of a request says that all of its body has come: nobody needs to wait for it."""
PEER: Final = "peer"
"""Where the state of a request has (address, client certificate in DER) of its connection, with `MutualConnection`."""

Waited = OrderedDict["Connection", None]


def most() -> int:
    """`MOST`, or half of the files that this process may open where those are fewer: it has others to open."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST if files == resource.RLIM_INFINITY else min(MOST, files // 2)


def allow_files() -> None:
    """Let this process, and those that it starts, open the files that `MOST` needs, as far as the machine allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST if hard == resource.RLIM_INFINITY else min(2 * MOST, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Answering:
    """The transport under one answer, whose head waits for what follows it: the two are one packet and one call of the system,
    and wake the caller once.
    """

    __slots__ = ("_head", "_is_begun", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._head, self._is_begun = transport, b"", False
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Take the head, or send what follows it."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        elif self._is_begun or data == _CONTINUE:
            self._transport.write(data)
        else:
            self._head, self._is_begun = data, True

    def close(self) -> None:
        """Send what waits, and close."""
        if self._head:
            self.write(b"")
        self._transport.close()


class Connection(HttpToolsProtocol):
    """One connection."""

    _idle: ClassVar[Waited] = OrderedDict()
    _sending: ClassVar[Waited] = OrderedDict()
    _held: ClassVar[set["Connection"]] = set()
    _head: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _is_in_head = False
    _beside = 0
    """Bytes since the end of what was last taken: of a head that is not whole yet, or of what stands between parts of a body."""
    _is_lost = False
    """Is nothing that still comes read any more?"""
    _before: RequestResponseCycle
    """The request before the one that came last."""
    _keeps = False
    """May the connection stay open behind the request that came last?"""

    @classmethod
    def held(cls) -> int:
        """How many connections this process has."""
        return len(cls._held)

    @classmethod
    def make_room(cls) -> bool:
        """Close the connection that is waited for longest; False where none is."""
        for waited in (cls._idle, cls._sending):
            if waited:
                waited.popitem(last=False)[0].transport.abort()
                return True
        return False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        if self.limit_concurrency is not None and len(self.connections) >= ROOM * self.limit_concurrency:
            self.make_room()
        super().connection_made(Line(transport, self, self._is_left_unread))
        self._held.add(self)
        self._idle[self] = None
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes in; a head that is not whole yet has its time from now on."""
        self._unset_keepalive_if_required()
        self._beside += len(data)
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST)
        except HttpParserUpgrade as stopped:
            self._pass_over(memoryview(data)[stopped.args[0] :])
        if self._beside > MOST_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._head is None and self in self._idle:
            self._await_head()

    def _pass_over(self, rest: memoryview) -> None:
        """Take in what is behind a head that asks for another protocol, and perhaps behind another such head there."""
        while self.scope["method"] != "CONNECT":  # which has no body; what is behind it is nothing that is spoken here
            try:
                upgrades.go_on(self, keep_alive=self._keeps)
                self.parser.feed_data(rest)
            except HttpParserError:
                self._refuse(HTTPStatus.BAD_REQUEST)
            except HttpParserUpgrade as stopped:
                rest = rest[stopped.args[0] :]
                continue
            return

    @property
    def _unanswered(self) -> RequestResponseCycle | None:
        """The request that came last, while it is not answered to the end."""
        last = cast("RequestResponseCycle | None", self.cycle)  # which is none before the first
        return None if last is None or last.response_complete else last

    def _refuse(self, status: HTTPStatus) -> None:
        """Nothing more can be read: say so, unless an answer is still to come, which then is the last."""
        self._beside, self._is_lost = 0, True
        self.logger.warning("Unreadable request: %s.", status.phrase)
        if self.pipeline and self in self._sending:  # it broke off while others are before it, and is none any more
            self.pipeline.popleft()
            self._sending.pop(self)
            self.cycle = self._before
        last = self._unanswered
        if last is not None and self not in self._sending:
            last.keep_alive = False
            self.flow.pause_reading()
        elif last is not None and last.response_started:
            self.transport.close()  # nothing can be said in the middle of an answer
        else:
            self._say(status)

    def _say(self, status: HTTPStatus) -> None:
        """Answer what is no request, and end the connection."""
        said = f"{status.phrase}.".encode()
        head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
        self.transport.write(head.encode() + b"content-length: %d\r\n\r\n%b" % (len(said), said))
        self.transport.close()

    def _should_upgrade(self) -> bool:
        return False

    def on_message_begin(self) -> None:
        """A request begins, with its head."""
        super().on_message_begin()
        self._is_in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head. Those behind a body are no part of it (RFC 9110, 6.5.1), and nobody reads them."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: the request begins."""
        self._is_in_head, self._beside = False, 0
        self._cancel_head()
        self._idle.pop(self, None)
        self._sending[self] = None
        self._before = self.cycle
        super().on_headers_complete()
        if self.scope["method"] != "HEAD":  # whose answer is a head, and nothing follows it
            self.cycle.transport = cast("asyncio.Transport", _Answering(self.transport))
        # An answer that begins before the body is whole is the last one.
        self._keeps, self.cycle.keep_alive = self.cycle.keep_alive and self.scope["method"] != "CONNECT", False

    def on_body(self, body: bytes) -> None:
        """Take a part of the body in."""
        self._beside = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._beside = 0
        if self.parser.should_upgrade() and self.scope["method"] != "CONNECT":
            return  # the parser has only stopped behind the head
        self._sending.pop(self, None)
        self.scope["state"][WHOLE] = True
        super().on_message_complete()
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._keeps

    def shutdown(self) -> None:
        """The server ends: what is under way is the last."""
        self._keeps = False
        super().shutdown()

    def _is_left_unread(self) -> bool:
        """The connection is to be closed: may its caller still be sending? Then it goes first when connections become few."""
        if self not in self._sending and not self.flow.read_paused and not self._is_lost:
            return False
        self._cancel_head()
        self._sending.pop(self, None)
        self._idle[self] = None
        self._idle.move_to_end(self, last=False)
        if self._unanswered is not None:  # it waits for what nobody takes in any more
            self._unanswered.disconnected = True
            self._unanswered.message_event.set()
        return True

    def on_response_complete(self) -> None:
        """The answer is given; wait for the next request, unless it is there already."""
        is_asked = bool(self.pipeline) or self in self._sending
        super().on_response_complete()
        if not self.transport.is_closing() and not is_asked:
            self._idle[self] = None

    def pause_writing(self) -> None:
        """The caller does not take what it is answered."""
        super().pause_writing()
        self._stalled = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        self._cancel_stalled()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._cancel_head()
        self._cancel_stalled()
        self._idle.pop(self, None)
        self._sending.pop(self, None)
        self._held.discard(self)
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._cancel_head()
        if not self.transport.is_closing():
            self._head = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _cancel_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _cancel_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


class MutualConnection(Connection):
    """A connection that says with each request who is at its other end, whatever a proxy's headers make of that later.

    The certificate is one that the TLS layer has checked against HUB_TLS_CLIENT_CA_FILE; without one it is empty.
    """

    _peer = ("", b"")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look at the certificate, once."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        self._peer = (self.client[0] if self.client else "", certificate or b"")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["state"][PEER] = self._peer
