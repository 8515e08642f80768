"""The last resort behind every page: what it answers for, and what it leaves to others."""

from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from hub.last_resort import LastResort

SCOPE: Scope = {"type": "http", "method": "POST", "path": "/console/", "headers": [], "query_string": b"", "state": {}}


class TooMuch(Exception):
    """What a limit in front of the console raises while the body arrives."""


async def _nothing(_: Message) -> None:
    raise AssertionError("nothing may be answered")


async def _unanswered(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("nothing may be answered")


async def test_what_breaks_while_the_request_arrives_is_passed_on() -> None:
    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    async def receive() -> Message:
        raise TooMuch

    with pytest.raises(TooMuch):
        await LastResort(reading, _unanswered)(SCOPE, receive, _nothing)


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    sent: list[Any] = []

    async def breaking(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("410108197908300195")

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    with capture_logs() as logged:
        await LastResort(breaking, _unanswered)(SCOPE, receive, send)
    assert len(sent) == 1
    assert [(one["event"], one["error"]) for one in logged] == [("unexpected", "ValueError")]
    assert "410108197908300195" not in str(logged)
