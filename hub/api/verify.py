"""Verifying a certificate that a holder shows, for programs; the page for people is `hub.api.verify_page`."""

from typing import Any

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.responses import JSONResponse, Response

from certs.sdjwt_parts import MAX_BYTES
from hub.api import verify_page
from hub.api.bodies import Body
from hub.api.context import TheHub
from hub.api.rates import Admitted
from hub.services import presentations

router = APIRouter(tags=["verify"])
router.include_router(verify_page.router)


class Shown(Body):
    """What the holder shows, and the nonce she was given where her certificate asks for one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    presentation: str = Field(min_length=1, max_length=MAX_BYTES)
    nonce: str | None = Field(None, min_length=1, max_length=200)


@router.post("/verify/challenge")
async def challenge(hub: TheHub, _: Admitted) -> Response:
    """Begin a check: the nonce that the holder's device confirms, once, within five minutes."""
    made = await presentations.challenge(hub)
    body = {"nonce": made.nonce, "audience": made.audience, "expires_at": made.expires_at.isoformat()}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


@router.post("/verify")
async def verify(hub: TheHub, body: Shown, _: Admitted) -> Response:
    """What was shown, if it counts now; else a problem with the one code that says why not."""
    found = await presentations.verify(hub, body.presentation, body.nonce)
    answer: dict[str, Any] = {
        "valid": True,
        "kind": found.kind,
        "issuer": {"name": found.issuer, "display": found.issuer_display},
        "claims": found.claims,
        "issued_at": found.issued_at.isoformat(),
        "expires_at": found.expires_at.isoformat(),
        "status": found.status.name.lower(),
        "status_as_of": found.status_as_of.isoformat(),
        "holder_bound": found.holder_bound,
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})
