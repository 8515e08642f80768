"""A certificate or presentation taken apart: the part the issuer signed, the disclosures, the holder's confirmation.

Nothing here is believed: `parse` only checks the form, so that the status and the log can be looked up before `verify`.
The form is our profile of RFC 9901: SHA-256, and iss, vct, iat, exp and status in the open.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from certs import disclosures, tokens
from certs.disclosures import SD_ALG, Disclosure
from certs.encoding import b64url, sha256
from certs.errors import MalformedPresentation, MalformedToken, TooLarge
from certs.instants import instant
from certs.status import StatusRef
from certs.suites import Jwk

TYP: Final = "dc+sd-jwt"
KB_TYP: Final = "kb+jwt"
MAX_BYTES: Final = 65_536
HASH: Final = "sha-256"
ENVELOPE: Final = frozenset({"iss", "vct", "iat", "exp", "status", "cnf"})
"""Claims about the certificate itself, always in the open."""

_MAX_URI: Final = 500


@dataclass(frozen=True, slots=True)
class Parsed:
    """A certificate or presentation taken apart; nothing of it believed yet."""

    token: tokens.Unverified
    payload: dict[str, Any]
    disclosures: tuple[Disclosure, ...]
    confirmation: str
    signed_part: str
    issuer: str
    vct: str
    issued_at: datetime
    expires_at: datetime
    status: StatusRef
    holder: Jwk | None

    @property
    def digest(self) -> str:
        """SHA-256 of the part the issuer signed, hex: the same for the certificate and everything shown from it."""
        return sha256(self.token.signed + b"." + b64url(self.token.signature).encode("ascii")).hex()


def parse(presentation: str) -> Parsed:
    """Take apart without verifying: to look up the status and the log before `verify`. MalformedPresentation, TooLarge."""
    if not presentation.isascii():
        raise MalformedPresentation("not an SD-JWT")
    if len(presentation) > MAX_BYTES:
        raise TooLarge(f"a presentation has at most {MAX_BYTES} bytes")
    if "~" not in presentation:
        raise MalformedPresentation("not an SD-JWT")
    signed_part, *middle, confirmation = presentation.split("~")
    try:
        token = tokens.take_apart(signed_part)
        payload = tokens.claims_of(token)
    except MalformedToken as error:
        raise MalformedPresentation(error.detail) from None
    if payload.get(SD_ALG) != HASH:
        raise MalformedPresentation(f"digests are {HASH}")
    parts = tuple(disclosures.parse(encoded) for encoded in middle)
    issuer, vct, issued_at, expires_at = _read_envelope(payload)
    status, holder = _read_status(payload.get("status")), _read_holder(payload.get("cnf"))
    return Parsed(token, payload, parts, confirmation, signed_part, issuer, vct, issued_at, expires_at, status, holder)


def hash_of(shown: str) -> str:
    """`sd_hash`: what the holder confirms (RFC 9901 §4.3.1)."""
    return b64url(sha256(shown.encode("ascii")))


def _read_envelope(payload: dict[str, Any]) -> tuple[str, str, datetime, datetime]:
    match payload:
        case {"iss": str(issuer), "vct": str(vct), "iat": iat, "exp": exp}:
            try:
                return issuer, vct, instant(iat), instant(exp)
            except ValueError as error:
                raise MalformedPresentation(str(error)) from None
    raise MalformedPresentation("iss, vct, iat and exp are needed")


def _read_status(status: object) -> StatusRef:
    match status:
        case {"status_list": {"idx": int(index), "uri": str(uri)}} if type(index) is int and index >= 0:
            if len(uri) <= _MAX_URI:
                return StatusRef(uri, index)
    raise MalformedPresentation("a certificate says where its status is found")


def _read_holder(confirmation: object) -> Jwk | None:
    match confirmation:
        case None:
            return None
        case {"jwk": dict(jwk), **rest} if not rest:
            return jwk
    raise MalformedPresentation("the holder's key is a JWK")
