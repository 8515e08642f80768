"""What the pages at /portal have in common, a sandbox's and a live hub's: language, style sheet, headers, templates."""

from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from hub.api.verify_texts import Language
from hub.runtime import Hub

router = APIRouter(include_in_schema=False)

_FOLDER: Final = Path(__file__).parent / "templates"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of a page with a form."""


@router.get("/portal/style.css")
async def style() -> Response:
    """The pages' style sheet."""
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(_style(), media_type="text/css", headers=headers)


def language_of(request: Request, wished: str) -> Language:
    """What was chosen on the page, else the browser's first wish, else Chinese."""
    first = wished or request.headers.get("accept-language", "")
    return "en" if first.lower().startswith("en") else "zh"


def prefix(hub: Hub) -> str:
    """The path under which others reach this hub, without a slash at its end."""
    return urlsplit(hub.settings.base_url).path


def render(hub: Hub, template: str, language: Language, status: int = 200, **values: Any) -> Response:
    """A page; its template is given `values` beside its language and the hub's addresses."""
    content = (
        _environment()
        .get_template(template)
        .render(language=language, prefix=prefix(hub), base=hub.settings.base_url, **values)
    )
    headers = HEADERS | {"Content-Language": "zh-CN" if language == "zh" else "en"}
    return Response(content, status, headers, "text/html")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    return "".join((_FOLDER / name).read_text(encoding="utf-8") for name in ("verify.css", "portal.css"))
