"""Limits every request meets before a handler sees it: size of the body, and how long it may take to arrive."""

import asyncio
from typing import Final

import orjson
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.settings import Settings

BODY_SECONDS: Final = 60.0
_MARGIN: Final = 64 * 1024


class _BodyLimit:
    """Answers 413 when the stated or the real size is above the route's limit, 408 when the body dawdles."""

    def __init__(self, app: ASGIApp, *, documents: int, others: int) -> None:
        self._app = app
        self._documents = documents
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._documents if scope["path"] == "/submissions" else self._others
        stated = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if stated.isdigit() and int(stated) > limit:
            await _refuse(send, 413, "too-large", f"A body has at most {limit} bytes here. Nothing was stored.")
            return
        size = 0
        started = False

        async def limited() -> Message:
            nonlocal size
            message = await asyncio.wait_for(receive(), BODY_SECONDS) if not started else await receive()
            if message["type"] == "http.request":
                size += len(message.get("body", b""))
                if size > limit:
                    raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, limited, watched)
        except _TooLarge:
            if not started:
                await _refuse(send, 413, "too-large", f"A body has at most {limit} bytes here. Nothing was stored.")


class _TooLarge(Exception):
    """The body went on beyond the limit."""


async def _refuse(send: Send, status: int, code: str, detail: str) -> None:

    body = orjson.dumps(
        {
            "type": f"urn:lianqiao:problem:{code}",
            "title": code.replace("-", " "),
            "status": status,
            "detail": detail,
            "code": code,
            "retry": "FIX_FIRST",
        }
    )
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def install(app: FastAPI, settings: Settings) -> None:
    """Put the limits in front of the application."""
    app.add_middleware(_BodyLimit, documents=settings.max_submission_bytes + _MARGIN, others=settings.max_json_bytes)
