"""Members sign in here: the token endpoint and its description for clients (SMART App Launch 2.2, Backend Services).

Errors are answered as clients of OAuth expect them (RFC 6749 §5.2) and carry our code, retry class and trace id too.
"""

from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from hub.api import problems, scopes
from hub.api.context import TheHub, certificate_of
from hub.errors import Invalid, Refused
from hub.services import tokens
from hub.services.assertions import ALGORITHMS

router = APIRouter(tags=["auth"])

GRANT: Final = "client_credentials"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_BODY: Final = 16_384
_MAX_FIELDS: Final = 20
_FIELDS: Final = {
    "type": "object",
    "required": ["grant_type", "client_assertion_type", "client_assertion"],
    "properties": {
        "grant_type": {"type": "string", "const": GRANT},
        "client_assertion_type": {"type": "string", "const": ASSERTION_TYPE},
        "client_assertion": {"type": "string", "pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"},
        "scope": {"type": "string", "description": "Those to ask for, with spaces between; none stands for all."},
    },
    "additionalProperties": {"type": "string"},
}
_REFUSED: Final = {
    400: (
        "The form is not as it should be, or nothing would be open.",
        ("application/json", "application/problem+json"),
    ),
    401: ("The assertion does not count.", ("application/json",)),
}
"""What is refused as clients of OAuth read it; what no request may hold is a problem here too."""
_OAUTH: Final = {
    401: "invalid_client",
    "unsupported-grant-type": "unsupported_grant_type",
    "invalid-scope": "invalid_scope",
}


@router.post(
    "/auth/token",
    openapi_extra={"requestBody": {"required": True, "content": {_FORM: {"schema": _FIELDS}}}},
    responses={
        status: {"description": text, "content": {kind: {} for kind in kinds}}
        for status, (text, kinds) in _REFUSED.items()
    },
)
async def token(request: Request, hub: TheHub) -> Response:
    """client_credentials with private_key_jwt → a short-lived bearer token."""
    try:
        form = await _form(request)
        issued = await tokens.exchange(hub, form["client_assertion"], form.get("scope", ""), certificate_of(request))
    except Refused as refusal:
        return _refuse(request, refusal)
    body = {
        "access_token": issued.token,
        "token_type": "bearer",
        "expires_in": issued.seconds,
        "scope": issued.scope,
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


@router.get("/.well-known/smart-configuration")
async def smart_configuration(hub: TheHub) -> dict[str, Any]:
    """What a client needs to know to sign in."""
    return {
        "issuer": hub.settings.base_url,
        "token_endpoint": tokens.endpoint(hub),
        "grant_types_supported": [GRANT],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": sorted(ALGORITHMS.values()),
        "scopes_supported": scopes.supported(),
        "tls_client_certificate_bound_access_tokens": hub.settings.mutual_tls,
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }


async def _form(request: Request) -> dict[str, str]:
    """The fields of the form, a client assertion among them. Raises Invalid."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Invalid("bad-request", f"The body must be {_FORM}.")
    body = await request.body()
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise Invalid("bad-request", "The form cannot be read.") from error
    form = dict(pairs)
    if len(body) > _MAX_BODY or len(form) != len(pairs):
        raise Invalid("bad-request", "The form is too long or has a field twice.")
    if form.get("grant_type") != GRANT:
        raise Invalid("unsupported-grant-type", f"grant_type must be {GRANT}.")
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise Invalid("bad-request", f"client_assertion and client_assertion_type {ASSERTION_TYPE} are needed.")
    return form


def _refuse(request: Request, refusal: Refused) -> Response:
    error = _OAUTH.get(refusal.code) or _OAUTH.get(refusal.status) or "invalid_request"
    extra = {"error": error, "error_description": refusal.detail}
    answer = problems.answer(request, refusal.status, refusal.code, refusal.detail, refusal.retry, extra=extra)
    answer.headers["Content-Type"] = "application/json"
    return answer
