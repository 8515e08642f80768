"""Requests that ask to go on in another protocol: here nobody speaks one, and they are answered as if they had not asked.

That is what RFC 9110, 7.8 allows, and what clients count on that offer HTTP/2 with each request in the clear (`Upgrade: h2c`), as
Java's does. The parser stops behind the head of such a request and takes it for all of it: what follows would be neither
body nor request for certain. So another parser goes on, which is given a head with the same framing and without the offer,
and finds the body, its end and the next request by the rules that are everybody's.
"""

from typing import Any, Final

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})


class _Behind:
    """What a parser tells of a request whose head is known: nothing before the body, and then everything."""

    def __init__(self, told: HttpToolsProtocol) -> None:
        self._told = told
        self._is_known = True

    def on_message_begin(self) -> None:
        if not self._is_known:
            self._told.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._is_known:
            self._told.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_known:
            self._told.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_known:
            self._is_known = False
        else:
            self._told.on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._told.on_body(body)

    def on_message_complete(self) -> None:
        self._told.on_message_complete()


def go_on(told: HttpToolsProtocol, *, keep_alive: bool) -> None:
    """Give `told`, whose parser has stopped behind a head, one that goes on. Raises HttpParserError."""
    told.parser = parser = HttpRequestParser(_Behind(told))
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
    framing: list[Any] = [pair for pair in told.headers if pair[0] in _FRAMING]
    if not keep_alive:
        framing.append((b"connection", b"close"))
    lines = [b"POST / HTTP/" + told.scope["http_version"].encode(), *(name + b": " + value for name, value in framing)]
    parser.feed_data(b"\r\n".join((*lines, b"", b"")))
