"""Sealed messages: signed by the sender, then encrypted for one recipient key; between them nobody reads the content.

The signature covers header and payload (so it cannot be re-sealed for somebody else), the encryption is bound to the
exact header bytes through HPKE's `info`, and the content is padded to whole KiB. The header is readable on the way and
proves nothing until `open_sealed` has succeeded. RFC 9180.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from certs.encoding import b64url, dump_json, load_object, unb64url
from certs.errors import (
    DowngradeRefused,
    Expired,
    MalformedEnvelope,
    NotYetValid,
    OpenFailed,
    TooLarge,
    UnknownKey,
    WrongRecipient,
)
from certs.instants import SKEW
from certs.keys import DecryptionKey, EncryptionKey, Signer, VerifyKey
from certs.seal_header import Header, read_header_bytes, write_header
from certs.suites import suite_named
from certs.trust import TrustList

__all__ = ["MAX_ENVELOPE", "MAX_PAYLOAD", "Header", "Opened", "open_sealed", "open_trusted", "read_header", "seal"]

MAX_PAYLOAD: Final = 4 << 20
MAX_ENVELOPE: Final = 6 << 20
BLOCK: Final = 1024

_MAX_HEADER: Final = 8192
_SIGNED: Final = b"lianqiao/sealed/v1\x00"
"""Starts every signed content; the zero byte occurs in no token and no signed note, so no signature serves twice."""
_INFO: Final = b"lianqiao/hpke/v1\x00"


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that was opened; `header_bytes` and `signature` are the evidence of who sent it."""

    header: Header
    payload: bytes
    header_bytes: bytes
    signature: bytes


def seal(payload: bytes, header: Header, signer: Signer, recipient: EncryptionKey) -> bytes:
    """The envelope, JSON. The header must name both keys and their suite: DowngradeRefused, UnknownKey, WrongRecipient."""
    if len(payload) > MAX_PAYLOAD:
        raise TooLarge(f"a payload has at most {MAX_PAYLOAD} bytes")
    _check_keys(header, signer.suite, signer.kid, recipient.suite, recipient.kid)
    header_bytes = write_header(header)
    signature = signer.sign(_to_sign(header_bytes, payload))
    body = _pad(_prefixed(2, signature) + _prefixed(4, payload))
    ciphertext = recipient.seal(body, _INFO + header_bytes)
    return dump_json({"header": b64url(header_bytes), "ciphertext": b64url(ciphertext)})


def read_header(envelope: bytes) -> Header:
    """What an envelope says of itself, unverified: enough to route it, not to believe it. MalformedEnvelope, TooLarge."""
    return read_header_bytes(_open_envelope(envelope)[0])


def open_sealed(envelope: bytes, key: DecryptionKey, sender: VerifyKey, now: datetime) -> Opened:
    """The content, once it is certain that `sender` sealed it for `key` under exactly this header, and in time.

    Raises MalformedEnvelope, UnknownSuite, DowngradeRefused, WrongRecipient, UnknownKey, NotYetValid, Expired,
    OpenFailed, BadSignature.
    """
    header_bytes, ciphertext = _open_envelope(envelope)
    header = read_header_bytes(header_bytes)
    _check_keys(header, sender.suite, sender.kid, key.suite, key.kid)
    if header.iat > now + SKEW:
        raise NotYetValid
    if now >= header.exp:
        raise Expired
    signature, payload = _unpad(key.open(ciphertext, _INFO + header_bytes))
    sender.verify(_to_sign(header_bytes, payload), signature)
    return Opened(header, payload, header_bytes, signature)


def open_trusted(
    envelope: bytes,
    keys: Mapping[str, DecryptionKey],
    trust: TrustList,
    now: datetime,
    *,
    logged_at: datetime | None = None,
) -> Opened:
    """As open_sealed, with the recipient's key looked up by name in `keys` and the sender's in the trust list.

    `logged_at` is when the audit log took the message up. Raises also what TrustList.verify_key raises.
    """
    trust.check_current(now)
    header = read_header(envelope)
    if header.to_kid not in keys:
        raise WrongRecipient("no key of that name here")
    sender = trust.verify_key(
        header.sig_kid, member=header.from_, typ=header.typ, signed_at=header.iat, logged_at=logged_at
    )
    return open_sealed(envelope, keys[header.to_kid], sender, now)


def _check_keys(header: Header, sender_suite: str, sender_kid: str, recipient_suite: str, recipient_kid: str) -> None:
    suite_named(header.suite)
    if not header.suite == sender_suite == recipient_suite:
        raise DowngradeRefused(f"header {header.suite}, sender {sender_suite}, recipient {recipient_suite}")
    if header.to_kid != recipient_kid:
        raise WrongRecipient
    if header.sig_kid != sender_kid:
        raise UnknownKey("the header names another sender's key")


def _to_sign(header_bytes: bytes, payload: bytes) -> bytes:
    return _SIGNED + _prefixed(4, header_bytes) + payload


def _prefixed(width: int, data: bytes) -> bytes:
    return len(data).to_bytes(width, "big") + data


def _pad(body: bytes) -> bytes:
    return body + bytes(-len(body) % BLOCK)


def _unpad(body: bytes) -> tuple[bytes, bytes]:
    signature_end = 2 + int.from_bytes(body[:2], "big")
    payload_start = signature_end + 4
    payload_end = payload_start + int.from_bytes(body[signature_end:payload_start], "big")
    rest = body[payload_end:]
    if len(body) % BLOCK or not payload_start <= payload_end <= len(body) or len(rest) >= BLOCK or rest.strip(b"\x00"):
        raise OpenFailed("the content is not laid out as it should be")
    return body[2:signature_end], body[payload_start:payload_end]


def _open_envelope(envelope: bytes) -> tuple[bytes, bytes]:
    if len(envelope) > MAX_ENVELOPE:
        raise TooLarge(f"an envelope has at most {MAX_ENVELOPE} bytes")
    try:
        match load_object(envelope, max_bytes=MAX_ENVELOPE, max_depth=1):
            case {"header": str(header), "ciphertext": str(ciphertext), **rest} if not rest:
                if len(header) > _MAX_HEADER * 2:
                    raise MalformedEnvelope("the header is too long")
                return unb64url(header), unb64url(ciphertext)
    except ValueError as error:
        raise MalformedEnvelope(str(error)) from None
    raise MalformedEnvelope("header and ciphertext are needed")
