"""The portal of a live hub: a page that tells integrators where to apply, and what they need. It takes nothing.

Who wants to become a member applies at the sandbox (`hub.api.portal`), so that nothing of strangers is stored here.
"""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.api import portal_look
from hub.api.context import TheHub
from hub.api.live_portal_texts import ADDRESSES, STEPS, say
from hub.api.portal_texts import ITEMS
from hub.api.public_pages import HEADERS, language_of, render
from hub.api.verify_texts import pick
from hub.errors import NotFound

router = APIRouter(include_in_schema=False)
router.include_router(portal_look.router)

_POLICY: Final = HEADERS["Content-Security-Policy"].replace("form-action 'self'", "form-action 'none'")


@router.get("/portal")
async def page(request: Request, hub: TheHub, lang: str = "") -> Response:
    """What this hub is, where to apply, its addresses, the way to promotion, and the first requests."""
    language = language_of(request, lang)
    answer = render(
        hub,
        "live_portal.html",
        language,
        say=say(language),
        sandbox=hub.settings.sandbox_url,
        addresses=[(path, pick(what, language)) for path, what in ADDRESSES.items()],
        steps=[pick(step, language) for step in STEPS],
        sign_in=ITEMS["sign-in"].curl,
    )
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer


@router.post("/portal")
@router.post("/portal/applications")
async def apply(hub: TheHub) -> Response:
    """Nobody applies at a live hub."""
    where = hub.settings.sandbox_url or "its operator knows the address"
    raise NotFound(
        f"A live hub takes no applications. Nothing was stored. Apply at the sandbox ({where}); "
        f"{hub.settings.base_url}/portal says how one becomes a member."
    )
