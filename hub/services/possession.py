"""Does who names public keys have the private ones? Each signing key proves it by a short-lived signature of its own.

A proof is a JWS (typ JWT) by the key over the member's name, the address it is meant for and the names of all keys that
come with it, so that none can be put to somebody else's. A key that only opens what is sealed cannot sign: it is named in the
proofs of those that can, and is proved by opening something (`services.rehearsals`). RFC 7515, RFC 7638.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

import certs.tokens
from certs.encoding import load_object
from certs.errors import CertsError
from certs.instants import SKEW, instant
from certs.keys import VerifyKey
from hub.errors import Invalid
from hub.services import enrolment
from hub.storage.members import MemberKey

MOST_KEYS: Final = 8
LIFETIME: Final = timedelta(hours=1)
"""Longest life of a proof: pasted into a page by a person."""
_MOST_BYTES: Final = 4096
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "k", "priv")


def proved(entries: Collection[dict[str, Any]], name: str, audience: str, now: datetime) -> list[dict[str, Any]]:
    """The public keys among `entries`, once each was proved to be `name`'s for `audience`; their proofs are left out.

    Raises Invalid: `private-key`, `malformed-key`, `no-possession`.
    """
    if not 1 <= len(entries) <= MOST_KEYS:
        raise Invalid("malformed-key", f"One to {MOST_KEYS} keys are named at a time. Nothing was stored.")
    if any(member in entry for entry in entries for member in _PRIVATE):
        raise Invalid(
            "private-key",
            "One of these keys is a private one. Nothing was stored; it has been seen by others now, so make a new one.",
        )
    bare = [{name: value for name, value in entry.items() if name != "proof"} for entry in entries]
    keys = [enrolment.read_key(0, entry, (), now) for entry in bare]
    kids = sorted(key.kid for key in keys)
    if len(set(kids)) != len(kids):
        raise Invalid("malformed-key", "A key is named twice. Nothing was stored.")
    if all(key.use == "enc" for key in keys):
        raise _refusal("a key that only opens what is sealed comes with one that signs")
    for entry, key in zip(entries, keys, strict=True):
        if key.use != "enc":
            _judge(_claims(entry.get("proof"), key), kids, name, audience, now)
    return [{**key.jwk, "purpose": key.use} for key in keys]


def _claims(proof: object, key: MemberKey) -> dict[str, Any]:
    if not isinstance(proof, str) or len(proof) > _MOST_BYTES:
        raise _refusal(f"the key {key.kid} comes without a proof")
    try:
        if key.use == "auth":
            bare = {name: key.jwk[name] for name in ("kty", "crv", "x", "y")}
            signed = jws.deserialize_compact(proof, ECKey.import_key(bare), algorithms=[key.jwk["alg"]])
            return load_object(signed.payload, max_bytes=_MOST_BYTES)
        return certs.tokens.verify(proof, VerifyKey.from_jwk(key.jwk), typ="JWT", max_bytes=_MOST_BYTES)
    except (JoseError, ValueError, CertsError) as error:
        raise _refusal(f"the proof of the key {key.kid} is not signed by it") from error


def _judge(claims: dict[str, Any], kids: list[str], name: str, audience: str, now: datetime) -> None:
    if claims.get("iss") != name:
        raise _refusal("a proof is for another name (iss)")
    if claims.get("aud") != audience:
        raise _refusal(f"a proof is for another address; its aud must be {audience}")
    if claims.get("keys") != kids:
        raise _refusal("a proof names other keys than those that came with it (keys)")
    try:
        expires_at = instant(claims.get("exp"))
    except ValueError as error:
        raise _refusal("exp must be whole seconds since 1970") from error
    if not now - SKEW < expires_at <= now + LIFETIME + SKEW:
        raise _refusal("a proof has expired, or lives longer than an hour; make new ones and check the clock")


def _refusal(why: str) -> Invalid:
    return Invalid("no-possession", f"It was not proved that these keys are yours: {why}. Nothing was stored.")
