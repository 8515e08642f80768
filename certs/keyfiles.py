"""Private keys as bytes to be kept in a file: a JWE (RFC 7516, `dir` with A256GCM) under a key that scrypt derives.

The scrypt parameters stand in the protected header, so they are authenticated; on reading they are bounded both ways:
below is too weak, above would exhaust the machine. Reading and writing the file is the caller's business.
"""

import secrets
from typing import Any, Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.registry import HeaderParameter

from certs.encoding import b64url, dump_json, load_object, unb64url
from certs.errors import MalformedKey, WrongPassphrase

_COST: Final = {"n": 1 << 15, "r": 8, "p": 3}
"""32 MiB and about a quarter of a second: OWASP's advice for servers."""

_MAX_MEMORY: Final = 256 << 20
_MAX_FILE: Final = 16_384
_KDF: Final = "scrypt"
_TYPE: Final = "lianqiao-key"

_HEADER: Final = {
    name: HeaderParameter(name, kind, True)
    for name, kind in {"kdf": "str", "n": "int", "r": "int", "p": "int", "salt": "str"}.items()
}
_REGISTRY: Final = jwe.JWERegistry(header_registry=_HEADER, algorithms=["dir", "A256GCM"])


def lock(jwk: dict[str, Any], passphrase: str) -> bytes:
    """Encrypt a private JWK; the result is ASCII."""
    salt = secrets.token_bytes(16)
    header = {"alg": "dir", "enc": "A256GCM", "typ": _TYPE, "kid": jwk["kid"]}
    header |= {"kdf": _KDF, "salt": b64url(salt), **_COST}
    key = _derive(passphrase, salt, **_COST)
    return jwe.encrypt_compact(header, dump_json(jwk), key, registry=_REGISTRY).encode("ascii") + b"\n"


def unlock(data: bytes, passphrase: str) -> dict[str, Any]:
    """The private JWK; WrongPassphrase (also when the file was changed), MalformedKey (not a key file)."""
    token = data.strip()
    header = _read_header(token)
    try:
        salt = unb64url(header["salt"])
    except ValueError:
        raise MalformedKey("the key file's salt is damaged") from None
    key = _derive(passphrase, salt, n=header["n"], r=header["r"], p=header["p"])
    try:
        opened = jwe.decrypt_compact(token, key, registry=_REGISTRY).plaintext
    except (JoseError, ValueError):
        raise WrongPassphrase from None
    if opened is None:
        raise WrongPassphrase
    try:
        return load_object(opened, max_bytes=_MAX_FILE)
    except ValueError:
        raise MalformedKey("the key file holds something else than a key") from None


def _read_header(token: bytes) -> dict[str, Any]:
    if len(token) > _MAX_FILE:
        raise MalformedKey("too long for a key file")
    try:
        header = load_object(unb64url(token.split(b".")[0].decode("ascii")), max_bytes=1024)
    except ValueError:
        raise MalformedKey("not a key file") from None
    if header.get("typ") != _TYPE or header.get("kdf") != _KDF or header.get("alg") != "dir":
        raise MalformedKey("not a key file of this kind")
    n, r, p = header.get("n"), header.get("r"), header.get("p")
    if not (type(n) is type(r) is type(p) is int and isinstance(header.get("salt"), str)):
        raise MalformedKey("the key file's parameters are missing")
    weak = n < _COST["n"] or r < _COST["r"] or p < 1
    if weak or n & (n - 1) or p > 16 or 128 * n * r > _MAX_MEMORY:
        raise MalformedKey("the key file's scrypt parameters are out of bounds")
    return header


def _derive(passphrase: str, salt: bytes, *, n: int, r: int, p: int) -> OctKey:
    if len(salt) < 16:
        raise MalformedKey("the key file's salt is too short")
    return OctKey.import_key(Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(passphrase.encode("utf-8")))
