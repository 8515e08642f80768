"""What pages for anybody have in common, at /verify and at /portal: language, headers, templates, style sheets."""

from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from hub.api.verify_texts import Language
from hub.runtime import Hub

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


def style_sheet(*names: str) -> Response:
    """The style sheet of some pages, put together from files beside their templates."""
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(_together(names), media_type="text/css", headers=headers)


@cache
def _together(names: tuple[str, ...]) -> str:
    return "".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)
