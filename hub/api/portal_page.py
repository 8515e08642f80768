"""The pages of a sandbox's portal: apply, and see with the ticket what the hub has seen of one's system. Chinese and English.

No script, no cookie, nothing stored in the browser. The page with a ticket only shows; whatever changes something is done
by the member's own system.
"""

from typing import Any, Final
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hub.api import portal_look
from hub.api.context import TheHub
from hub.api.portal_texts import ITEMS, fault, say
from hub.api.public_pages import HEADERS, language_of, prefix, render
from hub.api.rates import Admitted
from hub.api.verify_texts import Language
from hub.domain.rates import place_of
from hub.domain.texts import all_can_be_kept, is_too_deep
from hub.errors import HubError, Invalid, NotFound
from hub.runtime import Hub
from hub.services import applications, rehearsals
from hub.services.applications import Wanted
from hub.services.senders import sender_of

router = APIRouter(include_in_schema=False)
router.include_router(portal_look.router)

_MOST_FORM: Final = 64 * 1024
_FIELDS: Final = ("name", "kind", "display", "display_zh", "contact", "keys")


def place(request: Request) -> str:
    """Where a stranger asks from, as strangers are counted."""
    host = request.client.host if request.client else ""
    return place_of(sender_of(host, request.headers.get("x-forwarded-for", "")))


@router.get("/portal")
async def page(request: Request, hub: TheHub, lang: str = "") -> Response:
    """The form."""
    return _apply_page(hub, language_of(request, lang), dict.fromkeys(_FIELDS, ""))


@router.post("/portal")
async def apply(request: Request, hub: TheHub) -> Response:
    """Take the application; the answer leads to its page, or is the form again with what was wrong."""
    form = await _form(request)
    language = language_of(request, form.get("lang", ""))
    given = {name: form.get(name, "") for name in _FIELDS}
    try:
        told = {name: text for name, text in given.items() if name != "keys"}
        wanted = Wanted(**told, keys=_keys(given["keys"]))
        made = await applications.apply(hub, wanted, place(request))
    except HubError as error:
        answer = _apply_page(hub, language, given, error, error.status)
        if error.retry_after is not None:
            answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    address = f"{prefix(hub)}/portal/progress/{made.ticket}?lang={language}"
    return RedirectResponse(address, 303, headers=HEADERS)


@router.get("/portal/progress/{ticket}")
async def progress(request: Request, hub: TheHub, ticket: str, _: Admitted, lang: str = "") -> Response:
    """What became of the application, and the check-list."""
    language = language_of(request, lang)
    try:
        found = await applications.by_ticket(hub, ticket)
        lines = await rehearsals.lines_of(hub, found.member_id) if found.member_id is not None else []
    except NotFound as error:
        return _render(hub, "portal_progress.html", language, error.status, found=None, lines=[], done=0, ticket="")
    needed = [line for line in lines if line.needed]
    return _render(
        hub,
        "portal_progress.html",
        language,
        found=found,
        lines=lines,
        done=sum(line.seen_at is not None for line in needed),
        needed=len(needed),
        ticket=ticket,
    )


def _apply_page(
    hub: Hub, language: Language, given: dict[str, str], error: HubError | None = None, status: int = 200
) -> Response:
    shown = fault(error.code, error.detail, language) if error is not None else ""
    return _render(
        hub,
        "portal.html",
        language,
        status,
        given=given,
        fault=shown,
        code=error.code if error is not None else "",
        audience=applications.audience(hub),
        days=hub.settings.application_days,
    )


def _keys(text: str) -> list[dict[str, Any]]:
    """The keys in what was pasted, a JWKS. Raises Invalid."""
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid("malformed-key", "The keys are not a JSON document. Nothing was stored.") from error
    keys = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys) or is_too_deep(said):
        raise Invalid("malformed-key", "A JWKS is an object with a list of keys. Nothing was stored.")
    if not all_can_be_kept(said):
        raise Invalid("malformed-key", "A key holds a character that no text has. Nothing was stored.")
    return keys


async def _form(request: Request) -> dict[str, str]:
    body = await request.body()
    if len(body) > _MOST_FORM:
        raise Invalid("bad-request", "The form is too long.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10)
    except ValueError as error:
        raise Invalid("bad-request", "The form cannot be read.") from error
    return dict(pairs)


def _render(hub: Hub, template: str, language: Language, status: int = 200, **values: Any) -> Response:
    zone = ZoneInfo(hub.settings.timezone)
    at = 0 if language == "zh" else 1
    return render(
        hub,
        template,
        language,
        status,
        say=say(language),
        local=lambda moment: moment.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
        item=lambda name: {"title": ITEMS[name].title[at], "how": ITEMS[name].how[at], "curl": ITEMS[name].curl},
        **values,
    )
