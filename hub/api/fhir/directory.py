"""Which endpoint answers a method at a path: found by the parts of the path, however many endpoints there are.

A router asks its routes one after the other, each with a pattern: for reading a resource by its id, which is what is asked
for most, nearly all of them. In front of these routes a directory gives the same answer; what it does not know, such as a
path that has other methods only, is left to them.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send


class _Entry(NamedTuple):
    """An endpoint, its place among all, and which parts of its path are parameters."""

    order: int
    parameters: Sequence[tuple[int, str]]
    endpoint: Callable[[Request], Awaitable[Response]]


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


class Directory(BaseRoute):
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

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """A full match, or none."""
        if scope["type"] != "http":
            return Match.NONE, {}
        parts = scope["path"].removeprefix(scope.get("root_path", "")).split("/")
        found = self._top.find(parts, 0, scope["method"])
        if found is None:
            return Match.NONE, {}
        given = {name: parts[at] for at, name in found.parameters}
        return Match.FULL, {"endpoint": found.endpoint, "path_params": given}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; errors become answers where all do (`hub.api.problems`)."""
        response = await scope["endpoint"](Request(scope, receive, send))
        await response(scope, receive, send)
