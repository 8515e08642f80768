"""The trust list on the wire: JSON of one spelling inside a general JWS (RFC 7515 §7.2.1), one signature for each root.

Every member and key is checked when it is made, so that a list that exists is well-formed. A key of a suite this
installation does not know is carried, and refused only when it is to be used.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal

from certs.divisions import is_division
from certs.encoding import b64url, dump_json, load_object, unb64url
from certs.errors import AlgorithmRefused, MalformedKey, MalformedTrustList, UnknownSuite
from certs.instants import instant, seconds, utc
from certs.keys import EncryptionKey, Signer, VerifyKey

TYP: Final = "lianqiao-trust+jws"
MAX_BYTES: Final = 8 << 20
_MAX_SIGNATURES: Final = 16
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
_SUITE: Final = re.compile(r"[a-z0-9-]{1,32}", re.ASCII)

Use = Literal["sig", "enc"]


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key: what it is for, when it counts (`nbf` ≤ t < `naf`), and since when it is known to be stolen."""

    kid: str
    use: Use
    suite: str
    types: frozenset[str]
    nbf: datetime
    naf: datetime
    compromised_at: datetime | None
    jwk: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        key: VerifyKey | EncryptionKey,
        *,
        nbf: datetime,
        naf: datetime,
        types: frozenset[str] | set[str] = frozenset(),
        compromised_at: datetime | None = None,
    ) -> "TrustedKey":
        """The entry for a key; `types` are the record kinds and other documents it may sign."""
        use: Use = "sig" if isinstance(key, VerifyKey) else "enc"
        return cls(key.kid, use, key.suite, frozenset(types), nbf, naf, compromised_at, key.to_jwk())

    def __post_init__(self) -> None:
        object.__setattr__(self, "jwk", MappingProxyType(dict(self.jwk)))
        object.__setattr__(self, "types", frozenset(self.types))
        object.__setattr__(self, "nbf", utc(self.nbf))
        object.__setattr__(self, "naf", utc(self.naf))
        if self.compromised_at is not None:
            object.__setattr__(self, "compromised_at", utc(self.compromised_at))
        if self.use not in ("sig", "enc") or not _SUITE.fullmatch(self.suite):
            raise MalformedTrustList("a key's use is sig or enc, its suite a short name")
        if not self.nbf < self.naf or not all(_NAME.fullmatch(typ) for typ in self.types):
            raise MalformedTrustList(f"key {self.kid[:64]!r}: its period or types are wrong")
        if self.jwk.get("kid") != self.kid:
            raise MalformedTrustList(f"key {self.kid[:64]!r}: its JWK has another name")
        self._check_material()

    def _check_material(self) -> None:
        try:
            if self.use == "sig":
                VerifyKey.from_jwk(dict(self.jwk), self.suite)
            else:
                EncryptionKey.from_jwk(dict(self.jwk), self.suite)
        except MalformedKey as error:
            raise MalformedTrustList(f"key {self.kid[:64]!r}: {error.detail}") from None
        except UnknownSuite:
            if "d" in self.jwk or "priv" in self.jwk:
                raise MalformedTrustList("a private key in a public list") from None


@dataclass(frozen=True, slots=True)
class Member:
    """A participant: its name, the divisions it answers for (12 digits each), what people call it, its keys."""

    name: str
    divisions: tuple[str, ...]
    display: str
    keys: tuple[TrustedKey, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "divisions", tuple(self.divisions))
        object.__setattr__(self, "keys", tuple(self.keys))
        if not _NAME.fullmatch(self.name) or not 1 <= len(self.display) <= 200:
            raise MalformedTrustList("a member's name is a slug, its display a short text")
        if not all(is_division(code) for code in self.divisions):
            raise MalformedTrustList(f"{self.name}: a division has twelve digits")


def write(version: int, issued_at: datetime, next_update: datetime, members: Sequence[Member]) -> bytes:
    """The payload."""
    return dump_json(
        {
            "version": version,
            "issued_at": seconds(issued_at),
            "next_update": seconds(next_update),
            "members": [_write_member(member) for member in members],
        }
    )


def _write_member(member: Member) -> dict[str, Any]:
    return {
        "name": member.name,
        "divisions": list(member.divisions),
        "display": member.display,
        "keys": [_write_key(key) for key in member.keys],
    }


def _write_key(key: TrustedKey) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "use": key.use,
        "suite": key.suite,
        "types": sorted(key.types),
        "nbf": seconds(key.nbf),
        "naf": seconds(key.naf),
        "compromised_at": None if key.compromised_at is None else seconds(key.compromised_at),
        "jwk": dict(key.jwk),
    }


def read(payload: bytes) -> tuple[int, datetime, datetime, tuple[Member, ...]]:
    """The parts of a payload; MalformedTrustList."""
    try:
        match load_object(payload, max_bytes=MAX_BYTES):
            case {
                "version": int(version),
                "issued_at": issued,
                "next_update": due,
                "members": list(members),
                **rest,
            } if not rest and type(version) is int:
                return version, instant(issued), instant(due), tuple(_read_member(entry) for entry in members)
    except ValueError as error:
        raise MalformedTrustList(str(error)) from None
    raise MalformedTrustList("version, issued_at, next_update and members are needed")


def _read_member(entry: object) -> Member:
    match entry:
        case {
            "name": str(name),
            "divisions": list(divisions),
            "display": str(display),
            "keys": list(keys),
            **rest,
        } if not rest:
            return Member(name, tuple(divisions), display, tuple(_read_key(key) for key in keys))
    raise MalformedTrustList("a member has a name, divisions, a display and keys")


def _read_key(entry: object) -> TrustedKey:
    match entry:
        case {
            "kid": str(kid),
            "use": ("sig" | "enc") as use,
            "suite": str(suite),
            "types": list(types),
            "nbf": nbf,
            "naf": naf,
            "compromised_at": stolen,
            "jwk": dict(jwk),
            **rest,
        } if not rest and all(isinstance(typ, str) for typ in types):
            moment = None if stolen is None else instant(stolen)
            return TrustedKey(kid, use, suite, frozenset(types), instant(nbf), instant(naf), moment, jwk)
    raise MalformedTrustList("a key has kid, use, suite, types, nbf, naf, compromised_at and jwk")


def sign(payload: bytes, roots: Sequence[Signer]) -> bytes:
    """General JWS JSON with one signature for each root."""
    segment = b64url(payload)
    return dump_json({"payload": segment, "signatures": [_signature(segment, root) for root in roots]})


def countersign(data: bytes, root: Signer) -> bytes:
    """One more signature; a root that signed already signs anew."""
    segment, signatures = _open(data)
    kept = [entry for entry in signatures if _protected(entry).get("kid") != root.kid]
    return dump_json({"payload": segment, "signatures": [*kept, _signature(segment, root)]})


def read_signed(data: bytes, roots: Mapping[str, VerifyKey]) -> tuple[bytes, frozenset[str]]:
    """The payload, and which of the roots signed it; a signature of somebody unknown is ignored, a wrong one is not."""
    segment, signatures = _open(data)
    signed_by: set[str] = set()
    for entry in signatures:
        header = _protected(entry)
        kid = header.get("kid")
        if not isinstance(kid, str) or kid not in roots:
            continue
        root = roots[kid]
        if header != {"alg": root.alg, "kid": root.kid, "typ": TYP}:
            raise AlgorithmRefused(f"the root signs with {root.alg} as {TYP}")
        root.verify(f"{entry['protected']}.{segment}".encode("ascii"), _bytes(entry["signature"]))
        signed_by.add(root.kid)
    return _bytes(segment), frozenset(signed_by)


def _signature(segment: str, root: Signer) -> dict[str, str]:
    protected = b64url(dump_json({"alg": root.alg, "kid": root.kid, "typ": TYP}))
    return {"protected": protected, "signature": b64url(root.sign(f"{protected}.{segment}".encode("ascii")))}


def _open(data: bytes) -> tuple[str, list[dict[str, str]]]:
    try:
        outer = load_object(data, max_bytes=2 * MAX_BYTES)
    except ValueError as error:
        raise MalformedTrustList(str(error)) from None
    match outer:
        case {"payload": str(segment), "signatures": list(entries), **rest} if not rest and segment.isascii():
            if len(entries) > _MAX_SIGNATURES or not all(_is_signature(entry) for entry in entries):
                raise MalformedTrustList("a signature has a protected header and a value")
            return segment, entries
    raise MalformedTrustList("not a general JWS")


def _is_signature(entry: object) -> bool:
    match entry:
        case {"protected": str(protected), "signature": str(), **rest}:
            return not rest and protected.isascii()
    return False


def _protected(entry: dict[str, str]) -> dict[str, Any]:
    try:
        return load_object(_bytes(entry["protected"]), max_bytes=1024)
    except ValueError:
        raise MalformedTrustList("a signature's header is damaged") from None


def _bytes(text: str) -> bytes:
    try:
        return unb64url(text)
    except ValueError:
        raise MalformedTrustList("not base64url") from None
