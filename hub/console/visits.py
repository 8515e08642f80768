"""Who is visiting: the session behind the cookie, the language, and the token every form must bring back.

Cookies are HttpOnly and SameSite=Strict; with an https address they are Secure and bound to the host (`__Host-`).
Before sign-in a form is bound to a cookie of its own, so that nobody can be signed in as somebody else unawares.
"""

import secrets
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hub.console import i18n
from hub.domain.texts import can_be_kept
from hub.errors import Invalid, NotAllowed, Unauthenticated
from hub.runtime import Hub
from hub.services import sessions
from hub.services.senders import sender_of
from hub.services.sessions import Session, User

LANGUAGE_SECONDS = 365 * 86400
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_BYTES: Final = 256 * 1024
_MOST_FIELDS: Final = 50


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of one visitor; `session` is None before sign-in."""

    request: Request
    hub: Hub
    session: Session | None
    language: str
    csrf: str

    @property
    def user(self) -> User:
        """Who is signed in. Raises Unauthenticated."""
        if self.session is None:
            raise Unauthenticated("signed-out", "You are not signed in, or your session has ended.")
        return self.session.user

    @property
    def partial(self) -> bool:
        """Does a script ask for a part of the page? Going back in the browser's history asks for all of it."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and "hx-history-restore-request" not in headers


def hub_of(request: Request) -> Hub:
    """The hub of this process."""
    hub = request.app.state.parent.state.hub
    if not isinstance(hub, Hub):
        raise TypeError("the application was started without a hub")
    return hub


def _secure(hub: Hub) -> bool:
    return hub.settings.base_url.startswith("https://")


def _name(hub: Hub, what: str) -> str:
    return f"__Host-lianqiao-{what}" if _secure(hub) else f"lianqiao-{what}"


async def visit_of(request: Request) -> Visit:
    """The visit, signed in or not. Raises Unauthenticated `appointment-ended`."""
    hub = hub_of(request)
    session = None
    token = token_of(request, hub)
    if token:
        try:
            session = await sessions.session_of(hub, token)
        except Unauthenticated as error:
            if error.code != "signed-out":
                raise
    csrf = session.csrf if session else request.cookies.get(_name(hub, "form"), "") or secrets.token_urlsafe(24)
    visit = Visit(request, hub, session, language_of(request, session), csrf)
    request.state.visit = visit
    return visit


async def signed_in(visit: Annotated[Visit, Depends(visit_of)]) -> Visit:
    """The visit of somebody who is signed in. Raises Unauthenticated."""
    _ = visit.user
    return visit


async def form_of(visit: Annotated[Visit, Depends(visit_of)]) -> FormData:
    """The form of this request, if it was made by one of our own pages.

    Raises NotAllowed `form-expired`, Invalid for texts that cannot be kept, HTTPException 400, 413 and 415.
    """
    form = await _fields(visit.request)
    if visit.request.state.foreign or not secrets.compare_digest(field(form, "csrf").encode(), visit.csrf.encode()):
        raise NotAllowed("form-expired", "This form did not come from a page of this session.", retry="FIX_FIRST")
    if not all(can_be_kept(text) for pair in form.multi_items() for text in pair if isinstance(text, str)):
        raise Invalid("invalid-content", "A field holds a character that no text has.")
    return form


async def _fields(request: Request) -> FormData:
    """The fields as our pages send them: never in a character set of the sender's choosing, some take minutes."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise HTTPException(413)
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise HTTPException(400) from error
    return FormData([(name, value) for name, value in pairs])


def field(form: FormData, name: str) -> str:
    """A text of the form; '' where it is missing or no text."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def language_of(request: Request, session: Session | None = None) -> str:
    """The user's language, else the cookie's, else Chinese."""
    wanted = session.user.language if session else request.cookies.get("lianqiao-language", "")
    return wanted if wanted in i18n.LANGUAGES else i18n.LANGUAGES[0]


def address_of(request: Request) -> str:
    """Where the browser is; behind a proxy that is trusted, as the web server takes it from the proxy's header."""
    return sender_of(request.client.host if request.client else "", request.headers.get("x-forwarded-for", ""))


def token_of(request: Request, hub: Hub) -> str:
    """The session's token as the browser brings it."""
    return request.cookies.get(_name(hub, "session"), "")


def _set(hub: Hub, response: Response, name: str, value: str, seconds: int | None) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", secure=_secure(hub), httponly=True, samesite="strict")


def remember(hub: Hub, response: Response, token: str) -> None:
    """Give the browser its session; it forgets it when it closes."""
    _set(hub, response, _name(hub, "session"), token, None)


def forget(hub: Hub, response: Response) -> None:
    """Take the session from the browser."""
    response.delete_cookie(_name(hub, "session"), path="/", secure=_secure(hub), httponly=True, samesite="strict")


def remember_language(hub: Hub, response: Response, language: str) -> None:
    """Keep the language for visits before sign-in."""
    _set(hub, response, "lianqiao-language", language, LANGUAGE_SECONDS)


def bind_form(visit: Visit, response: Response) -> None:
    """Bind the forms of a page before sign-in to this browser."""
    if visit.session is None and visit.request.cookies.get(_name(visit.hub, "form")) != visit.csrf:
        _set(visit.hub, response, _name(visit.hub, "form"), visit.csrf, None)


AnyVisit = Annotated[Visit, Depends(visit_of)]
SignedIn = Annotated[Visit, Depends(signed_in)]
Form = Annotated[FormData, Depends(form_of)]
