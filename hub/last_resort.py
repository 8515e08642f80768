"""ASGI middleware for what nobody foresaw, behind the console and the interface alike.

The framework's own would pass the error on to the server, which logs its message, and with it perhaps personal data, and
closes the connection under the next request. Here only the error's type and place are logged, and an answer is given.
"""

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from traceback import extract_tb
from typing import Any
from uuid import uuid4

import structlog

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = Callable[[Scope, Receive, Send], Awaitable[None]]


class LastResort:
    """Calls `answer` (an ASGI application) where `app` failed and had not begun to answer.

    What breaks while the request is still arriving belongs to whoever limits requests and is passed on.
    """

    def __init__(self, app: App, answer: Answer) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        arriving: Exception | None = None

        async def received() -> Message:
            nonlocal arriving
            try:
                return await receive()
            except Exception as error:
                arriving = error
                raise

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, received, watched)
        except CancelledError:  # the server ends, and has waited long enough
            if not started:
                await self._answer(scope, receive, send)
            raise
        except Exception as error:
            if error is arriving:
                raise
            where = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-3:]]
            log.error(  # noqa: TRY400 - the message stays out of the log
                "unexpected", error=type(error).__name__, where=where, trace_id=trace_id(scope)
            )
            if not started:
                await self._answer(scope, receive, send)


def trace_id(scope: Scope) -> str:
    """The request's trace id, made on first use."""
    state = scope.setdefault("state", {})
    if "trace_id" not in state:
        state["trace_id"] = uuid4().hex
    return str(state["trace_id"])
