"""The directory of the interface's paths says what its routes say when they are asked one after the other."""

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.routing import Match, Route
from starlette.types import Scope

from hub.api import fhir
from hub.api.fhir.directory import Directory

_DIRECTORY, *_ROUTES = fhir.router.routes
_PARTS = sorted({part for route in _ROUTES if isinstance(route, Route) for part in route.path.split("/")[2:]})
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_WORDS = st.one_of(
    st.sampled_from(_PARTS),
    st.sampled_from(["", "Observation", "_history", "a%2Fb", "{id}", "号"]),
    st.text().filter(lambda text: not text.endswith("\n")),
)
"""A pattern of a route lets a line's end behind it pass, which the directory leaves to it."""


def _scope(method: str, path: str) -> Scope:
    return {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}


def _asked_in_turn(scope: Scope) -> tuple[Match, Scope]:
    found = ((match, child) for match, child in (route.matches(scope) for route in _ROUTES) if match == Match.FULL)
    return next(found, (Match.NONE, {}))


@pytest.mark.parametrize("method", _METHODS)
def test_says_what_the_routes_say_of_each_others_paths(method: str) -> None:
    paths = [f"/fhir/{'/'.join(parts)}" for count in (1, 2) for parts in product(_PARTS, repeat=count)]
    told = [_DIRECTORY.matches(_scope(method, path)) for path in paths]
    assert told == [_asked_in_turn(_scope(method, path)) for path in paths]
    assert method == "OPTIONS" or any(match == Match.FULL for match, _ in told)


@given(st.sampled_from(_METHODS), st.lists(_WORDS, max_size=6))
@example("GET", [])
@example("GET", ["Patient", ""])
@example("GET", ["Patient", "$match"])
@example("GET", ["Patient", "a\nb"])
def test_says_what_the_routes_say_of_any_path(method: str, parts: list[str]) -> None:
    for path in ("/".join(["", "fhir", *parts]), "/".join(["", *parts])):
        assert _DIRECTORY.matches(_scope(method, path)) == _asked_in_turn(_scope(method, path))


def test_knows_only_requests() -> None:
    assert isinstance(_DIRECTORY, Directory)
    assert _DIRECTORY.matches({"type": "lifespan"}) == (Match.NONE, {})
