"""The portal of a sandbox: who wants to become a member applies, sees its check-list, and rehearses (docs/access.md).

Programs find it here, people at `hub.api.portal_page`. Strangers are counted by address; what a member does here needs
its token like everything else.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from starlette.responses import JSONResponse, Response

from certs.encoding import b64url, unb64url
from hub.api import portal_page
from hub.api.bodies import Body
from hub.api.context import Caller, TheHub
from hub.api.portal_page import place
from hub.api.rates import Admitted
from hub.errors import Invalid
from hub.runtime import Hub
from hub.services import applications, rehearsals, webhook_checks
from hub.services.applications import Wanted
from hub.services.possession import MOST_KEYS
from hub.storage.applications import Application

router = APIRouter(tags=["portal"])
router.include_router(portal_page.router)

Keys = Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_KEYS)]


class Jwks(Body):
    """Public keys, each with its `purpose` and, if it signs, its `proof`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: Keys


class Applying(Body):
    """Who applies."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(max_length=31)]
    kind: str = Field("county", max_length=10)
    display: Annotated[str, Field(max_length=applications.LONGEST_TEXT)]
    display_zh: Annotated[str, Field(max_length=applications.LONGEST_TEXT)]
    contact: Annotated[str, Field(max_length=applications.LONGEST_CONTACT)]
    keys: Keys


class Opened(Body):
    """What was sealed, in base64url."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    opened: Annotated[str, Field(min_length=1, max_length=200)]


class Webhook(Body):
    """Where the member wants to be told, and the secret it made for that."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: Annotated[str, Field(min_length=1, max_length=2000)]
    secret: Annotated[str, Field(min_length=1, max_length=200)]


@router.post("/portal/applications", status_code=201)
async def apply(request: Request, hub: TheHub, body: Applying) -> Response:
    """Apply; the ticket that is answered is told once and lets its holder see what becomes of it."""
    made = await applications.apply(hub, Wanted(**body.model_dump()), place(request))
    answer = {
        "application": str(made.id),
        "ticket": made.ticket,
        "page": f"{hub.settings.base_url}/portal/progress/{made.ticket}",
        "expires_at": made.expires_at.isoformat(),
    }
    return _private(answer, 201)


@router.get("/portal/applications/{ticket}")
async def follow(hub: TheHub, ticket: str, _: Admitted) -> Response:
    """What became of an application, and what was seen of its member by now."""
    found = await applications.by_ticket(hub, ticket)
    return _private(await _told(hub, found))


async def _told(hub: Hub, found: Application) -> dict[str, Any]:
    lines = await rehearsals.lines_of(hub, found.member_id) if found.member_id is not None else []
    return {
        "application": str(found.id),
        "name": found.name,
        "state": found.state,
        "reason": found.reason,
        "expires_at": found.expires_at.isoformat(),
        "items": [
            {"item": line.item, "needed": line.needed, "seen_at": line.seen_at and line.seen_at.isoformat()}
            for line in lines
        ],
        "passed": bool(lines) and all(line.seen_at for line in lines if line.needed),
    }


@router.post("/portal/exercises")
async def exercises(hub: TheHub, caller: Caller) -> dict[str, int]:
    """Lay today's letters to practise on into the caller's mailbox, unless they lie there."""
    return {"laid": await rehearsals.exercises(hub, caller)}


@router.post("/portal/keys")
async def add_keys(hub: TheHub, caller: Caller, body: Jwks) -> dict[str, list[str]]:
    """Take up further keys of the caller, each proved to be its own."""
    return {"added": await applications.add_keys(hub, caller, body.keys)}


@router.post("/portal/sealed")
async def seal(hub: TheHub, caller: Caller) -> dict[str, str]:
    """Something that is sealed to the caller's encryption key, for it to open."""
    made = await rehearsals.seal_to(hub, caller)
    return {"kid": made.kid, "sealed": b64url(made.sealed), "info": rehearsals.OPENING_INFO.decode()}


@router.post("/portal/opened")
async def opened(hub: TheHub, caller: Caller, body: Opened) -> dict[str, str]:
    """What was in it: the caller has that key."""
    try:
        secret = unb64url(body.opened)
    except ValueError as error:
        raise Invalid("not-opened", "What was sealed is said in base64url, without padding.") from error
    return {"kid": await rehearsals.opened(hub, caller, secret)}


@router.put("/portal/webhook")
async def set_webhook(hub: TheHub, caller: Caller, body: Webhook) -> dict[str, str]:
    """Set where the caller is told that something waits."""
    await webhook_checks.set_webhook(hub, caller, body.address, body.secret)
    return {"address": body.address}


@router.post("/portal/webhook/check")
async def check_webhook(hub: TheHub, caller: Caller) -> dict[str, Any]:
    """Call the caller's webhook with one genuine notice among forged ones, and say what was wrong."""
    faults = await webhook_checks.check(hub, caller)
    return {"passed": not faults, "faults": faults}


def _private(answer: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(answer, status, headers={"Cache-Control": "no-store"})
