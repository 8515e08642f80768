"""/openapi.json: the whole interface, as its routes and interactions declare themselves, with what all have in common.

What that is: how to sign in and which scopes open an operation, and how refusals look. Errors are made by the code that
answers them (`problems.written`), so that an example cannot say what the hub does not.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from hub.api import context, fhir, problems, scopes
from hub.api.fhir import openapi as of_fhir
from hub.api.fhir.interactions import PREFIX

Node = dict[str, Any]
_TRACE: Final = "01a217ed-43ba-742b-9478-4d5c6f412581"
_SAID: Final = {
    400: ("bad-request", "The request does not have the form it should; the text says where.", "FIX_FIRST"),
    401: ("unauthenticated", "No access token, or one that does not verify.", "CONTACT"),
    403: ("missing-scope", "The access token does not open this, or policy says no.", "FIX_FIRST"),
    404: ("not-found", "Nothing by that id is visible to you.", "FIX_FIRST"),
    406: ("not-acceptable", "There is no answer in the format that is asked for.", "FIX_FIRST"),
    408: ("timeout", "The body did not arrive in time. Nothing was stored.", "NORMAL"),
    409: ("digest-conflict", "It contradicts what is stored.", "FIX_FIRST"),
    410: (
        "deleted",
        "It was deleted, and its history stays; or the place at which a page begins is gone.",
        "FIX_FIRST",
    ),
    412: ("version-conflict", "It is not at that version any more, or the condition means several.", "FIX_FIRST"),
    413: ("too-large", "The body is above the limit.", "FIX_FIRST"),
    415: (
        "unsupported-media-type",
        "The body is in a format that is not read, or has a Content-Encoding.",
        "FIX_FIRST",
    ),
    422: ("invalid-resource", "What comes of it is no valid resource.", "FIX_FIRST"),
    429: ("too-many", "The member asks too often; try again after Retry-After.", "NORMAL"),
    500: ("internal-error", "Something went wrong inside the hub; `retry` says whether to ask again.", "CHECK_STATUS"),
    503: ("unavailable", "Nothing is wrong with the request; send it again.", "NORMAL"),
}
_BESIDE: Final = (400, 401, 403, 404, 408, 409, 413, 415, 429, 500, 503)
"""Refusals of what is not FHIR and needs a token; of what needs none those that have nothing to do with members."""
_PUBLIC: Final = (400, 401, 404, 408, 413, 415, 429, 500, 503)
_OF_BODIES: Final = (
    "A body that comes with Content-Digest (RFC 9530, sha-256) is compared with it: 400 `digest-mismatch` where it is another, "
    "and nothing was stored. A header that decides something is there once: 400 where it comes twice."
)
_PROBLEM: Final = "application/problem+json"
_RETRIES: Final = ["NORMAL", "CHECK_STATUS", "FIX_FIRST", "CONTACT"]


def install(app: FastAPI) -> None:
    """Let the application tell its whole interface, once somebody asks."""

    def told() -> Node:
        if app.openapi_schema is None:
            app.openapi_schema = document(app)
        return app.openapi_schema

    app.openapi = told  # type: ignore[method-assign]


def document(app: FastAPI) -> Node:
    """The document of an application with all of the interface's routes."""
    found: Node = get_openapi(
        title=app.title,
        version=app.version,
        description=f"{app.description} {_OF_BODIES}",
        routes=app.router.routes,
    )
    for here in iter_route_contexts(app.router.routes):
        route = here.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in here.methods or ():
                _complete(found["paths"][here.path][method.lower()], route)
    found["paths"] |= of_fhir.paths(fhir.INTERACTIONS)
    schemas = found["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas |= of_fhir.schemas() | {"Problem": _problem()}
    found["components"] |= {"responses": _refusals(), "securitySchemes": _schemes(found["paths"])}
    return found


def _complete(operation: Node, route: APIRoute) -> None:
    """Add to an operation beside FHIR how it is refused and what opens it."""
    right = next((context.RIGHTS[one] for one in _calls(route.dependant) if one in context.RIGHTS), None)
    answers = operation["responses"]
    answers.pop("422", None)  # what has the wrong form is 400 here
    for status in _BESIDE if right else _PUBLIC:
        answers.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
    operation["security"] = [{"smart": [right]}] if right else []


def _calls(dependant: Dependant) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)


def _refusals() -> Node:
    made: Node = {}
    for status, (code, text, retry) in _SAID.items():
        for name, path in (("Problem", "/submissions"), ("Fhir", f"{PREFIX}/Patient")):
            media_type, body = problems.written(path, status, code, text, retry, _TRACE)
            schema = "Problem" if name == "Problem" else "OperationOutcome"
            content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": orjson.loads(body)}
            made[f"{name}{status}"] = {
                "description": text,
                "headers": _headers(status),
                "content": {media_type: content},
            }
    return made


def _headers(status: int) -> Node:
    said = {"Trace-Id": ("string", "Names the request to the hub's operator.")}
    if status in (429, 503):
        said["Retry-After"] = ("integer", "Seconds; where it is given, not before.")
    if status == 429:
        said["RateLimit"] = ("string", "What is left of the member's quota.")
        said["RateLimit-Policy"] = ("string", "The member's quota.")
    return {name: {"schema": {"type": type_}, "description": text} for name, (type_, text) in said.items()}


def _problem() -> Node:
    texts = {key: {"type": "string"} for key in ("type", "title", "detail", "code", "trace_id")}
    properties = texts | {"status": {"type": "integer"}, "retry": {"type": "string", "enum": _RETRIES}}
    return {"type": "object", "required": ["status", "detail", "code", "retry", "trace_id"], "properties": properties}


def _schemes(paths: Node) -> Node:
    """How to sign in, with all scopes that may be asked for or that an operation names."""
    needs = [need for path in paths.values() for one in path.values() for need in one["security"]]
    named = {scope for need in needs for scope in need.get("smart", ())}
    flow = {"tokenUrl": "/auth/token", "scopes": dict.fromkeys(sorted(named | set(scopes.supported())), "")}
    return {
        "smart": {
            "type": "oauth2",
            "description": f"SMART Backend Services: private_key_jwt, then a bearer token. {scopes.said()}",
            "flows": {"clientCredentials": flow},
        },
        "steward": {"type": "http", "scheme": "bearer", "description": "A steward's own token: `hub user token NAME`."},
    }
