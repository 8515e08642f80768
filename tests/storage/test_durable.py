"""A process that dies while it writes a file leaves the whole of it or none, and the next one goes on."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hub.storage import durable, keyring
from hub.storage.embedded import EmbeddedPostgres
from hub.storage.vault import Vault, create_master_key, read_master_key

VAULT = Vault(bytes(32))
_DYING = """
import os, pathlib, sys
for name in ("fdopen", "fsync", "link", "replace"):
    if sys.argv[1] == name:
        setattr(os, name, lambda *_, **__: os._exit(9))
pathlib.Path.replace = lambda self, target: os.replace(self, target)
folder = pathlib.Path(sys.argv[2])
"""
_MASTER = "from hub.storage.vault import create_master_key; create_master_key(folder / 'master.key')"
_KEY = "from hub.storage import keyring, vault; keyring.create(folder, vault.Vault(bytes(32)), 'sign')"
_PASSWORD = "from hub.storage.embedded import EmbeddedPostgres as E; E._password(folder / 'postgres.password')"
_CONF = "from hub.storage.embedded import EmbeddedPostgres as E; E._write(folder / 'pg_hba.conf', 'local', like=folder)"


def dies(folder: Path, at: str, writing: str) -> None:
    """A process writes a file in `folder` and is gone at its call of `at`."""
    died = subprocess.run([sys.executable, "-c", _DYING + writing, at, str(folder)], check=False)
    assert died.returncode == 9


@pytest.mark.parametrize("at", ["fdopen", "fsync", "link"])
def test_a_death_leaves_no_half_key_and_no_half_password(at: str, tmp_path: Path) -> None:
    for writing in (_MASTER, _KEY, _PASSWORD):
        dies(tmp_path, at, writing)
    assert {path.suffix for path in tmp_path.iterdir()} == {".part"}
    create_master_key(tmp_path / "master.key")
    read_master_key(tmp_path / "master.key")
    assert not keyring.exists(tmp_path, "sign")
    made = keyring.create(tmp_path, VAULT, "sign")
    assert keyring.load(tmp_path, VAULT, "sign").kid == made.kid
    password = EmbeddedPostgres._password(tmp_path / "postgres.password")
    assert len(password) == 32
    assert EmbeddedPostgres._password(tmp_path / "postgres.password") == password
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("at", ["fdopen", "fsync", "replace"])
def test_a_death_leaves_the_servers_file_as_it_was(at: str, tmp_path: Path) -> None:
    (tmp_path / "pg_hba.conf").write_text("before")
    dies(tmp_path, at, _CONF)
    assert (tmp_path / "pg_hba.conf").read_text() == "before"
    EmbeddedPostgres._write(tmp_path / "pg_hba.conf", "after", like=tmp_path)
    assert (tmp_path / "pg_hba.conf").read_text() == "after"


def test_what_is_there_is_replaced_only_when_that_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "file"
    durable.write(path, b"one", replace=False)
    with pytest.raises(FileExistsError):
        durable.write(path, b"two", replace=False)
    assert path.read_bytes() == b"one"
    durable.write(path, b"three", replace=True, mode=0o640)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"three", 0o640)
    assert list(tmp_path.iterdir()) == [path]
