"""Compact JWS with a JSON payload: receipts, status lists, certificates, holder confirmations all travel in this form.

The header is exactly alg, typ and kid (no kid where the key is known from elsewhere). The algorithm is the key's own,
never the header's choice; `typ` keeps one kind of token from passing as another. Signing goes through a Signer, so
that a hardware token can sign. RFC 7515, RFC 8725.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError

from certs.encoding import b64url, dump_json, load_object, unb64url
from certs.errors import AlgorithmRefused, MalformedToken, UnknownKey
from certs.keys import Signer, VerifyKey

MAX_BYTES: Final = 65_536
_OVERHEAD: Final = 2048


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token taken apart, nothing of it believed yet."""

    alg: str
    typ: str
    kid: str | None
    payload: bytes
    signed: bytes
    signature: bytes


def sign(claims: Mapping[str, Any], *, typ: str, signer: Signer, with_kid: bool = True) -> str:
    """A compact JWS over the claims."""
    header = {"alg": signer.alg, "typ": typ} | ({"kid": signer.kid} if with_kid else {})
    signed = f"{b64url(dump_json(header))}.{b64url(dump_json(dict(claims)))}"
    return f"{signed}.{b64url(signer.sign(signed.encode('ascii')))}"


def take_apart(token: str, *, max_bytes: int = MAX_BYTES) -> Unverified:
    """Split and decode without verifying; MalformedToken."""
    registry = jws.JWSRegistry()
    registry.max_payload_length = max_bytes
    try:
        parts = jws.extract_compact(token.encode("ascii"), registry=registry)
        header = load_object(unb64url(parts.segments["header"].decode("ascii")), max_bytes=_OVERHEAD)
        signature = unb64url(parts.segments["signature"].decode("ascii"))
    except (JoseError, ValueError, TypeError):
        raise MalformedToken("not a compact JWS") from None
    alg, typ, kid = header.pop("alg", None), header.pop("typ", None), header.pop("kid", None)
    if not isinstance(alg, str) or not isinstance(typ, str) or not (kid is None or isinstance(kid, str)):
        raise MalformedToken("alg, typ and kid must be texts")
    if header:
        raise MalformedToken("the header holds more than alg, typ and kid")
    signed = parts.segments["header"] + b"." + parts.segments["payload"]
    return Unverified(alg, typ, kid, parts.payload, signed, signature)


def claims_of(token: Unverified, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The claims as they stand, unverified; MalformedToken."""
    try:
        return load_object(token.payload, max_bytes=max_bytes)
    except ValueError as error:
        raise MalformedToken(str(error)) from None


def check(token: Unverified, key: VerifyKey, *, typ: str, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The claims, once the signature is `key`'s; MalformedToken, UnknownKey, AlgorithmRefused, BadSignature."""
    if token.typ != typ:
        raise MalformedToken(f"a token of type {typ} is expected")
    if token.kid not in (None, key.kid):
        raise UnknownKey("the token names another key")
    if token.alg != key.alg:
        raise AlgorithmRefused(f"the key signs with {key.alg}")
    key.verify(token.signed, token.signature)
    return claims_of(token, max_bytes=max_bytes)


def verify(token: str, key: VerifyKey, *, typ: str, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The claims of a token signed by `key`; MalformedToken, UnknownKey, AlgorithmRefused, BadSignature."""
    return check(take_apart(token, max_bytes=max_bytes), key, typ=typ, max_bytes=max_bytes)
