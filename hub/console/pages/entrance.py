"""Coming in and going out: password with code, one-time link, sign-out.

A one-time link signs in at once when a person opened it (typed, pasted, or from a terminal); when a page or a mail
program leads to it, a button has to be pressed, so that whoever only looks at links does not spend it.
"""

from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from hub.console import visits
from hub.console.rendering import BASE, page
from hub.console.visits import AnyVisit, Form, SignedIn, field
from hub.errors import Unauthenticated, Unavailable
from hub.services import sessions

router = APIRouter()


def _inside(address: str) -> str:
    """The address if it is one of the console's own pages, else the first page: never another site."""
    parts = urlsplit(address)
    own = address.startswith(f"{BASE}/") and not parts.scheme and not parts.netloc and "\\" not in address
    return address if own and address.isprintable() else f"{BASE}/"


@router.get("/sign-in")
async def show(visit: AnyVisit, next: str = "") -> Response:
    """The sign-in page."""
    if visit.session is not None:
        return RedirectResponse(_inside(next), 303)
    return page(visit, "sign_in.html", next=_inside(next), name="", failure="")


@router.post("/sign-in")
async def sign_in(visit: AnyVisit, form: Form) -> Response:
    """Sign in, or show the page again with what is wrong."""
    name = field(form, "name")
    try:
        done = await sessions.sign_in(
            visit.hub, name, field(form, "password"), field(form, "code"), address=visits.address_of(visit.request)
        )
    except (Unauthenticated, Unavailable) as error:
        again = {"next": _inside(field(form, "next")), "name": name[:40], "failure": error.code}
        return page(visit, "sign_in.html", status=error.status, **again)
    return _welcome(visit, done, _inside(field(form, "next")))


@router.get("/enter")
async def arrive(visit: AnyVisit, token: str = "") -> Response:
    """A one-time link."""
    if visit.request.headers.get("sec-fetch-site") == "none":
        return _welcome(visit, await sessions.enter(visit.hub, token), f"{BASE}/")
    return page(visit, "enter.html", token=token)


@router.post("/enter")
async def enter(visit: AnyVisit, form: Form) -> Response:
    """The button of a one-time link."""
    return _welcome(visit, await sessions.enter(visit.hub, field(form, "token")), f"{BASE}/")


@router.post("/sign-out")
async def sign_out(visit: SignedIn, _: Form) -> Response:
    """End the session."""
    await sessions.sign_out(visit.hub, visits.token_of(visit.request, visit.hub), visit.user)
    response = RedirectResponse(f"{BASE}/sign-in", 303)
    visits.forget(visit.hub, response)
    return response


def _welcome(visit: visits.Visit, done: sessions.SignedIn, where: str) -> Response:
    response = RedirectResponse(where, 303)
    visits.remember(visit.hub, response, done.token)
    return response
