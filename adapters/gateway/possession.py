"""Proofs that the keys named to a hub are the member's: each key that signs, signs for the others (docs/access.md).

A proof lives for an hour and counts at one hub, for one name, and for exactly the keys that it names. What only opens
sealed records cannot sign and is vouched for by the others. RFC 7515, RFC 7638.
"""

from datetime import datetime, timedelta
from typing import Any

import certs.tokens
from adapters.gateway.keys import KeyRing

LIFETIME = timedelta(hours=1)


def proved(ring: KeyRing, member: str, hub: str, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """The public keys as a JWKS, with their proofs for the hub at the address `hub`."""
    claims = {
        "iss": member,
        "aud": f"{hub.rstrip('/')}/portal/applications",
        "exp": int((now + LIFETIME).timestamp()),
        "keys": sorted(ring.kids),
    }
    signers = {key.kid: key for key in (*ring.auth, *ring.sig)}

    def with_proof(jwk: dict[str, Any]) -> dict[str, Any]:
        signer = signers.get(jwk["kid"])
        return jwk if signer is None else {**jwk, "proof": certs.tokens.sign(claims, typ="JWT", signer=signer)}

    return {"keys": [with_proof(jwk) for jwk in ring.jwks()["keys"]]}
