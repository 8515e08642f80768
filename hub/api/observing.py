"""In a sandbox, in front of everything: what members ask and how they are answered is told to their check-lists.

A live hub has none of it. Nothing is read of a request but its first line and its token, and of an answer its status,
a header or two and the first part of a few short bodies; what is noted is noted before the answer is over.
"""

from typing import Any, Final

import orjson
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from certs import tokens
from certs.errors import CertsError
from hub.api.context import CALLER
from hub.domain.rehearsal import TOKEN, Exchange
from hub.runtime import Hub
from hub.services import rehearsals
from hub.services.tokens import Access

_MOST_READ: Final = 64 * 1024
_READ: Final = ("/submissions", "/mailbox", TOKEN)


class _Observing:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        await self._app(scope, receive, _Answering(scope, send).send)


class _Answering:
    """One answer on its way out."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._hub: Hub = scope["app"].state.hub
        self._began_at = self._hub.now()
        self._status, self._headers, self._body = 0, Headers(), bytearray()

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on; before the last one it is noted."""
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], Headers(raw=message.get("headers", []))
        elif message["type"] == "http.response.body":
            if self._scope["path"].startswith(_READ) and len(self._body) <= _MOST_READ:
                self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._note()
        await self._send(message)

    async def _note(self) -> None:
        name, exchange = self._told()
        if name:
            await rehearsals.observe(self._hub, name, exchange)

    def _told(self) -> tuple[str, Exchange]:
        """(whose exchange it was, what it shows); of tokens that the operator took for a member, nobody's."""
        method, path = self._scope["method"], self._scope["path"]
        said = self._json() if self._status < 300 else {}
        token = str(said.get("access_token", "")) if path == TOKEN else self._bearer()
        claims = _claims(token) if token else {}
        key = str(claims.get("auth_kid") or "")
        after = self._headers.get("retry-after", "")
        return str(claims.get("sub", "")) if key else "", Exchange(
            method=method,
            path=path.rstrip("/") or "/",
            status=self._status,
            began_at=self._began_at,
            at=self._hub.now(),
            key=key,
            submission=self._headers.get("submission-id", "") or str(said.get("submission_id", "")),
            handed=self._body.count(b'"message_id"') if path == "/mailbox" else 0,
            outcome=str(said.get("state", "")) if path.startswith("/mailbox/") else "",
            retry_after=int(after) if after.isdigit() else 0,
        )

    def _bearer(self) -> str:
        """The token of the request, where it was found to be a member's."""
        if not isinstance(self._scope["state"].get(CALLER), Access):
            return ""
        return Headers(scope=self._scope).get("authorization", "").partition(" ")[2].strip()

    def _json(self) -> dict[str, Any]:
        if not self._body or len(self._body) > _MOST_READ:
            return {}
        try:
            said = orjson.loads(self._body)
        except orjson.JSONDecodeError:  # a list of issues for a spreadsheet
            return {}
        return said if isinstance(said, dict) else {}


def _claims(token: str) -> dict[str, Any]:
    """The claims of a token of this hub: one it has just given, or has just believed."""
    try:
        return tokens.claims_of(tokens.take_apart(token))
    except CertsError:
        return {}


def install(app: FastAPI) -> None:
    """Put it in front of everything that is installed already."""
    app.add_middleware(_Observing)
