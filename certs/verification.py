"""Whether a presented certificate counts: the checks of RFC 9901 §7 and of the trust list, in an order that fails early.

Nothing in the presentation is believed before the issuer's signature is verified with a key of the trust list. Every
check raises its own error; the result says only what was shown.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from certs import disclosures, kinds, tokens
from certs.errors import (
    BadSignature,
    Expired,
    HolderBindingInvalid,
    HolderBindingMissing,
    MalformedKey,
    MalformedPresentation,
    MalformedToken,
    NonceRequired,
    NotYetValid,
    Replayed,
    Revoked,
    Superseded,
    Suspended,
    WrongAudience,
)
from certs.instants import SKEW, instant
from certs.keys import VerifyKey
from certs.kinds.model import Kind
from certs.sdjwt_parts import ENVELOPE, KB_TYP, TYP, Parsed, hash_of, parse
from certs.status import Standing, Status, StatusList, StatusRef
from certs.trust import TrustList

CONFIRMATION_LIFETIME: Final = timedelta(minutes=5)

StatusSource = StatusList | Callable[[StatusRef], Standing]
"""A verified list (offline), or a look-up that raises StatusUnavailable when it cannot answer (online)."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A certificate that counts. `claims` holds what was shown, and nothing else of the certificate."""

    kind: str
    vct: str
    issuer: str
    issuer_display: str
    claims: dict[str, Any]
    issued_at: datetime
    expires_at: datetime
    status: Status
    status_as_of: datetime
    holder_bound: bool
    key_id: str
    digest: str


def verify(
    presentation: str,
    *,
    trust: TrustList,
    status: StatusSource,
    now: datetime,
    nonce: str | None = None,
    audience: str | None = None,
    logged_at: datetime | None = None,
) -> Verified:
    """The certificate as shown, or the one error that says why it does not count.

    `nonce` and `audience` are what this verifier asked for; a certificate with a holder key cannot be verified without.
    `logged_at` is when the audit log took the certificate up (`parse(presentation).digest`); it matters only for a key
    reported stolen.
    """
    parsed = parse(presentation)
    kid, claims = _check_issued(parsed, trust, now, logged_at)
    bound = _check_holder(parsed, presentation, nonce, audience, now)
    return _verdict(parsed, kid, claims, bound=bound, standing=_check_status(parsed, status, now), trust=trust)


def verify_issued(
    credential: str, *, trust: TrustList, status: StatusSource, now: datetime, logged_at: datetime | None = None
) -> Verified:
    """A certificate as its issuer delivers it, all claims visible; for the receiving region, not for showing.

    Everything `verify` checks but the holder's confirmation, which such a copy cannot have (MalformedPresentation).
    """
    parsed = parse(credential)
    if parsed.confirmation:
        raise MalformedPresentation("this was shown by a holder, not delivered by the issuer")
    kid, claims = _check_issued(parsed, trust, now, logged_at)
    return _verdict(parsed, kid, claims, bound=False, standing=_check_status(parsed, status, now), trust=trust)


def _check_issued(
    parsed: Parsed, trust: TrustList, now: datetime, logged_at: datetime | None
) -> tuple[str, dict[str, Any]]:
    """Name of the issuer's key and the visible claims, once issuer, period and content are found right."""
    trust.check_current(now)
    kind = kinds.by_vct(parsed.vct)
    kid = _check_issuer(parsed, kind, trust, logged_at)
    _check_times(parsed, now)
    claims = _shown(parsed, kind)
    trust.check_division(parsed.issuer, claims["authority_division"])
    return kid, claims


def _verdict(
    parsed: Parsed, kid: str, claims: dict[str, Any], *, bound: bool, standing: Standing, trust: TrustList
) -> Verified:
    return Verified(
        kind=kinds.by_vct(parsed.vct).name,
        vct=parsed.vct,
        issuer=parsed.issuer,
        issuer_display=trust.member(parsed.issuer).display,
        claims=claims,
        issued_at=parsed.issued_at,
        expires_at=parsed.expires_at,
        status=standing.status,
        status_as_of=standing.as_of,
        holder_bound=bound,
        key_id=kid,
        digest=parsed.digest,
    )


def _check_issuer(parsed: Parsed, kind: Kind, trust: TrustList, logged_at: datetime | None) -> str:
    if parsed.token.kid is None:
        raise MalformedPresentation("the issuer's key is not named")
    key = trust.verify_key(
        parsed.token.kid, member=parsed.issuer, typ=kind.name, signed_at=parsed.issued_at, logged_at=logged_at
    )
    try:
        tokens.check(parsed.token, key, typ=TYP)
    except MalformedToken as error:
        raise MalformedPresentation(error.detail) from None
    return key.kid


def _check_times(parsed: Parsed, now: datetime) -> None:
    if parsed.issued_at > now + SKEW:
        raise NotYetValid
    if now >= parsed.expires_at:
        raise Expired


def _shown(parsed: Parsed, kind: Kind) -> dict[str, Any]:
    revealed = disclosures.reveal(parsed.payload, parsed.disclosures)
    if {disclosure.name for disclosure in parsed.disclosures} & ENVELOPE:
        raise MalformedPresentation("what concerns the certificate itself is never hidden")
    claims = {name: value for name, value in revealed.items() if name not in ENVELOPE}
    if not kind.always <= set(claims):
        raise MalformedPresentation("an always-visible claim is missing")
    kind.check_shown(claims)
    return claims


def _check_holder(parsed: Parsed, presentation: str, nonce: str | None, audience: str | None, now: datetime) -> bool:
    if parsed.holder is None:
        if parsed.confirmation:
            raise MalformedPresentation("a confirmation for a certificate without a holder key")
        return False
    if not parsed.confirmation:
        raise HolderBindingMissing
    if nonce is None or audience is None:
        raise NonceRequired
    confirmed = _read_confirmation(parsed.holder, parsed.confirmation)
    if confirmed.get("aud") != audience:
        raise WrongAudience
    said = confirmed.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode("utf-8"), nonce.encode("utf-8")):
        raise Replayed("another nonce")
    _check_fresh(confirmed.get("iat"), now)
    shown = presentation[: len(presentation) - len(parsed.confirmation)]
    if confirmed.get("sd_hash") != hash_of(shown):
        raise HolderBindingInvalid("the confirmation is for another selection")
    return True


def _read_confirmation(holder: dict[str, Any], confirmation: str) -> dict[str, Any]:
    try:
        return tokens.verify(confirmation, VerifyKey.from_jwk(holder), typ=KB_TYP)
    except (MalformedToken, MalformedKey, BadSignature) as error:
        raise HolderBindingInvalid(error.detail) from None


def _check_fresh(iat: object, now: datetime) -> None:
    try:
        confirmed_at = instant(iat)
    except ValueError:
        raise HolderBindingInvalid("the confirmation has no time") from None
    if not now - CONFIRMATION_LIFETIME <= confirmed_at <= now + SKEW:
        raise Replayed("the confirmation is too old or from the future")


def _check_status(parsed: Parsed, status: StatusSource, now: datetime) -> Standing:
    standing = status.standing(parsed.status, now) if isinstance(status, StatusList) else status(parsed.status)
    match standing.status:
        case Status.REVOKED:
            raise Revoked
        case Status.SUSPENDED:
            raise Suspended
        case Status.SUPERSEDED:
            raise Superseded
    return standing
