"""Keys: signing and verifying, decrypting and encrypting; each knows its suite and its name (`kid`, RFC 7638 thumbprint).

Private keys leave this module only on purpose (`to_jwk`, `lock`); their repr shows the name alone. `Signer` is what the
rest of the package needs to sign, so that a key in a hardware token can take the place of a SigningKey.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from certs import keyfiles
from certs.errors import MalformedKey
from certs.suites import INTL_1, Jwk, KeyForm, SealingScheme, SigningScheme, suite_named


class Signer(Protocol):
    """Somebody who can sign: the private key itself, or a token that holds it."""

    @property
    def suite(self) -> str: ...
    @property
    def kid(self) -> str: ...
    @property
    def alg(self) -> str: ...
    @property
    def public(self) -> "VerifyKey": ...
    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public signing key."""

    suite: str
    kid: str
    handle: Any = field(repr=False, compare=False)

    @property
    def _scheme(self) -> SigningScheme:
        return suite_named(self.suite).signing

    @property
    def alg(self) -> str:
        """JWS algorithm name; the only one accepted with this key."""
        return self._scheme.alg

    def verify(self, data: bytes, signature: bytes) -> None:
        """BadSignature unless `signature` is this key's over `data`."""
        self._scheme.verify(self.handle, data, signature)

    def subject_public_key_info(self) -> bytes:
        """DER, as other tools read it."""
        return self._scheme.subject_public_key_info(self.handle)

    def to_jwk(self) -> Jwk:
        """Public JWK with `kid`, `use`, `alg` and `suite`."""
        public = self._scheme.dump_public(self.handle)
        return {**public, "kid": self.kid, "use": "sig", "alg": self.alg, "suite": self.suite}

    @classmethod
    def from_jwk(cls, jwk: Jwk, suite: str | None = None) -> Self:
        """Read a public JWK; MalformedKey if it is damaged, private or named wrongly, UnknownSuite."""
        name = _suite_of(jwk, suite)
        handle, kid = _read_public(suite_named(name).signing, jwk, "sig")
        return cls(name, kid, handle)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private signing key."""

    suite: str
    kid: str
    handle: Any = field(repr=False, compare=False)

    @classmethod
    def generate(cls, suite: str = INTL_1.name) -> Self:
        """A new key of the suite."""
        return cls._of(suite, suite_named(suite).signing.generate())

    @classmethod
    def _of(cls, suite: str, handle: Any) -> Self:
        scheme = suite_named(suite).signing
        return cls(suite, scheme.thumbprint(scheme.public_of(handle)), handle)

    @property
    def _scheme(self) -> SigningScheme:
        return suite_named(self.suite).signing

    @property
    def alg(self) -> str:
        """JWS algorithm name."""
        return self._scheme.alg

    @property
    def public(self) -> VerifyKey:
        """The key that verifies what this one signs."""
        return VerifyKey(self.suite, self.kid, self._scheme.public_of(self.handle))

    def sign(self, data: bytes) -> bytes:
        """Signature over `data` in its JOSE form."""
        return self._scheme.sign(self.handle, data)

    def to_jwk(self) -> Jwk:
        """Private JWK, unprotected: for tests and for handing to a vault."""
        return {**self.public.to_jwk(), **self._scheme.dump_private(self.handle)}

    @classmethod
    def from_jwk(cls, jwk: Jwk, suite: str | None = None) -> Self:
        """Read a private JWK."""
        name = _suite_of(jwk, suite)
        key = cls._of(name, _read_private(suite_named(name).signing, jwk, "sig"))
        _check_kid(jwk, key.kid)
        return key

    def lock(self, passphrase: str) -> bytes:
        """The content of a key file, encrypted under the passphrase."""
        return keyfiles.lock(self.to_jwk(), passphrase)

    @classmethod
    def unlock(cls, data: bytes, passphrase: str) -> Self:
        """The key of a key file; WrongPassphrase, MalformedKey."""
        return cls.from_jwk(keyfiles.unlock(data, passphrase))


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A public key to seal for."""

    suite: str
    kid: str
    handle: Any = field(repr=False, compare=False)

    @property
    def _scheme(self) -> SealingScheme:
        return suite_named(self.suite).sealing

    def seal(self, plaintext: bytes, info: bytes) -> bytes:
        """Ciphertext that only the owner of the private key opens, and only with the same `info`."""
        return self._scheme.seal(self.handle, plaintext, info)

    def to_jwk(self) -> Jwk:
        """Public JWK with `kid`, `use` and `suite`."""
        return {**self._scheme.dump_public(self.handle), "kid": self.kid, "use": "enc", "suite": self.suite}

    @classmethod
    def from_jwk(cls, jwk: Jwk, suite: str | None = None) -> Self:
        """Read a public JWK; MalformedKey if it is damaged, private or named wrongly, UnknownSuite."""
        name = _suite_of(jwk, suite)
        handle, kid = _read_public(suite_named(name).sealing, jwk, "enc")
        return cls(name, kid, handle)


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """A private key to open with."""

    suite: str
    kid: str
    handle: Any = field(repr=False, compare=False)

    @classmethod
    def generate(cls, suite: str = INTL_1.name) -> Self:
        """A new key of the suite."""
        return cls._of(suite, suite_named(suite).sealing.generate())

    @classmethod
    def _of(cls, suite: str, handle: Any) -> Self:
        scheme = suite_named(suite).sealing
        return cls(suite, scheme.thumbprint(scheme.public_of(handle)), handle)

    @property
    def _scheme(self) -> SealingScheme:
        return suite_named(self.suite).sealing

    @property
    def public(self) -> EncryptionKey:
        """The key to seal with for this one."""
        return EncryptionKey(self.suite, self.kid, self._scheme.public_of(self.handle))

    def open(self, ciphertext: bytes, info: bytes) -> bytes:
        """The plaintext; OpenFailed if anything was changed."""
        return self._scheme.open(self.handle, ciphertext, info)

    def to_jwk(self) -> Jwk:
        """Private JWK, unprotected: for tests and for handing to a vault."""
        return {**self.public.to_jwk(), **self._scheme.dump_private(self.handle)}

    @classmethod
    def from_jwk(cls, jwk: Jwk, suite: str | None = None) -> Self:
        """Read a private JWK."""
        name = _suite_of(jwk, suite)
        key = cls._of(name, _read_private(suite_named(name).sealing, jwk, "enc"))
        _check_kid(jwk, key.kid)
        return key

    def lock(self, passphrase: str) -> bytes:
        """The content of a key file, encrypted under the passphrase."""
        return keyfiles.lock(self.to_jwk(), passphrase)

    @classmethod
    def unlock(cls, data: bytes, passphrase: str) -> Self:
        """The key of a key file; WrongPassphrase, MalformedKey."""
        return cls.from_jwk(keyfiles.unlock(data, passphrase))


def _suite_of(jwk: Jwk, suite: str | None) -> str:
    """The suite asked for, else the one written in the key, else intl-1 (a holder's wallet writes plain JWKs)."""
    written = jwk.get("suite", suite or INTL_1.name)
    if not isinstance(written, str) or (suite is not None and written != suite):
        raise MalformedKey("the key is of another suite")
    return written


def _read_public(scheme: KeyForm, jwk: Jwk, use: str) -> tuple[Any, str]:
    if "d" in jwk or "priv" in jwk:
        raise MalformedKey("a private key was given where a public one belongs")
    _check_use(jwk, use)
    handle = scheme.load_public(jwk)
    kid = scheme.thumbprint(handle)
    _check_kid(jwk, kid)
    return handle, kid


def _read_private(scheme: KeyForm, jwk: Jwk, use: str) -> Any:
    _check_use(jwk, use)
    return scheme.load_private(jwk)


def _check_use(jwk: Jwk, use: str) -> None:
    if jwk.get("use", use) != use:
        raise MalformedKey(f"the key is not for {use!r}")


def _check_kid(jwk: Jwk, kid: str) -> None:
    if jwk.get("kid", kid) != kid:
        raise MalformedKey("the key's name is not its thumbprint")
