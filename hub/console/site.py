"""Puts the console together: pages, static files, error pages, security headers. A small application of its own,
so that its errors are pages and not problem documents.
"""

from importlib.resources import files

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from hub.console import failures, shield
from hub.console.pages import (
    applications,
    case,
    conflicts,
    deliveries,
    entrance,
    look_ups,
    lots,
    preferences,
    quality,
    reconciliations,
    today,
)

STATIC = str(files("hub.console").joinpath("static"))


def make_site(parent: FastAPI) -> FastAPI:
    """The application behind /console; it finds the hub in the state of `parent`."""
    site = FastAPI(title="Console", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    site.state.parent = parent
    failures.install(site)
    site.add_middleware(shield.Shield)
    for page in (
        entrance,
        preferences,
        today,
        conflicts,
        lots,
        case,
        look_ups,
        deliveries,
        reconciliations,
        quality,
        applications,
    ):
        site.include_router(page.router)
    site.mount("/static", StaticFiles(directory=STATIC), name="static")
    return site
