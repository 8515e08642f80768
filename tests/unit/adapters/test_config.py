"""A configuration that cannot work is refused with words that name the setting and never its value."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters import transports
from adapters.client.tls import is_private
from adapters.errors import ConfigError
from adapters.gateway.config import GatewayConfig, load, read_secret
from adapters.rest_json.transport import _encrypted

EXAMPLES = Path("adapters/examples")


def settings(**changed: Any) -> dict[str, Any]:
    return {
        "member": "yongkang",
        "hub": {"url": "https://hub.example"},
        "trust": {"roots_file": "roots.json"},
        "keys": {"folder": "keys", "passphrase_file": "secrets/passphrase"},
        "spool": {"file": "spool/gateway.db"},
        "county": {"folder": "county"},
        "transport": {"type": "excel_drop", "folder": "drop"},
        **changed,
    }


def written(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load(written(tmp_path, settings()))
    assert config.keys.folder == tmp_path / "keys"
    assert config.spool.file == tmp_path / "spool" / "gateway.db"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"member": "Yong Kang"}, "member"),
        ({"hub": {"url": "hub.example"}}, "hub.url"),
        ({"hub": {"url": "http://hub.example"}}, "https"),
        ({"hub": {"url": "http://127.hub.example"}}, "https"),
        ({"hub": {"url": "http://localhost:x@hub.example"}}, "hub.url"),
        ({"hub": {"url": "https://user:geheim-4711@hub.example"}}, "hub.url"),
        ({"hub": {"url": "https://hub.example", "cert_file": "own.pem"}}, "key_file"),
        ({"hub": {"url": "https://hub.example", "key_file": "own.key"}}, "cert_file"),
        ({"hub": {"url": "https://hub.example", "pasword": "geheim-4711"}}, "hub.pasword"),
        ({"spool": {"file": "x", "max_messages": 0}}, "spool.max_messages"),
        ({"sources": [{"name": "a", "mapping": "m"}, {"name": "a", "mapping": "n"}]}, "two sources"),
        ({"keys": None}, "keys"),
    ],
)
def test_a_wrong_setting_is_named(changed: dict[str, Any], named: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, settings(**changed)))
    assert named in str(caught.value)
    assert "geheim-4711" not in str(caught.value)


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("member: [", encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid yaml"):
        load(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "missing.yaml")


def test_toml_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        """
        member = "yongkang"
        hub = {url = "http://127.0.0.1:8000"}
        trust = {roots_file = "roots.json"}
        keys = {folder = "keys", passphrase_file = "p"}
        spool = {file = "s"}
        county = {folder = "c"}
        transport = {type = "excel_drop", folder = "drop"}
        """,
        encoding="utf-8",
    )
    assert load(path).hub.url == "http://127.0.0.1:8000"


def test_the_transport_checks_its_own_settings(tmp_path: Path) -> None:
    for transport, named in (
        ({"type": "pigeon"}, "pigeon"),
        ({"type": "excel_drop"}, "folder"),
        ({}, "transport.type"),
    ):
        config = load(written(tmp_path, settings(transport=transport)))
        with pytest.raises(ConfigError, match=named):
            transports.build(config, [])


def test_a_secret_others_can_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"word\n")
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secret(secret)
    secret.chmod(0o600)
    assert read_secret(secret) == b"word"
    secret.write_bytes(b"\n")
    with pytest.raises(ConfigError, match="empty"):
        read_secret(secret)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*")), ids=lambda path: path.name)
def test_the_examples_are_valid(path: Path) -> None:
    assert isinstance(load(path), GatewayConfig)


def test_there_is_an_example_for_each_transport() -> None:
    assert {load(path).transport["type"] for path in EXAMPLES.glob("*")} == {"rest_json", "excel_drop"}


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://county.example", True),
        ("http://127.0.0.1:8000/api", True),
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("http://county.example", False),
        ("http://127.county.example", False),
        ("http://192.168.1.5", False),
    ],
)
def test_what_crosses_the_network_in_the_open_is_known(url: str, private: bool) -> None:
    assert is_private(url) is private
    assert _encrypted(url).ok is private
