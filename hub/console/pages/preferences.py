"""The language of the screens."""

from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from hub.console import i18n, visits
from hub.console.rendering import BASE
from hub.console.visits import AnyVisit, Form, field
from hub.services import sessions

router = APIRouter()


@router.post("/language")
async def change(visit: AnyVisit, form: Form) -> Response:
    """Change it, and show the same page again."""
    language = field(form, "language")
    if language not in i18n.LANGUAGES:
        language = i18n.LANGUAGES[0]
    if visit.session is not None:
        await sessions.set_language(visit.hub, visit.user, language)
    response = RedirectResponse(_same_page(visit), 303)
    visits.remember_language(visit.hub, response, language)
    return response


def _same_page(visit: visits.Visit) -> str:
    """The page the form was on, told by the browser; only its path and query count. A form's own address is left."""
    parts = urlsplit(visit.request.headers.get("referer", ""))
    if not parts.path.startswith(f"{BASE}/") or parts.path.rsplit("/", 1)[-1] in (
        "decide",
        "undo",
        "reveal",
        "ask-reveal",
        "enter",
    ):
        return f"{BASE}/"
    return parts.path + (f"?{parts.query}" if parts.query else "")
