"""Key files are encrypted, the owner's alone, made once, and replaced without losing the old ones."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.errors import ConfigError
from adapters.gateway import keys
from adapters.gateway.config import KeySettings

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> KeySettings:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("word")
    passphrase.chmod(0o600)
    return KeySettings(folder=tmp_path / "keys", passphrase_file=passphrase)


def test_keys_are_made_once_and_read_back(settings: KeySettings) -> None:
    made = keys.generate(settings, now=NOW)
    assert [path.name.split("-")[0] for path in made] == ["auth", "sig", "enc"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    assert settings.folder.stat().st_mode & 0o777 == 0o700
    assert keys.generate(settings, now=NOW) == []
    (renewed,) = keys.generate(settings, now=NOW + timedelta(days=80), renew=frozenset({"enc"}))
    assert renewed.name.startswith("enc-")
    ring = keys.load(settings)
    assert len(ring.enc) == 2
    listed = ring.jwks()["keys"]
    assert [entry["purpose"] for entry in listed] == ["auth", "sig", "enc", "enc"]
    assert not any("d" in entry for entry in listed)

    renewed.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        keys.load(settings)
    renewed.write_bytes(b"not a key")
    renewed.chmod(0o600)
    for path in made[:2]:
        path.write_bytes(b"not a key either")
    with pytest.raises(ConfigError, match="damaged"):
        keys.load(settings)


def test_a_wrong_passphrase_is_told(settings: KeySettings) -> None:
    keys.generate(settings, now=NOW)
    settings.passphrase_file.write_text("another word")
    with pytest.raises(ConfigError, match="passphrase"):
        keys.load(settings)


def test_missing_or_open_folders_are_told(settings: KeySettings) -> None:
    with pytest.raises(ConfigError, match="gateway keygen"):
        keys.load(settings)
    settings.folder.mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        keys.load(settings)
    settings.folder.chmod(0o700)
    with pytest.raises(ConfigError, match="no auth key"):
        keys.load(settings)
