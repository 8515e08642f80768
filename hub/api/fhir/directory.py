"""Which endpoint answers a method at a path: found by the parts of the path, however many endpoints there are.

A router asks its routes one after the other, each with a pattern: for reading a resource by its id, which is what is asked
for most, nearly all of them. In front of these routes a directory finds the same endpoint; what it does not know, such as a
path that has other methods only, is left to them.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]
Handlers = Mapping[Any, Callable[[Any, Any], Any]]
"""What makes an answer of an error, by the error's type."""


class _Entry(NamedTuple):
    """An endpoint, its place among all, and which parts of its path are parameters."""

    order: int
    parameters: Sequence[tuple[int, str]]
    endpoint: Endpoint


@dataclass(slots=True)
class _Place:
    """What there is behind the parts of a path so far: endpoints by method, and places behind one part more."""

    entries: dict[str, _Entry] = field(default_factory=dict)
    named: dict[str, "_Place"] = field(default_factory=dict)
    any: "_Place | None" = None

    def find(self, parts: Sequence[str], at: int, method: str) -> _Entry | None:
        """The first of the endpoints for what follows from `at` on."""
        if at == len(parts):
            return self.entries.get(method)
        part, found = parts[at], None
        if (named := self.named.get(part)) is not None:
            found = named.find(parts, at + 1, method)
        if self.any is not None and part and (other := self.any.find(parts, at + 1, method)) is not None:
            return other if found is None else min(found, other)
        return found


class Directory:
    """`routes` by their paths, whose parts are each a name or a parameter (`{id}`); of two alike the first counts."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._top = _Place()
        for order, route in enumerate(routes):
            place, parts = self._top, route.path.split("/")
            for part in parts:
                if part.startswith("{"):
                    place.any = place = place.any or _Place()
                else:
                    place = place.named.setdefault(part, _Place())
            parameters = [(at, part[1:-1]) for at, part in enumerate(parts) if part.startswith("{")]
            for method in route.methods or ():
                place.entries.setdefault(method, _Entry(order, parameters, route.endpoint))

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint, and the path's parameters."""
        parts = path.split("/")
        found = self._top.find(parts, 0, method)
        return found and (found.endpoint, {name: parts[at] for at, name in found.parameters})


class Front:
    """ASGI application: the endpoints of `directory`, and `behind` for everything else.

    Whatever an endpoint raises becomes the answer that `handlers` make of it, as behind them.
    """

    def __init__(self, directory: Directory, handlers: Handlers, behind: ASGIApp) -> None:
        self._directory: Final = directory
        self._handlers, self._behind = handlers, behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._directory.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._behind(scope, receive, send)
            return
        endpoint, scope["path_params"] = found
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except Exception as error:
            handler = next((self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers), None)
            if handler is None:
                raise
            response = handler(request, error)
            if isawaitable(response):
                response = await response
        await response(scope, receive, send)
