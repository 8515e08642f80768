"""A certificate and its presentation, and the same wrongly made: signed otherwise, with another header, confirmed otherwise."""

import json
from collections.abc import Callable
from typing import Any

from certs import tokens
from certs.encoding import b64url, dump_json, unb64url
from certs.instants import seconds
from certs.keys import SigningKey
from certs.sdjwt_parts import KB_TYP, TYP, hash_of
from tests.unit.certs.world import (
    AUDIENCE,
    HOLDER,
    NONCE,
    NOW,
    Y,
    certificate,
    shown,
)

CREDENTIAL = certificate()
PRESENTATION = shown(CREDENTIAL)
UNBOUND = certificate(holder=None)


def signed_part(change: Callable[[dict[str, Any]], None], *, typ: str = TYP, signer: SigningKey = Y.sig) -> str:
    """What yongkang would have signed had its software been wrong."""
    payload = json.loads(unb64url(UNBOUND.split("~")[0].split(".")[1]))
    change(payload)
    return tokens.sign(payload, typ=typ, signer=signer)


def with_header(**changes: Any) -> str:
    """The certificate with another header, signed accordingly."""
    payload = UNBOUND.split("~")[0].split(".")[1]
    header = {"alg": "ES256", "typ": TYP, "kid": Y.sig.kid} | changes
    signed = f"{b64url(dump_json({k: v for k, v in header.items() if v is not None}))}.{payload}"
    return f"{signed}.{b64url(Y.sig.sign(signed.encode()))}~"


def confirmed(
    presentation: str = PRESENTATION, *, signer: SigningKey = HOLDER, typ: str = KB_TYP, **changes: Any
) -> str:
    """The presentation with another confirmation."""
    front = presentation.rpartition("~")[0] + "~"
    usual = {"iat": seconds(NOW), "aud": AUDIENCE, "nonce": NONCE, "sd_hash": hash_of(front)}
    claims = {name: value for name, value in (usual | changes).items() if value is not None}
    return front + tokens.sign(claims, typ=typ, signer=signer, with_kid=False)
