"""Which algorithms a suite name stands for. A suite belongs to a key in the trust list; a message never chooses one.

A further suite (the national algorithms, a post-quantum hybrid) is one more entry in `_SUITES`: an object with the
methods of SigningScheme and one with those of SealingScheme. Keys are opaque to everything outside their scheme.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from certs.errors import BadSignature, MalformedKey, OpenFailed, UnknownSuite

Jwk = dict[str, Any]


class KeyForm(Protocol):
    """How the keys of one scheme are made and written (RFC 7517 JWK, RFC 7638 thumbprint)."""

    def generate(self) -> Any: ...
    def public_of(self, private: Any) -> Any: ...
    def load_private(self, jwk: Jwk) -> Any: ...
    def load_public(self, jwk: Jwk) -> Any: ...
    def dump_private(self, private: Any) -> Jwk: ...
    def dump_public(self, public: Any) -> Jwk: ...
    def thumbprint(self, public: Any) -> str: ...


class SigningScheme(KeyForm, Protocol):
    """Signatures travel in their JOSE form; `to_der`/`from_der` give the ASN.1 form that signed notes carry."""

    alg: str

    def sign(self, private: Any, data: bytes) -> bytes: ...
    def verify(self, public: Any, data: bytes, signature: bytes) -> None: ...
    def subject_public_key_info(self, public: Any) -> bytes: ...
    def to_der(self, signature: bytes) -> bytes: ...
    def from_der(self, signature: bytes) -> bytes: ...


class SealingScheme(KeyForm, Protocol):
    """Single-shot public-key encryption; `info` is authenticated, not sent."""

    def seal(self, public: Any, plaintext: bytes, info: bytes) -> bytes: ...
    def open(self, private: Any, ciphertext: bytes, info: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Suite:
    """A name and what it stands for."""

    name: str
    signing: SigningScheme
    sealing: SealingScheme


class Es256:
    """ECDSA on P-256 with SHA-256 (RFC 7518 §3.4)."""

    alg = "ES256"
    _half = 32

    def generate(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    def public_of(self, private: ec.EllipticCurvePrivateKey) -> ec.EllipticCurvePublicKey:
        return private.public_key()

    def load_private(self, jwk: Jwk) -> ec.EllipticCurvePrivateKey:
        key = _load_ec(jwk, "kty", "crv", "x", "y", "d").private_key
        if key is None:
            raise MalformedKey("the private part is missing")
        return key

    def load_public(self, jwk: Jwk) -> ec.EllipticCurvePublicKey:
        return _load_ec(jwk, "kty", "crv", "x", "y").public_key

    def dump_private(self, private: ec.EllipticCurvePrivateKey) -> Jwk:
        return dict(ECKey.import_key(private).as_dict(private=True))

    def dump_public(self, public: ec.EllipticCurvePublicKey) -> Jwk:
        return dict(ECKey.import_key(public).as_dict(private=False))

    def thumbprint(self, public: ec.EllipticCurvePublicKey) -> str:
        return ECKey.import_key(public).thumbprint()

    def sign(self, private: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
        return self.from_der(private.sign(data, ec.ECDSA(hashes.SHA256())))

    def verify(self, public: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> None:
        try:
            public.verify(self.to_der(signature), data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise BadSignature from None

    def subject_public_key_info(self, public: ec.EllipticCurvePublicKey) -> bytes:
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def to_der(self, signature: bytes) -> bytes:
        if len(signature) != 2 * self._half:
            raise BadSignature(f"an {self.alg} signature has {2 * self._half} bytes, not {len(signature)}")
        return encode_dss_signature(
            int.from_bytes(signature[: self._half], "big"), int.from_bytes(signature[self._half :], "big")
        )

    def from_der(self, signature: bytes) -> bytes:
        try:
            r, s = decode_dss_signature(signature)
            return r.to_bytes(self._half, "big") + s.to_bytes(self._half, "big")
        except (ValueError, OverflowError):
            raise BadSignature("not an ECDSA signature") from None


class HpkeX25519:
    """HPKE base mode (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM."""

    _suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)

    def generate(self) -> x25519.X25519PrivateKey:
        return x25519.X25519PrivateKey.generate()

    def public_of(self, private: x25519.X25519PrivateKey) -> x25519.X25519PublicKey:
        return private.public_key()

    def load_private(self, jwk: Jwk) -> x25519.X25519PrivateKey:
        key = _load_okp(jwk, "kty", "crv", "x", "d").private_key
        if not isinstance(key, x25519.X25519PrivateKey):
            raise MalformedKey("the private part is missing")
        return key

    def load_public(self, jwk: Jwk) -> x25519.X25519PublicKey:
        key = _load_okp(jwk, "kty", "crv", "x").public_key
        if not isinstance(key, x25519.X25519PublicKey):
            raise MalformedKey("not an X25519 key")
        return key

    def dump_private(self, private: x25519.X25519PrivateKey) -> Jwk:
        return dict(OKPKey.import_key(private).as_dict(private=True))

    def dump_public(self, public: x25519.X25519PublicKey) -> Jwk:
        return dict(OKPKey.import_key(public).as_dict(private=False))

    def thumbprint(self, public: x25519.X25519PublicKey) -> str:
        return OKPKey.import_key(public).thumbprint()

    def seal(self, public: x25519.X25519PublicKey, plaintext: bytes, info: bytes) -> bytes:
        try:
            return self._suite.encrypt(plaintext, public, info=info)
        except ValueError:  # a point of low order, which would share a secret known to everybody
            raise MalformedKey("not a usable X25519 key") from None

    def open(self, private: x25519.X25519PrivateKey, ciphertext: bytes, info: bytes) -> bytes:
        try:
            return self._suite.decrypt(ciphertext, private, info=info)
        except InvalidTag:
            raise OpenFailed from None


def _members(jwk: Jwk, names: tuple[str, ...]) -> dict[str, str | list[str]]:
    picked: dict[str, str | list[str]] = {name: jwk[name] for name in names if isinstance(jwk.get(name), str)}
    if len(picked) != len(names):
        raise MalformedKey(f"a key needs the members {', '.join(names)}")
    return picked


def _load_ec(jwk: Jwk, *names: str) -> ECKey:
    members = _members(jwk, names)
    if (members["kty"], members["crv"]) != ("EC", "P-256"):
        raise MalformedKey("not a P-256 key")
    try:
        key = ECKey.import_key(members)
        _ = key.raw_value  # the point is checked to lie on the curve when the key is first used
    except (JoseError, ValueError):
        raise MalformedKey("not a point of P-256") from None
    return key


def _load_okp(jwk: Jwk, *names: str) -> OKPKey:
    members = _members(jwk, names)
    if (members["kty"], members["crv"]) != ("OKP", "X25519"):
        raise MalformedKey("not an X25519 key")
    try:
        key = OKPKey.import_key(members)
        _ = key.raw_value
    except (JoseError, ValueError):
        raise MalformedKey("not an X25519 key") from None
    return key


INTL_1: Final = Suite("intl-1", Es256(), HpkeX25519())

_SUITES: Final[dict[str, Suite]] = {suite.name: suite for suite in (INTL_1,)}


def suite_named(name: str) -> Suite:
    """The suite of that name; UnknownSuite if this installation does not have it."""
    try:
        return _SUITES[name]
    except KeyError:
        raise UnknownSuite(f"suite {name!r}") from None


def suite_names() -> tuple[str, ...]:
    """The suites of this installation."""
    return tuple(_SUITES)
