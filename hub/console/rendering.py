"""From a template and values to a page. Everything is escaped; a value that is missing is an error, not a blank."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from hub.console import i18n, visits
from hub.console.i18n.times import Times
from hub.console.visits import Visit
from hub.linkage import notes

BASE = "/console"


@cache
def environment() -> Environment:
    """The templates, read once."""
    made = Environment(
        loader=PackageLoader("hub.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(asset=asset, base=BASE)
    return made


@cache
def asset(name: str) -> str:
    """Address of a static file that changes with its content."""
    content = files("hub.console").joinpath("static", name).read_bytes()
    return f"{BASE}/static/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


def wording(language: str, zone: str) -> dict[str, Any]:
    """What every template can say in its language."""
    catalogue = i18n.catalogue(language)
    chinese = language == "zh"

    def field_name(field: str) -> str:
        known = notes.FIELDS.get(field)
        return known[int(chinese)] if known else catalogue(f"field.{field}")

    return {
        "t": catalogue,
        "language": language,
        "times": Times(language, zone),
        "field_name": field_name,
        "level": lambda field, level: notes.of(field, level)[2 if chinese else 1],
        "display": lambda named: named.display_zh if chinese else named.display,
        "region": lambda user: user.region_display_zh if chinese else user.region_display,
    }


def page(visit: Visit, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The answer to this visit."""
    words = wording(visit.language, visit.hub.settings.timezone)
    text = environment().get_template(template).render(visit=visit, csrf=visit.csrf, **words, **values)
    response = HTMLResponse(text, status)
    response.headers["Content-Language"] = "zh-CN" if visit.language == "zh" else "en"
    visits.bind_form(visit, response)
    return response
