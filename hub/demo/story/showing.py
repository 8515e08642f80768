"""Certificates are shown and checked: every one that was issued, with two claims only; and seven that must be refused.

Each goes over HTTP to the public check, as a school or a hospital would ask. What was not selected must not be in the
answer; what was edited, has expired, is revoked, is signed by the wrong authority or is shown a second time must not pass.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certs import kinds, sdjwt
from certs.encoding import b64url, unb64url
from certs.keys import SigningKey
from hub.demo.story.counter import Counter, Issued
from hub.demo.story.member import Answer, HubAway, Public
from hub.demo.story.narration import Step
from mappings import vocabulary

_SELECTED = {
    vocabulary.MARRIAGE_CERTIFICATE: ("party_a_name", "party_b_name"),
    vocabulary.BIRTH_CERTIFICATE: ("child_name", "birth_time"),
}
_AT_ONCE = 4
_EXPIRES_IN = timedelta(seconds=2)
_SHOWN_LATER = 3.5
_PAUSE = 0.3
_ELSEWHERE = "410108000000"
WANTED = {
    "shown with its holder's key": "",
    "edited": "bad-signature",
    "expired": "expired",
    "revoked": "revoked",
    "signed by another county": "unknown-key",
    "about another county's marriage": "issuer-not-entitled",
    "shown again": "replayed",
    "a claim exchanged": "unreferenced-disclosure",
}
"""What the check must say to each case of the counter: nothing, or the code of the refusal."""


Edit = Callable[[str], str]


ISSUED_AT_COUNTER = 5


@dataclass(frozen=True, slots=True)
class _Showing:
    """What was sent and what was answered."""

    body: dict[str, str]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Shown:
    """The numbers of the certificates that were accepted and showed exactly the selected claims."""

    accepted: frozenset[str]


async def show_all(public: Public, files: Iterable[Path], step: Step) -> Shown:
    """Show each issued certificate with two claims; its number is known from the name of its file."""
    gate, listed = asyncio.Semaphore(_AT_ONCE), sorted(files)
    accepted: set[str] = set()

    async def show(path: Path) -> None:
        credential = path.read_text(encoding="ascii")
        kind = kinds.by_vct(sdjwt.parse(credential).vct)
        selected = _SELECTED[kind.name]
        presentation = sdjwt.present(credential, selected, now=datetime.now(UTC))
        async with gate:
            answer = await public.ask("POST", "/verify", {"presentation": presentation})
        if answer.status == 200 and set(answer.body["claims"]) == set(selected) | kind.always:
            accepted.add(re.sub(r"[^A-Za-z0-9]", "", path.name.partition(".")[0]))
        step.at(len(accepted), len(listed))

    await asyncio.gather(*(show(path) for path in listed))
    return Shown(frozenset(accepted))


async def show_bad_ones(public: Public, counter: Counter, stranger: SigningKey) -> dict[str, str]:
    """The code of the answer to each case of `WANTED`; `stranger` is the signing key of another county."""
    long = timedelta(days=3650)
    expiring = await counter.issue(1, _EXPIRES_IN)
    expires = asyncio.get_running_loop().time() + _SHOWN_LATER
    good, revoked = await counter.issue(2, long), await counter.issue(3, long)
    foreign, beyond = await counter.issue(4, long, signer=stranger), await counter.issue(5, long, division=_ELSEWHERE)
    await counter.revoke(revoked)
    shown = await _show(public, good)
    codes = {
        "shown with its holder's key": shown.answer.code,
        "shown again": (await public.ask("POST", "/verify", shown.body)).code,
        "revoked": (await _show(public, revoked)).answer.code,
        "signed by another county": (await _show(public, foreign)).answer.code,
        "about another county's marriage": (await _show(public, beyond)).answer.code,
        "edited": (await _show(public, good, _edit_payload)).answer.code,
        "a claim exchanged": (await _show(public, good, _exchange_claim)).answer.code,
    }
    await asyncio.sleep(max(0.0, expires - asyncio.get_running_loop().time()))
    return codes | {"expired": (await _show(public, expiring)).answer.code}


async def _show(public: Public, issued: Issued, edit: Edit = lambda presentation: presentation) -> _Showing:
    """Show it for a nonce asked for; with a new one when the hub dies before it has answered, as a nonce counts once."""
    while True:
        presentation, nonce = await _present(public, issued)
        body = {"presentation": edit(presentation), "nonce": nonce}
        try:
            return _Showing(body, await public.ask_once("POST", "/verify", body))
        except HubAway:
            await asyncio.sleep(_PAUSE)


async def _present(public: Public, issued: Issued) -> tuple[str, str]:
    asked = (await public.ask("POST", "/verify/challenge")).body
    presentation = sdjwt.present(
        issued.credential,
        _SELECTED[vocabulary.MARRIAGE_CERTIFICATE],
        holder_key=issued.holder,
        nonce=asked["nonce"],
        audience=asked["audience"],
        now=datetime.now(UTC),
    )
    return presentation, asked["nonce"]


def _edit_payload(presentation: str) -> str:
    """One year longer valid, with the old signature."""
    signed, tilde, rest = presentation.partition("~")
    header, payload, signature = signed.split(".")
    claims = json.loads(unb64url(payload))
    claims["exp"] += 365 * 86400
    edited = b64url(json.dumps(claims, separators=(",", ":")).encode())
    return f"{header}.{edited}.{signature}{tilde}{rest}"


def _exchange_claim(presentation: str) -> str:
    """Another name in the place of one that the issuer signed."""
    signed, first, *rest = presentation.split("~")
    salt, name, _ = json.loads(unb64url(first))
    other = b64url(json.dumps([salt, name, "赵敏"], ensure_ascii=False).encode())
    return "~".join((signed, other, *rest))
