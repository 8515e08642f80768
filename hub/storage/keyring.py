"""The hub's own private keys as files, each sealed under the master key.

`sign` signs receipts, access tokens, checkpoints and status lists; `root-1` to `root-3` sign the trust list. In a real
deployment the three roots live with three officers; the files may then be absent here.
"""

from pathlib import Path

import orjson

from certs.keys import SigningKey
from hub.errors import HubError
from hub.storage import durable
from hub.storage.vault import Vault

ROOTS = ("root-1", "root-2", "root-3")


def create(folder: Path, vault: Vault, name: str) -> SigningKey:
    """Make and store a key. Raises FileExistsError rather than replace one."""
    key = SigningKey.generate()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.write(folder / f"{name}.key", vault.seal(orjson.dumps(key.to_jwk())), replace=False)
    return key


def exists(folder: Path, name: str) -> bool:
    """Is there a key of that name?"""
    return (folder / f"{name}.key").exists()


def load(folder: Path, vault: Vault, name: str) -> SigningKey:
    """The key of that name. Raises HubError `no-hub-key` with what to do."""
    try:
        return SigningKey.from_jwk(orjson.loads(vault.open((folder / f"{name}.key").read_bytes())))
    except FileNotFoundError as error:
        raise HubError("no-hub-key", f"The hub's key {name!r} is missing in {folder}. Run `hub init` first.") from error


def move(folder: Path, vault: Vault, name: str, to: Path, passphrase: str) -> None:
    """Take a root key away: into a new file under `passphrase`, and from here once that is safely written.

    Raises HubError `no-hub-key` for what is no root key that is here, or a file that is there.
    """
    if name not in ROOTS:
        raise HubError("no-hub-key", f"Only {', '.join(ROOTS)} may be taken away.")
    locked = load(folder, vault, name).lock(passphrase)
    if to.exists():
        raise HubError("no-hub-key", f"There is a file {to} already; a key is not written over it.")
    durable.write(to, locked, replace=False)
    (folder / f"{name}.key").unlink()
