"""The directory of the interface's paths says what its routes say when they are asked one after the other."""

from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from hub.api import fhir
from hub.api.fhir.directory import Directory, Front


def _routes() -> list[Route]:
    app = FastAPI()
    before = len(app.router.routes)
    fhir.install(app)
    return [route for route in app.router.routes[: len(app.router.routes) - before] if isinstance(route, Route)]


_ROUTES = _routes()
_PARTS = sorted({part for route in _ROUTES for part in route.path.split("/")[2:]})
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_WORDS = st.one_of(
    st.sampled_from(_PARTS),
    st.sampled_from(["", "Observation", "_history", "a%2Fb", "{id}", "号"]),
    st.text().filter(lambda text: not text.endswith("\n")),
)
"""A pattern of a route lets a line's end behind it pass, which the directory leaves to it."""
Found = tuple[Callable[[Request], Awaitable[Response]], dict[str, str]] | None


def _asked_in_turn(method: str, path: str) -> Found:
    scope: Scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    for route in _ROUTES:
        match, child = route.matches(scope)
        if match == Match.FULL:
            return child["endpoint"], child["path_params"]
    return None


@pytest.mark.parametrize("method", _METHODS)
def test_says_what_the_routes_say_of_each_others_paths(method: str) -> None:
    paths = [f"/fhir/{'/'.join(parts)}" for count in (1, 2) for parts in product(_PARTS, repeat=count)]
    told = [fhir.DIRECTORY.find(method, path) for path in paths]
    assert told == [_asked_in_turn(method, path) for path in paths]
    assert method == "OPTIONS" or any(told)


@given(st.sampled_from(_METHODS), st.lists(_WORDS, max_size=6))
@example("GET", [])
@example("GET", ["Patient", ""])
@example("GET", ["Patient", "$match"])
@example("GET", ["Patient", "a\nb"])
def test_says_what_the_routes_say_of_any_path(method: str, parts: list[str]) -> None:
    for path in ("/".join(["", "fhir", *parts]), "/".join(["", *parts])):
        assert fhir.DIRECTORY.find(method, path) == _asked_in_turn(method, path)


class _Lost(LookupError):
    """What an endpoint raises."""


async def _endpoint(request: Request) -> Response:
    if request.path_params["id"] == "lost":
        raise _Lost
    if request.path_params["id"] == "broken":
        raise OSError("disk")
    return PlainTextResponse(f"{request.path_params['id']} {(await request.body()).decode()}")


async def _of_lookup(request: Request, error: Any) -> Response:
    return PlainTextResponse(f"{type(error).__name__} at {request.url.path}", 404)


async def _behind(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("behind")(scope, receive, send)


@pytest.fixture
def front() -> httpx2.AsyncClient:
    """A client of two endpoints and what is behind them."""
    directory = Directory([Route("/thing/{id}", _endpoint, methods=["GET", "POST"])])
    app = Front(directory, {LookupError: _of_lookup}, _behind)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://here")


async def test_what_the_directory_knows_is_answered_in_front_of_the_rest(front: httpx2.AsyncClient) -> None:
    assert (await front.post("/thing/1", content=b"body")).text == "1 body"
    assert (await front.get("/thing/1")).text == "1 "
    assert (await front.put("/thing/1")).text == "behind"
    assert (await front.get("/other")).text == "behind"


async def test_an_error_becomes_the_answer_of_its_kind(front: httpx2.AsyncClient) -> None:
    lost = await front.get("/thing/lost")
    assert (lost.status_code, lost.text) == (404, "_Lost at /thing/lost")
    with pytest.raises(OSError, match="disk"):
        await front.get("/thing/broken")
