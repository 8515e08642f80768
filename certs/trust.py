"""Who may sign and seal what: a versioned list of members and their keys, signed by several roots.

A list is valid for a week at most; its version only rises; a member signs only the types listed for the key and only
for its own divisions. A key reported stolen counts for what the audit log held before the theft, for nothing else: the
date inside a document proves nothing, a thief writes any date.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from certs import trust_format
from certs.divisions import covers, stem
from certs.encoding import sha256
from certs.errors import (
    IssuerNotEntitled,
    KeyCompromised,
    KeyNotValid,
    MalformedTrustList,
    NoKeyAvailable,
    NotYetValid,
    RollbackRefused,
    TooFewSignatures,
    TrustListStale,
    UnknownIssuer,
    UnknownKey,
    UnknownMember,
)
from certs.instants import SKEW, utc
from certs.keys import EncryptionKey, Signer, VerifyKey
from certs.trust_format import Member, TrustedKey

__all__ = [
    "CHECKPOINT",
    "MAX_LIFETIME",
    "RECEIPT",
    "STATUS",
    "Member",
    "TrustList",
    "TrustedKey",
    "countersign",
    "verify",
]

MAX_LIFETIME: Final = timedelta(days=7)

RECEIPT: Final = "receipt"
CHECKPOINT: Final = "checkpoint"
STATUS: Final = "status"
"""What a hub's key is listed for; a member's key is listed for record kinds."""


@dataclass(frozen=True, slots=True)
class TrustList:
    """A list; believe it only as the result of `verify`."""

    version: int
    issued_at: datetime
    next_update: datetime
    members: tuple[Member, ...]
    _by_kid: dict[str, tuple[Member, TrustedKey]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "issued_at", utc(self.issued_at))
        object.__setattr__(self, "next_update", utc(self.next_update))
        object.__setattr__(self, "members", tuple(self.members))
        if self.version < 1:
            raise MalformedTrustList("versions start at 1")
        if not self.issued_at < self.next_update <= self.issued_at + MAX_LIFETIME:
            raise MalformedTrustList("a list is valid for seven days at most")
        _require_unique((member.name for member in self.members), "member")
        _require_unique((code for member in self.members for code in member.divisions), "division")
        _require_unique((key.kid for member in self.members for key in member.keys), "key")
        index = {key.kid: (member, key) for member in self.members for key in member.keys}
        object.__setattr__(self, "_by_kid", index)

    def payload(self) -> bytes:
        """What is signed: one spelling for one list."""
        return trust_format.write(self.version, self.issued_at, self.next_update, self.members)

    @property
    def digest(self) -> str:
        """SHA-256 of the payload, hex."""
        return sha256(self.payload()).hex()

    def sign(self, *roots: Signer) -> bytes:
        """The list as general JWS JSON, signed by each root."""
        return trust_format.sign(self.payload(), roots)

    def check_current(self, now: datetime) -> None:
        """TrustListStale once next_update has passed: an attacker may be holding newer lists back."""
        if now >= self.next_update:
            raise TrustListStale
        if self.issued_at > now + SKEW:
            raise NotYetValid("the trust list is from the future")

    def member(self, name: str) -> Member:
        """The member of that name; UnknownMember."""
        for member in self.members:
            if member.name == name:
                return member
        raise UnknownMember(f"no member {name[:64]!r}")

    def member_for_division(self, code: str) -> Member:
        """The member that answers for a division, the nearest one above it if several do; UnknownMember."""
        found = [(len(stem(own)), member) for member in self.members for own in member.divisions if covers(own, code)]
        if not found:
            raise UnknownMember(f"nobody answers for division {code[:12]!r}")
        return max(found, key=lambda pair: pair[0])[1]

    def key(self, kid: str) -> TrustedKey:
        """The key of that name; UnknownKey."""
        if kid not in self._by_kid:
            raise UnknownKey(f"no key {kid[:64]!r}")
        return self._by_kid[kid][1]

    def owner(self, kid: str) -> Member:
        """The member whose key it is; UnknownKey."""
        if kid not in self._by_kid:
            raise UnknownKey(f"no key {kid[:64]!r}")
        return self._by_kid[kid][0]

    def encryption_key(self, member: str, now: datetime) -> EncryptionKey:
        """The key to seal with for a member today, the newest if several are valid; UnknownMember, NoKeyAvailable."""
        self.check_current(now)
        usable = [
            key
            for key in self.member(member).keys
            if key.use == "enc" and key.nbf <= now < key.naf and key.compromised_at is None
        ]
        if not usable:
            raise NoKeyAvailable(f"{member} has no key to seal with")
        newest = max(usable, key=lambda key: (key.nbf, key.kid))
        return EncryptionKey.from_jwk(dict(newest.jwk), newest.suite)

    def verify_key(
        self, kid: str, *, member: str, typ: str, signed_at: datetime, logged_at: datetime | None = None
    ) -> VerifyKey:
        """The key that verifies a document of type `typ` which `member` says it signed at `signed_at`.

        `logged_at` is when the audit log took the document up; only that saves a document of a key since reported stolen.
        Raises UnknownIssuer, UnknownKey, IssuerNotEntitled, KeyNotValid, KeyCompromised, UnknownSuite.
        """
        try:
            owner, key = self.owner(kid), self.key(kid)
        except UnknownKey as error:
            raise UnknownIssuer(error.detail) from None
        if owner.name != member:
            raise UnknownKey("the key belongs to another member")
        if key.use != "sig":
            raise UnknownKey("the key is not for signing")
        if typ not in key.types:
            raise IssuerNotEntitled(f"{member} may not sign {typ[:64]} with this key")
        if not key.nbf <= signed_at < key.naf:
            raise KeyNotValid
        if key.compromised_at is not None and (logged_at is None or logged_at >= key.compromised_at):
            raise KeyCompromised
        return VerifyKey.from_jwk(dict(key.jwk), key.suite)

    def check_division(self, member: str, division: str) -> None:
        """IssuerNotEntitled unless the division is the member's own or lies in one of its own."""
        if not any(covers(own, division) for own in self.member(member).divisions):
            raise IssuerNotEntitled(f"{member} does not answer for {division[:12]}")

    @classmethod
    def verify(
        cls,
        data: bytes,
        roots: Collection[VerifyKey],
        threshold: int = 2,
        *,
        now: datetime,
        last_version: int = 0,
        last_digest: str | None = None,
    ) -> Self:
        """The list, once `threshold` different roots signed it, it is not older than the last one seen, and current.

        `last_digest` is the digest of the list last seen: two lists of one version are a fraud. Raises
        MalformedTrustList, AlgorithmRefused, BadSignature (a root's signature that does not match), TooFewSignatures,
        RollbackRefused, NotYetValid, TrustListStale.
        """
        known = {root.kid: root for root in roots}
        if not 1 <= threshold <= len(known):
            raise ValueError("the threshold must be between one and the number of roots")
        payload, signed_by = trust_format.read_signed(data, known)
        if len(signed_by) < threshold:
            raise TooFewSignatures(f"{len(signed_by)} of {threshold}")
        found = cls(*trust_format.read(payload))
        if found.payload() != payload:
            raise MalformedTrustList("not in the one spelling")
        if found.version < last_version:
            raise RollbackRefused(f"version {found.version} after version {last_version}")
        if found.version == last_version and last_digest is not None and found.digest != last_digest:
            raise RollbackRefused(f"another list of version {last_version}")
        found.check_current(now)
        return found


def verify(
    data: bytes,
    roots: Collection[VerifyKey],
    threshold: int = 2,
    *,
    now: datetime,
    last_version: int = 0,
    last_digest: str | None = None,
) -> TrustList:
    """See TrustList.verify."""
    return TrustList.verify(data, roots, threshold, now=now, last_version=last_version, last_digest=last_digest)


def countersign(data: bytes, root: Signer) -> bytes:
    """Add one root's signature to a signed list, unread: roots sign one after the other, each on its own machine."""
    return trust_format.countersign(data, root)


def _require_unique(values: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise MalformedTrustList(f"{what} {value[:64]!r} occurs twice")
        seen.add(value)
