"""Errors as pages: what happened, whether anything was saved, what to do. Made here and nowhere else.

A visitor who is not signed in is led to the sign-in page and back. An unexpected error shows its trace id only. What
somebody who is signed in may not do is noted in the log here, so that no page forgets it.
"""

from contextlib import suppress
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from hub.console import i18n, rendering, visits
from hub.console.rendering import BASE
from hub.console.visits import Visit
from hub.errors import HubError, NotAllowed, Unauthenticated
from hub.last_resort import LastResort, trace_id
from hub.services import denials

log = structlog.get_logger(__name__)

_CODES = {400: "bad-request", 404: "page-not-found", 405: "page-not-found", 413: "too-large", 422: "bad-request"}


def entrance(request: Request) -> str:
    """Where to sign in, and come back to this page if it can be come back to."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = f"?next={quote(path)}" if request.method == "GET" and path.rstrip("/") != BASE else ""
    return f"{BASE}/sign-in{back}"


async def _answer(request: Request, status: int, code: str, trace: str, *, ask: bool = True) -> Response:
    """The error page, in the language that the visitor reads; `ask` who it is, unless that is known or may fail too."""
    hub = visits.hub_of(request)
    visit: Visit | None = getattr(request.state, "visit", None)
    if visit is None and ask:
        with suppress(HubError):
            visit = await visits.visit_of(request)
    user = visit.session.user if visit and visit.session else None
    language = visit.language if visit else visits.language_of(request)
    words = rendering.wording(language, hub.settings.timezone)
    known = code if f"error.{code}.title" in i18n.catalogue(language).words else "other"
    partial = request.headers.get("hx-request") == "true"
    template = rendering.environment().get_template("error_part.html" if partial else "error.html")
    text = template.render(
        visit=visit,
        user=user,
        csrf=visit.csrf if visit else "",
        code=known,
        status=status,
        trace=trace,
        back=_back(request),
        **words,
    )
    response = Response(text, status, media_type="text/html")
    if partial:
        response.headers["HX-Retarget"] = "#main"
        response.headers["HX-Reswap"] = "innerHTML"
        response.headers["HX-Push-Url"] = "false"
    if visit is not None:
        visits.bind_form(visit, response)
    return response


def _back(request: Request) -> str:
    """The page to go back to: the one that the refused form belongs to."""
    parts = request.url.path.removeprefix(BASE).strip("/").split("/")
    return f"{BASE}/conflicts/{parts[1]}" if len(parts) > 2 and parts[0] == "conflicts" else f"{BASE}/"


def _trace(request: Request) -> str:
    return trace_id(request.scope)


def install(site: FastAPI) -> None:
    """Register the handlers."""

    @site.exception_handler(Unauthenticated)
    async def of_stranger(request: Request, error: Unauthenticated) -> Response:
        if error.code != "signed-out" or request.method != "GET":
            return await _answer(request, error.status, error.code, _trace(request))
        if request.headers.get("hx-request") == "true":
            return Response(status_code=error.status, headers={"HX-Redirect": f"{BASE}/sign-in"})
        return RedirectResponse(entrance(request), 303)

    @site.exception_handler(HubError)
    async def of_hub(request: Request, error: HubError) -> Response:
        if error.status >= 500:
            log.error("failed", code=error.code, detail=error.detail, trace_id=_trace(request))
        visit: Visit | None = getattr(request.state, "visit", None)
        if isinstance(error, NotAllowed) and visit is not None and visit.session is not None:
            await denials.note(visit.hub, visit.user, f"{request.method} {request.url.path}", error)
        return await _answer(request, error.status, error.code, _trace(request))

    @site.exception_handler(RequestValidationError)
    async def of_fields(request: Request, _: RequestValidationError) -> Response:
        # An address that cannot be one of ours; a form's faults are told on its own page.
        return await _answer(request, 404, "page-not-found", _trace(request))

    @site.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, "bad-request")
        return await _answer(request, error.status_code, code, _trace(request))

    async def unforeseen(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = await _answer(request, 500, "internal-error", _trace(request), ask=False)
        await answer(scope, receive, send)

    site.add_middleware(LastResort, answer=unforeseen)
