"""Certificates that members' systems connect with, and which of them a token may be bound to (RFC 8705 §3).

A certificate is kept like a key of the member, by the SHA-256 of its DER form (`x5t#S256`): it is retired and reported
stolen like one. Whether an authority signed it is the TLS layer's to check; here it has to be registered besides.
"""

import hashlib
from datetime import datetime
from typing import Final
from weakref import WeakKeyDictionary

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs.encoding import b64url
from certs.instants import utc
from hub.domain.rates import Rates
from hub.errors import Invalid, NotFound
from hub.runtime import Hub
from hub.services import enrolment
from hub.storage import audit, members
from hub.storage.audit import Act
from hub.storage.database import Database
from hub.storage.members import Member, MemberKey

USE: Final = "tls"
_SUITE: Final = "x5t#S256"
_LONGEST_SUBJECT: Final = 300
_NOTE_SECONDS: Final = 60.0
_noting: Final[WeakKeyDictionary[Database, Rates]] = WeakKeyDictionary()


def thumbprint(der: bytes) -> str:
    """`x5t#S256` of a certificate."""
    return b64url(hashlib.sha256(der).digest())


async def register(hub: Hub, name: str, pem: bytes, *, by: str = "operator") -> str:
    """Take up a certificate that the member's systems connect with; answers its thumbprint.

    Raises Invalid for anything but one certificate that counts now, NotFound, Conflict where it is another member's.
    """
    if b"PRIVATE KEY" in pem:
        raise Invalid(
            "private-key", "The file holds a private key. Nothing was stored; only the certificate belongs here."
        )
    try:
        (certificate,) = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise Invalid("malformed-certificate", "The file holds not exactly one certificate (PEM).") from error
    now = utc(hub.now())
    begins_at, ends_at = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins_at <= now < ends_at:
        raise Invalid("malformed-certificate", f"The certificate counts from {begins_at} to {ends_at}, and not now.")
    found = thumbprint(certificate.public_bytes(Encoding.DER))
    subject = certificate.subject.rfc4514_string()[:_LONGEST_SUBJECT]
    async with hub.database.begin() as connection:
        await members.lock_trust_list(connection)
        member = await members.by_name(connection, name)
        if member is None:
            raise NotFound(f"There is no active member named {name}.")
        key = MemberKey(
            found, member.id, USE, _SUITE, (), {_SUITE: found, "subject": subject}, begins_at, ends_at, None
        )
        if await enrolment.is_new(connection, key):
            await members.add_key(connection, key)
            content = {"member": name, "keys": {found: USE}}
            await audit.append(connection, hub.vault, [Act("add-keys", by, content, hub.now())])
    return found


async def require(hub: Hub, name: str, *, required: bool) -> None:
    """Note whether the member's tokens count with its certificates only, those that it has too. Raises NotFound."""
    async with hub.database.begin() as connection:
        if not await members.require_mtls(connection, name, required=required):
            raise NotFound(f"There is no active member named {name}.")
        content = {"member": name, "required": required}
        await audit.append(connection, hub.vault, [Act("require-mtls", "operator", content, hub.now())])


async def listed(hub: Hub, name: str) -> tuple[Member, list[MemberKey]]:
    """(the member, its certificates, the oldest first). Raises NotFound."""
    async with hub.database.read() as connection:
        member = await members.by_name(connection, name)
        if member is None:
            raise NotFound(f"There is no active member named {name}.")
        return member, [key for key in await members.keys(connection, member.id) if key.use == USE]


def is_usable(keys: list[MemberKey], certificate: str, now: datetime) -> bool:
    """May a token be bound to the certificate? It is among the member's own, counts now and was not stolen."""
    key = _among(keys, certificate)
    return key is not None and key.compromised_at is None and key.not_before <= now < key.not_after


def is_known(keys: list[MemberKey], certificate: str) -> bool:
    """Does a token that was bound to it still count? Retired, it lets what it was given live to its end; stolen, not."""
    key = _among(keys, certificate)
    return key is not None and key.compromised_at is None


def _among(keys: list[MemberKey], certificate: str) -> MemberKey | None:
    return next((key for key in keys if key.use == USE and key.kid == certificate), None)


async def note_misuse(hub: Hub, member: Member) -> None:
    """A token came without the certificate that it is bound to: whoever sent it is not whom it was given to.

    The log has a leaf a minute of a member at most, whoever tries how often.
    """
    if _noting.setdefault(hub.database, Rates(1, _NOTE_SECONDS)).wait(member.id, hub.now()):
        return
    act = Act("refuse", member.name, {"reason": "wrong-certificate"}, hub.now())
    async with hub.database.begin() as connection:
        await audit.append(connection, hub.vault, [act])
