"""Encryption at rest and blind indexes, both from one master key.

Whatever a county sent about a person is stored as `seal()`ed bytes (AES-256-GCM, RFC 5116, random 96-bit nonce);
equality is searched with `blind()` (HMAC-SHA-256, cut to 16 bytes, one key a purpose); `authenticate()` says that the
hub wrote something. Keys are derived with HKDF.
"""

import base64
import hashlib
import hmac
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.errors import HubError
from hub.storage import durable

_NONCE = 12
_VERSION = b"\x01"


class Vault:
    """Holds the derived keys in memory; never logged, never pickled."""

    def __init__(self, master: bytes) -> None:
        """`master`: 32 bytes. Raises ValueError for any other length."""
        if len(master) != 32:
            raise ValueError("the master key must be 32 bytes")
        self._aead = AESGCM(_derive(master, b"at-rest"))
        # HMAC (RFC 2104) with both blocks of its key hashed beforehand: a third of the time for the short values here.
        key = _derive(master, b"blind-index").ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        self.blocking_secret = _derive(master, b"blocking-keys")
        self.cursor_secret = _derive(master, b"cursors")
        self._rows = _derive(master, b"rows")
        self._search = _derive(master, b"search")

    def seal(self, plain: bytes) -> bytes:
        """`plain` encrypted: version, nonce, ciphertext and tag (29 bytes longer)."""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._aead.encrypt(nonce, plain, _VERSION)

    def open(self, sealed: bytes) -> bytes:
        """The plain bytes. Raises HubError `wrong-key` when the key or the bytes are not the ones."""
        if sealed[:1] != _VERSION or len(sealed) <= _NONCE + len(_VERSION):
            raise HubError("wrong-key", "A stored value is cut off or has an unknown encryption version.")
        try:
            return self._aead.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], _VERSION)
        except InvalidTag as error:
            raise HubError("wrong-key", "A stored value does not open with this hub's master key.") from error

    def blind(self, purpose: str, *values: str) -> bytes:
        """16 bytes that are equal exactly when `purpose` and `values` are; reveals nothing without the key."""
        # Each part behind its length: whatever stands in the parts, two lists of them never read the same.
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update("".join([f"{len(part)}:{part}" for part in (purpose, *values)]).encode())
        outer.update(inner.digest())
        return outer.digest()[:16]

    def searched(self, member_id: int, texts: Iterable[str]) -> list[int]:
        """64-bit stand-ins for what a member's resource says, or is asked to say; another member's are others."""
        # BLAKE2b (RFC 7693) with a key, begun once: a few hundred nanoseconds a text.
        begun = hashlib.blake2b(member_id.to_bytes(8, "big", signed=True), digest_size=8, key=self._search)
        found = bytearray()
        for text in texts:
            made = begun.copy()
            made.update(text.encode("utf-8", "surrogatepass"))
            found += made.digest()
        return list(struct.unpack(f">{len(found) // 8}q", found))

    def authenticate(self, said: bytes) -> bytes:
        """32 bytes that only this hub can make of `said` (HMAC-SHA-256)."""
        return hmac.digest(self._rows, said, hashlib.sha256)


def _derive(master: bytes, label: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"lianqiao/" + label).derive(master)


def create_master_key(path: Path) -> None:
    """Write a new random master key, readable by its owner only. Raises FileExistsError rather than replace one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.write(path, base64.b64encode(os.urandom(32)) + b"\n", replace=False)


def read_master_key(path: Path) -> Vault:
    """The vault of the key at `path`. Raises HubError `no-master-key` with what to do."""
    try:
        return Vault(base64.b64decode(path.read_text().strip(), validate=True))
    except FileNotFoundError as error:
        raise HubError("no-master-key", f"There is no master key at {path}. Run `hub init` first.") from error
    except ValueError as error:
        raise HubError("no-master-key", f"The master key at {path} is not 32 bytes in base64.") from error
