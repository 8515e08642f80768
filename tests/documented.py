"""Holds the answers that a test's clients are given against /openapi.json: `event_hooks=documented.HOOKS`.

An answer of an operation has one of the statuses that are told of it, and a media type that is told with that status. Where
no route is, or none for the method, nothing is answered but that, or a refusal by what stands in front of all routes, in the
form of its part of the interface. Pages for people are in no document and are not looked at.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount, compile_path

from hub.app import create_app
from hub.settings import Settings

Node = dict[str, Any]
_NOWHERE: Final = frozenset({404, 405})
_IN_FRONT: Final = frozenset({400, 408, 413, 415, 429, 500, 503})
"""What the guards answer before anybody looks for a route, and what is answered when they break."""
_NEVER_OPENED: Final = Path("/nonexistent")
"""The folder of hubs that only tell of their interface."""


class Answer(NamedTuple):
    """One that was given; `is_minimal`: no more of a resource was wanted than that it was written (Prefer)."""

    method: str
    path: str
    status: int
    media_type: str = ""
    is_minimal: bool = False


class _Told(NamedTuple):
    """The media types of each status of an operation; `is_preferred`: it tells of Prefer."""

    types: Mapping[int, frozenset[str]]
    is_preferred: bool


class _Route(NamedTuple):
    """`methods` is None where all are taken; what is told of each, None where it is for people."""

    pattern: re.Pattern[str]
    methods: Collection[str] | None
    path: str
    told: Mapping[str, _Told] | None


def hooks(own: Collection[str] = ()) -> dict[str, list[Callable[[httpx2.Response], Awaitable[None]]]]:
    """What an asynchronous client calls with each answer; `own` are paths of a test's routes, if the hub has none there."""

    async def hear(response: httpx2.Response) -> None:
        path = response.request.url.path
        if path not in own or path in {one.path for one in _routes()}:
            _hear(response)

    return {"response": [hear]}


def check(answer: Answer) -> None:
    """Raises AssertionError where the document does not tell of this answer."""
    route = _route_of(answer.method, answer.path)
    if route is None:
        assert answer.status in _NOWHERE | _IN_FRONT, f"{answer}, where there is no route"
        wanted = "application/fhir+json" if answer.path.startswith("/fhir") else "application/problem+json"
        assert answer.media_type == wanted, f"{answer}, where there is no route"
    elif route.told is not None:
        # HEAD is answered as GET is, without the body.
        told = route.told.get("GET" if answer.method == "HEAD" else answer.method)
        assert told is not None, f"{answer}; the document does not have {answer.method} {route.path}"
        assert answer.status in told.types, f"{answer}; of {route.path} the document tells {sorted(told.types)}"
        types = told.types[answer.status]
        is_empty = not types or (answer.is_minimal and told.is_preferred and answer.status < 300)
        fits = answer.media_type in types or (is_empty and not answer.media_type)
        assert fits, f"{answer}; of {route.path} the document tells {sorted(types)}"


def _hear(response: httpx2.Response) -> None:
    asked = response.request
    media_type = response.headers.get("content-type", "").partition(";")[0].strip()
    is_minimal = "return=minimal" in asked.headers.get("prefer", "")
    check(Answer(asked.method, asked.url.path, response.status_code, media_type, is_minimal))


def _route_of(method: str, path: str) -> _Route | None:
    """The first of the routes for it, as the application looks for them."""
    return next((one for one in _routes() if _takes(one, method) and one.pattern.match(path)), None)


def _takes(route: _Route, method: str) -> bool:
    return route.methods is None or method in route.methods


@cache
def _routes() -> list[_Route]:
    """Those of a live hub, and what a sandbox has beside them."""
    return [*_routes_of(sandbox=False), *_routes_of(sandbox=True)]


def _routes_of(*, sandbox: bool) -> Iterator[_Route]:
    app = create_app(Settings.model_validate({"data_dir": _NEVER_OPENED, "sandbox": sandbox}))
    document = app.openapi()
    for one in iter_route_contexts(app.router.routes):
        if isinstance(one.original_route, Mount):
            yield _Route(one.original_route.path_regex, None, one.original_route.path, None)
        elif one.path is not None:
            operations = document["paths"].get(one.path, {}).items()
            told = {method.upper(): _told(document, operation) for method, operation in operations}
            yield _Route(compile_path(one.path)[0], one.methods, one.path, told if one.include_in_schema else None)


def _told(document: Node, operation: Node) -> _Told:
    types = {}
    for status, told in operation["responses"].items():
        answer = document["components"]["responses"][told["$ref"].rsplit("/", 1)[-1]] if "$ref" in told else told
        types[int(status)] = frozenset(answer.get("content", ()))
    return _Told(types, any(one["name"] == "Prefer" for one in operation.get("parameters", ())))


HOOKS: Final = hooks()
SYNC_HOOKS: Final = {"response": [_hear]}
