"""Client assertions of members (private_key_jwt, RFC 7523 and SMART Backend Services): reading keys, verifying signatures.

The algorithm is the one of the registered key, never the header's choice: ES256 for P-256, ES384 for P-384, nothing
else. Claims are judged here but for the assertion's id, which a database must see once only (`services.tokens`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from certs.encoding import load_object, unb64url
from certs.instants import instant
from hub.domain.texts import can_be_kept
from hub.errors import Invalid, Unauthenticated
from hub.storage.members import MemberKey

ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384"}
LIFETIME: Final = timedelta(minutes=5)
SKEW: Final = timedelta(seconds=60)
"""How far a member's clock may differ; the gateway reads ours from the Date header of every answer."""

_MAX_BYTES: Final = 8192
_MAX_ID: Final = 255


@dataclass(frozen=True, slots=True)
class Assertion:
    """A client assertion that verified. `id` must not have been seen before, until `forget_at`."""

    id: str
    key_id: str
    forget_at: datetime


def read_key(jwk: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(thumbprint, bare public JWK) of a key to sign in with. Raises Invalid for anything but a public P-256 or P-384 key."""
    bare = {name: jwk[name] for name in ("kty", "crv", "x", "y") if isinstance(jwk.get(name), str)}
    if "d" in jwk or bare.get("kty") != "EC" or bare.get("crv") not in ALGORITHMS or len(bare) != 4:
        raise Invalid("malformed-key", "A key to sign in with is a public key on P-256 or P-384.")
    try:
        key = ECKey.import_key(bare)
        _ = key.raw_value  # the point is checked to lie on the curve when the key is first used
    except (JoseError, ValueError) as error:
        raise Invalid("malformed-key", "The key is not a point of its curve.") from error
    kid = key.thumbprint()
    if jwk.get("kid", kid) != kid:
        raise Invalid("malformed-key", "The key's name (kid) is not its RFC 7638 thumbprint.")
    return kid, {**bare, "kid": kid, "use": "sig", "alg": ALGORITHMS[bare["crv"]]}


def issuer_of(assertion: str) -> str:
    """Who the assertion says it is from; nothing of it is believed yet. Raises Unauthenticated."""
    if len(assertion) > _MAX_BYTES:
        raise _refusal("malformed-assertion", "The client assertion is too long.")
    try:
        _, payload, _ = assertion.split(".")
        claims = load_object(unb64url(payload), max_bytes=_MAX_BYTES)
    except ValueError as error:
        raise _refusal("malformed-assertion", "The client assertion is not a signed JWT.") from error
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or claims.get("sub") != issuer or not can_be_kept(issuer):
        raise _refusal("malformed-assertion", "iss and sub must both be the member's name.")
    return issuer


def verify(assertion: str, keys: Sequence[MemberKey], audience: str, now: datetime) -> Assertion:
    """The assertion, once one of the member's own `keys` signed it for `audience`. Raises Unauthenticated.

    A member that is not known is checked with no keys: the answer is that of a wrong key.
    """
    header = _header(assertion)
    key = next((key for key in keys if key.kid == header["kid"]), None)
    if key is None or not _usable(key, now):
        raise _unknown()
    algorithm = ALGORITHMS[key.jwk["crv"]]
    if header["alg"] != algorithm:
        raise _refusal("algorithm-refused", f"This key signs with {algorithm} and nothing else.")
    try:
        signed = jws.deserialize_compact(assertion, ECKey.import_key(_bare(key.jwk)), algorithms=[algorithm])
        claims = load_object(signed.payload, max_bytes=_MAX_BYTES)
    except (JoseError, ValueError) as error:
        raise _unknown() from error
    return _judge(claims, key.kid, audience, now)


def _header(assertion: str) -> dict[str, str]:
    try:
        header = load_object(unb64url(assertion.split(".", 1)[0]), max_bytes=2048)
    except ValueError as error:
        raise _refusal("malformed-assertion", "The client assertion's header is damaged.") from error
    alg, kid, typ = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(alg, str) or not isinstance(kid, str) or typ != "JWT" or "crit" in header:
        raise _refusal("malformed-assertion", "The header needs alg and kid, and typ JWT.")
    return {"alg": alg, "kid": kid}


def _usable(key: MemberKey, now: datetime) -> bool:
    return key.use == "auth" and key.not_before <= now < key.not_after and key.compromised_at is None


def _judge(claims: dict[str, Any], kid: str, audience: str, now: datetime) -> Assertion:
    if claims.get("aud") not in (audience, [audience]):
        raise _refusal("wrong-audience", f"aud must be {audience}.")
    expires_at = _moment(claims, "exp")
    if expires_at is None or expires_at <= now - SKEW:
        raise _refusal("expired", "The client assertion has expired; check the clock.")
    if expires_at > now + LIFETIME + SKEW:
        raise _refusal("too-long-lived", "A client assertion lives five minutes at most; check the clock.")
    for name in ("iat", "nbf"):
        begins_at = _moment(claims, name)
        if begins_at is not None and begins_at > now + SKEW:
            raise _refusal("not-yet-valid", "The client assertion is from the future; check the clock.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 8 <= len(jti) <= _MAX_ID or not can_be_kept(jti):
        raise _refusal("malformed-assertion", "jti must be a text of 8 to 255 characters that is never used again.")
    return Assertion(jti, kid, expires_at + SKEW)


def _moment(claims: dict[str, Any], name: str) -> datetime | None:
    if name not in claims:
        return None
    try:
        return instant(claims[name])
    except ValueError as error:
        raise _refusal("malformed-assertion", f"{name} must be whole seconds since 1970.") from error


def _bare(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: jwk[name] for name in ("kty", "crv", "x", "y")}


def _unknown() -> Unauthenticated:
    return _refusal(
        "invalid-client", "No active member of that name signs in with this key; check the name and the registered key."
    )


def _refusal(code: str, detail: str) -> Unauthenticated:
    return Unauthenticated(code, detail)
