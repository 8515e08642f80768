"""Verifies what a holder shows: the certificate itself, its status this moment, and that it was shown for this check.

A nonce says itself until when it counts, under the hub's seal: nothing is kept of it until a presentation verifies with
it, and then until its end, so that none counts twice. What was shown is neither stored nor logged: the holder's ledger
of look-ups keeps which claims were shown, when, and what came of it.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from certs import sdjwt
from certs.encoding import b64url, sha256, unb64url
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
from hub.storage.database import AsyncConnection

CHALLENGE_LIFETIME: Final = timedelta(minutes=5)
PURPOSE: Final = "certificate-verification"
_VERIFIER: Final = "verifier"
_NONCE_BYTES: Final = 40
"""Eight of its end in milliseconds, sixteen at random, sixteen that only this hub can make."""


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
    """Begin a check. Nothing is stored: strangers may ask as often as they like."""
    expires_at = hub.now() + CHALLENGE_LIFETIME
    plain = round(expires_at.timestamp() * 1000).to_bytes(8) + secrets.token_bytes(16)
    return Challenge(b64url(plain + _seal(hub, plain)), audience(hub), expires_at)


def _seal(hub: Hub, plain: bytes) -> bytes:
    return hub.vault.blind("presentation-challenge", plain.hex())


async def verify(hub: Hub, presentation: str, nonce: str | None) -> Verified:
    """What was shown, if it counts. Raises the one error of certs.errors that says why not, or Unavailable."""
    expires_at = await _fresh(hub, nonce) if nonce is not None else None
    parsed = sdjwt.parse(presentation)
    believed = await _believed(hub)
    found = await _look_up(hub, parsed)
    try:
        verified = _verify(hub, presentation, nonce, believed, found)
    except CertsError as error:
        async with hub.database.begin() as connection:
            await _note(hub, connection, found, error.code, ())
        raise
    async with hub.database.begin() as connection:
        if nonce is not None and expires_at is not None:
            await _spend(connection, nonce, expires_at, hub.now())
        await _note(hub, connection, found, "permit", tuple(sorted(verified.claims)))
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


async def _fresh(hub: Hub, nonce: str) -> datetime:
    """When the nonce ends, if the hub gave it and none was verified with it. Raises NonceRequired, Replayed."""
    try:
        raw = unb64url(nonce)
    except ValueError:
        raw = b""
    plain = raw[:24]
    if len(raw) != _NONCE_BYTES or not hmac.compare_digest(raw[24:], _seal(hub, plain)):
        raise NonceRequired("no nonce of this hub")
    async with hub.database.read() as connection:
        if await registry.is_used(connection, sha256(nonce.encode())):
            raise _replayed()
    expires_at = datetime.fromtimestamp(int.from_bytes(plain[:8]) / 1000, UTC)
    if expires_at <= hub.now():
        raise NonceRequired("the nonce is expired")
    return expires_at


async def _spend(connection: AsyncConnection, nonce: str, expires_at: datetime, now: datetime) -> None:
    """Of two presentations at once with one nonce, the first to get here counts. Raises Replayed."""
    if not await registry.use_challenge(connection, sha256(nonce.encode()), expires_at, now):
        raise _replayed()


def _replayed() -> Replayed:
    return Replayed("the nonce was answered before")


async def _look_up(hub: Hub, parsed: Parsed) -> _Registered | None:
    """The registered certificate of which this was shown: same place in the list, same issuer, same signed bytes."""
    async with hub.database.read() as connection:
        found = await status_lists.find(hub, connection, parsed.status)
        if found is None or found.digest is None or found.digest.hex() != parsed.digest:
            return None
        issuer = await members.by_id(connection, found.issuer_id)
    return _Registered(found, issuer.name) if issuer.name == parsed.issuer else None


async def _note(
    hub: Hub, connection: AsyncConnection, found: _Registered | None, outcome: str, shown: tuple[str, ...]
) -> None:
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
    await access.note(connection, [event])
    await audit.append(connection, hub.vault, [Act("verify", _VERIFIER, content, now)])
