"""Errors become answers here and nowhere else: problem+json (RFC 9457), OperationOutcome under /fhir.

Both carry the stable code, the retry class and a trace id; an unexpected error tells the caller its trace id only.
"""

from typing import Any, Final

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from certs.errors import CertsError
from hub import last_resort
from hub.errors import HubError, MissingScope, TooMany
from hub.fhir.outcome import outcome
from hub.last_resort import LastResort

log = structlog.get_logger(__name__)

_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_ASKS_FOR_WORK: Final = "/$export"
"""By R4 it is asked for with GET, and makes something."""
_NOTHING_CHANGED: Final = (
    "Something went wrong inside the hub; nothing that it keeps for you was changed. "
    "Ask again, and tell us the trace id if the trouble stays."
)  # fmt: skip
_MAY_BE_STORED: Final = (
    "Something went wrong inside the hub. What you sent may be stored, never half of it: look before you send it again; what "
    "has a Message-Id or a condition of its own may be sent again unchanged. Tell us the trace id if the trouble stays."
)
"""The error may have come after the commit."""

_CODES = {
    400: "bad-request",
    401: "unauthenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    413: "too-large",
    415: "unsupported-media-type",
    422: "bad-request",
    429: "too-many",
    503: "unavailable",
}


def trace_id(request: Request) -> str:
    """The request's trace id, made on first use."""
    return last_resort.trace_id(request.scope)


def answer(
    request: Request,
    status: int,
    code: str,
    detail: str,
    retry: str,
    *,
    retry_after: int | None = None,
    extra: dict[str, Any] | None = None,
) -> Response:
    """The error answer for this request's part of the interface."""
    trace = trace_id(request)
    headers = {"Cache-Control": "no-store", "Trace-Id": trace}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    media_type, body = written(request.scope["path"], status, code, detail, retry, trace, extra)
    return Response(body, status, headers, media_type)


def written(
    path: str, status: int, code: str, detail: str, retry: str, trace: str, extra: dict[str, Any] | None = None
) -> tuple[str, bytes]:
    """(media type, body) of an error about the address `path`."""
    if path.startswith("/fhir"):
        return "application/fhir+json", orjson.dumps(outcome(status, code, detail, retry, trace))
    body = {
        "type": f"urn:lianqiao:problem:{code}",
        "title": code.replace("-", " "),
        "status": status,
        "detail": detail,
        "code": code,
        "retry": retry,
        "trace_id": trace,
        **(extra or {}),
    }
    return "application/problem+json", orjson.dumps(body)


def install(app: FastAPI) -> None:
    """Register the handlers."""

    @app.exception_handler(HubError)
    async def of_hub(request: Request, error: HubError) -> Response:
        if error.status >= 500:
            log.error("failed", code=error.code, detail=error.detail, trace_id=trace_id(request))
        violated = {"violated-policies": [error.policy]} if isinstance(error, TooMany) and error.policy else None
        found = answer(
            request, error.status, error.code, error.detail, error.retry, retry_after=error.retry_after, extra=violated
        )
        if isinstance(error, MissingScope):  # RFC 6750
            found.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{error.scope}"'
        return found

    @app.exception_handler(ClientDisconnect)
    async def of_nobody(request: Request, error: ClientDisconnect) -> Response:
        return answer(request, 400, "bad-request", "The body did not arrive whole. Nothing was stored.", "NORMAL")

    @app.exception_handler(CertsError)
    async def of_certs(request: Request, error: CertsError) -> Response:
        return answer(request, 400, error.code, error.message.en, error.retry, extra={"detail_zh": error.message.zh})

    @app.exception_handler(RequestValidationError)
    async def of_fields(request: Request, error: RequestValidationError) -> Response:
        places = "; ".join(
            f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}" for fault in error.errors()[:5]
        )
        return answer(
            request, 400, "bad-request", f"The request does not have the form it should: {places}", "FIX_FIRST"
        )

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, "bad-request")
        return answer(request, error.status_code, code, str(error.detail), "FIX_FIRST")

    async def unforeseen(scope: Scope, receive: Receive, send: Send) -> None:
        asked = Request(scope, receive)
        if asked.method in _SAFE and not asked.url.path.endswith(_ASKS_FOR_WORK):
            found = answer(asked, 500, "internal-error", _NOTHING_CHANGED, "NORMAL")
        else:
            found = answer(asked, 500, "internal-error", _MAY_BE_STORED, "CHECK_STATUS")
        await found(scope, receive, send)

    app.add_middleware(LastResort, answer=unforeseen)
    app.state.unforeseen = unforeseen


def install_in_front(app: FastAPI) -> None:
    """Answer also what breaks in a guard, in front of all that are installed already."""
    app.add_middleware(LastResort, answer=app.state.unforeseen)
