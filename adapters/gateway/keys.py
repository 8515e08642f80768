"""The member's own keys in encrypted files, one for each use: `auth` (signs in), `sig` (signs records), `enc` (opens what is sealed).

Files are named `<use>-<UTC time>.key`, mode 0600 in a folder of mode 0700; anything more open is refused. Several keys of one use
may lie side by side while they are being replaced: all are read, and the trust list decides which one is used today.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from adapters.errors import ConfigError
from adapters.gateway.config import KeySettings, read_secret
from certs.errors import CertsError
from certs.keys import DecryptionKey, SigningKey

Key = TypeVar("Key")
USES = ("auth", "sig", "enc")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All key files of the folder, by use, the newest first. Never empty."""

    auth: tuple[SigningKey, ...]
    sig: tuple[SigningKey, ...]
    enc: tuple[DecryptionKey, ...]

    @property
    def kids(self) -> frozenset[str]:
        """The names of all of them."""
        return frozenset((*(key.kid for key in (*self.auth, *self.sig)), *(key.kid for key in self.enc)))

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public halves (RFC 7517). `purpose` tells the two signing keys apart when the member is enrolled."""
        return {
            "keys": [
                *({**key.public.to_jwk(), "purpose": "auth"} for key in self.auth),
                *({**key.public.to_jwk(), "purpose": "sig"} for key in self.sig),
                *({**key.public.to_jwk(), "purpose": "enc"} for key in self.enc),
            ]
        }


def load(settings: KeySettings) -> KeyRing:
    """Read every key file. Raises ConfigError: missing, exposed, damaged, wrong passphrase."""
    passphrase = read_secret(settings.passphrase_file).decode("utf-8", "surrogateescape")
    _check_folder(settings.folder)
    _check_files(settings.folder)
    # Deriving the file keys is made slow on purpose; the three uses wait for it together.
    with ThreadPoolExecutor(len(USES)) as threads:
        auth = threads.submit(_load, settings.folder, "auth", lambda data: SigningKey.unlock(data, passphrase))
        sig = threads.submit(_load, settings.folder, "sig", lambda data: SigningKey.unlock(data, passphrase))
        enc = threads.submit(_load, settings.folder, "enc", lambda data: DecryptionKey.unlock(data, passphrase))
        return KeyRing(auth.result(), sig.result(), enc.result())


def generate(settings: KeySettings, *, now: datetime, renew: frozenset[str] = frozenset()) -> list[Path]:
    """Make the keys that are missing, and a further one for each use in `renew`; the files written."""
    passphrase = read_secret(settings.passphrase_file).decode("utf-8", "surrogateescape")
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_folder(settings.folder)
    written = []
    for use in USES:
        if use in renew or not _files(settings.folder, use):
            key = DecryptionKey.generate() if use == "enc" else SigningKey.generate()
            path = settings.folder / f"{use}-{now:%Y%m%dT%H%M%S%fZ}.key"
            _write(path, key.lock(passphrase))
            written.append(path)
    return written


def _load(folder: Path, use: str, unlock: Callable[[bytes], Key]) -> tuple[Key, ...]:
    found = []
    for path in _files(folder, use):
        try:
            found.append(unlock(path.read_bytes()))
        except CertsError as error:
            raise ConfigError(f"{path}: {error.message.en}", code=error.code) from error
    return tuple(found)


def _files(folder: Path, use: str) -> list[Path]:
    return sorted(folder.glob(f"{use}-*.key"), reverse=True)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError(f"the key folder {folder} does not exist; run: gateway keygen", code="keys-missing")
    if folder.stat().st_mode & 0o077:
        raise ConfigError(f"{folder} is open to other users; run: chmod 700 {folder}", code="keys-exposed")


def _check_files(folder: Path) -> None:
    for use in USES:
        files = _files(folder, use)
        if not files:
            raise ConfigError(f"no {use} key in {folder}; run: gateway keygen", code="keys-missing")
        for path in files:
            if path.is_symlink() or path.stat().st_mode & 0o077:
                raise ConfigError(f"{path} is open to other users; run: chmod 600 {path}", code="keys-exposed")


def _write(path: Path, content: bytes) -> None:
    """Written in full and durable before the name appears: a crash leaves no half key."""
    beside = path.with_suffix(".part")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
