"""Limits every request meets before a handler sees it: size of the body, how long it may take to arrive, and its headers."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub import last_resort
from hub.api.connections import WHOLE
from hub.api.digests import Comparison
from hub.api.problems import written
from hub.errors import Invalid
from hub.settings import Settings

BODY_SECONDS: Final = 60.0
SLOWEST: Final = 16 * 1024
"""Bytes a second below which a body does not arrive in time."""
_MARGIN: Final = 64 * 1024
_DIGITS: Final = 19
"""So many are more than anybody sends, and Python does not read thousands of them."""
_PLAIN: Final = frozenset({b"", b"identity"})
_DOCUMENTS: Final = frozenset({"/submissions", "/fhir/$import"})
"""Where whole documents come in."""
_DIGEST: Final = b"content-digest"
_NUL: Final = (
    400,
    "invalid-content",
    "The address or a header holds the character NUL. Nothing was stored.",
    "FIX_FIRST",
)

_SINGLE: Final = {
    name.lower().encode(): name
    for name in (
        "Authorization",
        "Content-Digest",
        "Content-Type",
        "File-Name",
        "Host",
        "If-Match",
        "If-None-Exist",
        "In-Response-To",
        "Mapping",
        "Message-Id",
        "Purpose-Of-Use",
        "Supersedes",
    )
}
"""Headers that decide who calls, what is stored or under which condition, and of which one value is read."""
_ENCODED: Final = (
    415,
    "unsupported-media-type",
    "A body is taken as it is, without Content-Encoding. Nothing was stored.",
    "FIX_FIRST",
)


class _Refused(Exception):
    """The body is not taken any further."""


class _Arriving:
    """One request's body on its way in; knows why it was refused, whoever catches the exception on its way out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self._limit = receive, send, limit
        self._is_here = partial(scope.get("state", {}).get, WHOLE)
        self._begun, self._size, self._whole = time.monotonic(), 0, False
        self._comparison: Comparison | None = None
        self.answered = False
        self.refusal: tuple[int, str, str, str] | None = None

    def compare(self, field: bytes) -> None:
        """The body is to have this Content-Digest, or nobody gets the end of it."""
        self._comparison = Comparison(field)

    async def receive(self) -> Message:
        """The next part of the body, in time and within the limit."""
        if self._whole or self.answered:
            return await self._receive()
        if self._is_here():
            return self._counted(await self._receive())
        left = BODY_SECONDS + self._size / SLOWEST - (time.monotonic() - self._begun)
        try:
            async with asyncio.timeout(max(0.0, left)):
                message = await self._receive()
        except TimeoutError:
            self.refusal = (408, "timeout", "The body did not arrive in time. Nothing was stored.", "NORMAL")
            raise _Refused from None
        return self._counted(message)

    def _counted(self, message: Message) -> Message:
        if message["type"] == "http.request":
            part = message.get("body", b"")
            self._size += len(part)
            self._whole = not message.get("more_body", False)
            if self._size > self._limit:
                self.refusal = _too_large(self._limit)
                raise _Refused
            if self._comparison is not None:
                self._compared(self._comparison, part)
        return message

    def _compared(self, comparison: Comparison, part: bytes) -> None:
        try:
            comparison.take(part, is_last=self._whole)
        except Invalid as error:
            self.refusal = error.status, error.code, error.detail, error.retry
            raise _Refused from error

    async def send(self, message: Message) -> None:
        """Pass the answer on, but for one that only says in other words that the body was refused."""
        if self.refusal is None or self.answered:
            self.answered = True
            await self._send(message)


class _Limits:
    """Answers 400 when the address or a header holds NUL, which no text of ours has and PostgreSQL does not take, or when
    one that decides something is there twice; 415 for an encoded body, 413 when its stated or real size is above the route's limit,
    408 when it dawdles, 400 when it is not what its Content-Digest says.
    """

    def __init__(self, app: ASGIApp, *, documents: int, others: int) -> None:
        self._app = app
        self._documents = documents
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated, is_sent = stated_size(scope)
        names = [name for name, _ in scope["headers"]]
        limit = self._documents if scope["path"] in _DOCUMENTS else self._others
        if stated > limit:
            await _refuse(scope, send, *_too_large(limit))
        elif (fault := _fault(scope, names, is_sent=is_sent)) is not None:
            await _refuse(scope, send, *fault)
        elif is_sent or _DIGEST in names:  # a body that got lost on its way is none that nobody meant to send
            await self._limited(limit, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _limited(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        arriving = _Arriving(scope, receive, send, limit)
        if scope["path"] not in _DOCUMENTS:
            for name, value in scope["headers"]:
                if name == _DIGEST:
                    arriving.compare(value)
        try:
            await self._app(scope, arriving.receive, arriving.send)
        except Exception:
            if arriving.refusal is None:
                raise
        if arriving.refusal is not None and not arriving.answered:
            await _refuse(scope, send, *arriving.refusal)


def stated_size(scope: Scope) -> tuple[int, bool]:
    """(bytes of the body as stated, 0 where that cannot be read, whether there is a body).

    Spaces behind the number and zeros in front of it are passed on by the parser: whatever is not plainly nothing is a body.
    """
    size, is_sent = 0, False
    for name, value in scope["headers"]:
        if name == b"content-length":
            stated = value.strip().lstrip(b"0")
            is_sent = is_sent or stated != b""
            if stated.isdigit():
                size = int(stated) if len(stated) < _DIGITS else sys.maxsize
        elif name == b"transfer-encoding":
            is_sent = True
    return size, is_sent


def _fault(scope: Scope, names: Sequence[bytes], *, is_sent: bool) -> tuple[int, str, str, str] | None:
    """What is wrong with the address or the headers (`names`), whatever they are for; `is_sent`: there is a body."""
    values = [value for _, value in scope["headers"]]
    query = scope["query_string"]
    if "\0" in scope["path"] or b"\0" in query or b"%00" in query or b"\0" in b"".join(values):
        return _NUL
    if len(set(names)) < len(names) and (twice := (Counter(names) - Counter(set(names))).keys() & _SINGLE.keys()):
        # RFC 9110, 5.3: who reads the first and who reads the last would see two callers, or two messages.
        said = " and ".join(sorted(_SINGLE[name] for name in twice))
        return 400, "bad-request", f"Stated more than once: {said}. Nothing was stored.", "FIX_FIRST"
    if is_sent and b"content-encoding" in names:
        codings = b",".join(value for name, value in scope["headers"] if name == b"content-encoding")
        if not _PLAIN.issuperset(one.strip().lower() for one in codings.split(b",")):
            return _ENCODED
    return None


def _too_large(limit: int) -> tuple[int, str, str, str]:
    return 413, "too-large", f"A body has at most {limit} bytes here. Nothing was stored.", "FIX_FIRST"


async def _refuse(scope: Scope, send: Send, status: int, code: str, detail: str, retry: str) -> None:
    trace = last_resort.trace_id(scope)
    media_type, body = written(scope["path"], status, code, detail, retry, trace)
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"trace-id", trace.encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def install(app: FastAPI, settings: Settings) -> None:
    """Put the limits in front of the application."""
    app.add_middleware(_Limits, documents=settings.max_submission_bytes + _MARGIN, others=settings.max_json_bytes)
