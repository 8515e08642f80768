"""Verifies what a holder shows: the certificate itself, its status this moment, and that it was shown for this check.

A nonce is spent by the first presentation sent with it, whatever comes of that. What was shown is neither stored nor
logged: the holder's ledger of look-ups keeps which claims were shown, when, and what came of it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from certs import sdjwt
from certs.encoding import b64url, sha256
from certs.errors import CertsError, NonceRequired, NotRegistered, Replayed
from certs.sdjwt import Parsed, StatusRef, Verified
from certs.status import Standing
from certs.trust import TrustList
from hub.errors import Unavailable
from hub.runtime import Hub
from hub.services import status_lists, trust
from hub.storage import access, audit, members
from hub.storage import certificates as registry
from hub.storage.access import Access
from hub.storage.audit import Act
from hub.storage.certificates import Certificate

CHALLENGE_LIFETIME: Final = timedelta(minutes=5)
PURPOSE: Final = "certificate-verification"
_VERIFIER: Final = "verifier"
_MAX_NONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a holder's device confirms: this nonce, for this audience, until then."""

    nonce: str
    audience: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Registered:
    certificate: Certificate
    issuer: str


def audience(hub: Hub) -> str:
    """Whom holders show certificates to here."""
    return f"{hub.settings.base_url}/verify"


async def challenge(hub: Hub) -> Challenge:
    """Begin a check."""
    nonce = b64url(secrets.token_bytes(32))
    made = Challenge(nonce, audience(hub), hub.now() + CHALLENGE_LIFETIME)
    async with hub.database.begin() as connection:
        await registry.add_challenge(connection, sha256(nonce.encode()), made.expires_at)
    return made


async def verify(hub: Hub, presentation: str, nonce: str | None) -> Verified:
    """What was shown, if it counts. Raises the one error of certs.errors that says why not, or Unavailable."""
    if nonce is not None:
        await _spend(hub, nonce)
    parsed = sdjwt.parse(presentation)
    believed = await _believed(hub)
    found = await _look_up(hub, parsed)
    try:
        verified = _verify(hub, presentation, nonce, believed, found)
    except CertsError as error:
        await _note(hub, found, error.code, ())
        raise
    await _note(hub, found, "permit", tuple(sorted(verified.claims)))
    return verified


async def _believed(hub: Hub) -> TrustList:
    """The trust list. That ours is out of date is no fault of what is shown."""
    try:
        return await trust.current(hub)
    except CertsError as error:
        raise Unavailable(error.code, error.message.en, retry_after=60) from error


def _verify(hub: Hub, presentation: str, nonce: str | None, believed: TrustList, found: _Registered | None) -> Verified:
    now = hub.now()

    def status(_: StatusRef) -> Standing:
        if found is None:
            raise NotRegistered
        return Standing(status_lists.standing(found.certificate), now)

    return sdjwt.verify(
        presentation,
        trust=believed,
        status=status,
        now=now,
        nonce=nonce,
        audience=audience(hub),
        logged_at=found.certificate.recorded_at if found else None,
    )


async def _spend(hub: Hub, nonce: str) -> None:
    if len(nonce) > _MAX_NONCE:
        raise NonceRequired("no nonce of this hub")
    async with hub.database.begin() as connection:
        state = await registry.use_challenge(connection, sha256(nonce.encode("utf-8", "surrogatepass")), hub.now())
    if state == "used":
        raise Replayed("the nonce was answered before")
    if state != "fresh":
        raise NonceRequired(f"the nonce is {state}")


async def _look_up(hub: Hub, parsed: Parsed) -> _Registered | None:
    """The registered certificate of which this was shown: same place in the list, same issuer, same signed bytes."""
    async with hub.database.read() as connection:
        found = await status_lists.find(hub, connection, parsed.status)
        if found is None or found.digest is None or found.digest.hex() != parsed.digest:
            return None
        issuer = await members.by_id(connection, found.issuer_id)
    return _Registered(found, issuer.name) if issuer.name == parsed.issuer else None


async def _note(hub: Hub, found: _Registered | None, outcome: str, shown: tuple[str, ...]) -> None:
    """A person's ledger has every check of her certificate; what is nobody's certificate is nobody's look-up."""
    if found is None:
        return
    now = hub.now()
    event = Access(
        actor=_VERIFIER,
        region=found.issuer,
        act="verify",
        purpose=PURPOSE,
        person_id=None,
        subject=found.certificate.subject,
        fields=shown,
        outcome=outcome,
        at=now,
    )
    content = {"certificate": str(found.certificate.id), "outcome": outcome}
    async with hub.database.begin() as connection:
        await access.note(connection, [event])
        await audit.append(connection, hub.vault, [Act("verify", _VERIFIER, content, now)])
