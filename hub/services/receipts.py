"""Signed receipts: proof that the hub stored these bytes, checkable with the log.

A receipt is a compact JWS (typ `lianqiao-receipt+jwt`) by the hub's key in the trust list. It names the digest and the
audit leaf; the leaf's place in the tree is proved by /log/inclusion once a checkpoint covers it (at most 60 s later).
"""

from datetime import datetime
from uuid import UUID

from certs import tokens
from hub.runtime import Hub

TYPE = "lianqiao-receipt+jwt"


def sign(
    hub: Hub, *, what: str, id_: UUID, message_id: UUID, member: str, digest: bytes, leaf: bytes, at: datetime
) -> str:
    """The receipt for `what` ("submission", "mailbox", "certificate") as a compact JWS."""
    claims = {
        "iss": hub.settings.base_url,
        "sub": member,
        "iat": int(at.timestamp()),
        "what": what,
        "id": str(id_),
        "message_id": str(message_id),
        "digest": f"sha-256:{digest.hex()}",
        "leaf": leaf.hex(),
    }
    return tokens.sign(claims, typ=TYPE, signer=hub.signer)
