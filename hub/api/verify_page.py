"""The public page on which anybody verifies a certificate: paste what the holder shows, read whether it counts.

No script, no cookie, nothing stored in the browser; what was pasted is never sent back in the page but as the claims
that verified. Refusals say their cause in the words of certs.errors.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from certs import kinds
from certs.errors import CertsError, catalogue
from certs.sdjwt import Verified
from certs.sdjwt_parts import MAX_BYTES
from hub.api.context import TheHub
from hub.api.public_pages import language_of, render, style_sheet
from hub.api.rates import admit
from hub.api.verify_texts import Language, claim_line, kind_name, say
from hub.errors import Invalid, TooMany, Unavailable
from hub.runtime import Hub
from hub.services import presentations
from hub.services.presentations import Challenge

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Valid:
    """Lines of (label, value): about the certificate, and what was shown of it."""

    facts: list[tuple[str, str]]
    claims: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the certificate is not confirmed, and what to do."""

    look: str
    heading: str
    text: str
    advice: str
    code: str


@dataclass(frozen=True, slots=True)
class Open:
    """A check that was begun."""

    nonce: str
    audience: str
    until: str


@router.get("/verify")
async def page(request: Request, hub: TheHub, lang: str = "") -> Response:
    """The empty page."""
    return _render(hub, language_of(request, lang))


@router.get("/verify/style.css")
async def style() -> Response:
    """The page's style sheet."""
    return style_sheet("verify.css")


@router.post("/verify/page/challenge")
async def start(request: Request, hub: TheHub) -> Response:
    """The page with a nonce for the holder's device."""
    form = await _form(request)
    language = language_of(request, form.get("lang", ""))
    try:
        admit(request, hub)
    except TooMany as error:
        return _wait(hub, language, error)
    return _render(hub, language, challenge=await presentations.challenge(hub))


@router.post("/verify/page")
async def check(request: Request, hub: TheHub) -> Response:
    """The page with the result; 400, 429 and 503 when the certificate is not confirmed."""
    form = await _form(request)
    language = language_of(request, form.get("lang", ""))
    presentation = "".join(form.get("presentation", "").split())
    try:
        admit(request, hub)
        verified = await presentations.verify(hub, presentation, form.get("nonce") or None)
    except CertsError as error:
        return _render(hub, language, refusal=_refusal(type(error), language), status=400)
    except TooMany as error:
        return _wait(hub, language, error)
    except Unavailable as error:
        cause = catalogue().get(error.code, catalogue()["status-unavailable"])
        return _render(hub, language, refusal=_refusal(cause, language, look="unavailable"), status=503)
    return _render(hub, language, valid=_valid(hub, verified, language))


async def _form(request: Request) -> dict[str, str]:
    """The fields of the form. Raises Invalid."""
    body = await request.body()
    if len(body) > 4 * MAX_BYTES:
        raise Invalid("bad-request", "The form is too long.")
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=10))
    except ValueError as error:
        raise Invalid("bad-request", "The form cannot be read.") from error


def _valid(hub: Hub, found: Verified, language: Language) -> Valid:
    words = say(language)
    facts = [
        (words["kind"], kind_name(found.kind, language)),
        (words["issuer"], found.issuer_display),
        (words["issued_at"], _local(hub, found.issued_at)),
        (words["expires_at"], _local(hub, found.expires_at)),
        (words["status_as_of"], _local(hub, found.status_as_of)),
        (words["holder"], words["holder_bound" if found.holder_bound else "holder_free"]),
    ]
    order = [name for name in kinds.named(found.kind).claims if name in found.claims]
    return Valid(facts, [claim_line(name, found.claims[name], language) for name in order])


def _refusal(cause: type[CertsError], language: Language, look: str = "refused") -> Refusal:
    words = say(language)
    text = cause.message.zh if language == "zh" else cause.message.en
    return Refusal(look, words[look], text, words[f"retry_{cause.retry}"], cause.code)


def _wait(hub: Hub, language: Language, error: TooMany) -> Response:
    words = say(language)
    refusal = Refusal("unavailable", words["unavailable"], words["too_many"], words["retry_NORMAL"], error.code)
    answer = _render(hub, language, refusal=refusal, status=error.status)
    answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _local(hub: Hub, moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(hub.settings.timezone)).strftime("%Y-%m-%d %H:%M")


def _render(
    hub: Hub,
    language: Language,
    *,
    valid: Valid | None = None,
    refusal: Refusal | None = None,
    challenge: Challenge | None = None,
    status: int = 200,
) -> Response:
    opened = challenge and Open(challenge.nonce, challenge.audience, _local(hub, challenge.expires_at))
    return render(
        hub,
        "verify.html",
        language,
        status,
        say=say(language),
        most=MAX_BYTES,
        valid=valid,
        refusal=refusal,
        challenge=opened,
    )
