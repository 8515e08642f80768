"""`hub init` says where the keys lie and what comes next; `hub serve` says so where it cannot begin."""

import socket
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from hub.cli.root import app
from hub.runtime import Hub
from hub.settings import Settings, get_settings
from tests.certificates import Authority, client_context, hub_settings_of
from tests.processes import started, wait_until_answered


def test_init_tells_of_the_roots_once(empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HUB_DATABASE_URL", empty_database_url)
    get_settings.cache_clear()
    first, again = (CliRunner().invoke(app, ["init"]).output for _ in range(2))
    get_settings.cache_clear()
    assert f"All keys lie in {tmp_path / 'keys'}." in first
    assert "hub key take-root" in first
    assert "take-root" not in again
    assert again.endswith("next: hub serve, and beside it hub work\n")


def test_a_port_that_is_taken_is_named(hub: Hub, hub_settings: Settings, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with started(hub_settings, tmp_path, "serve", HUB_PORT=str(port)) as running:
            assert running.process.wait(60) == 1
    said = running.log.read_text().splitlines()
    assert said[0].startswith("beginning to answer at ")
    assert said[-1].startswith(f"hub: the hub did not begin to answer at 127.0.0.1:{port}")
    assert "HUB_PORT" in said[-1]


@pytest.fixture
def served_by_tls(tmp_path: Path) -> tuple[Authority, dict[str, str]]:
    """The authority, and what makes `hub serve` speak TLS under it."""
    authority = Authority(tmp_path, "ours")
    return authority, hub_settings_of(authority)


def test_it_speaks_tls_with_certificates_from_several_processes(
    hub: Hub, hub_settings: Settings, tmp_path: Path, served_by_tls: tuple[Authority, dict[str, str]]
) -> None:
    authority, settings = served_by_tls
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    own = client_context(authority, authority.issue("huiji"))
    with (
        started(hub_settings, tmp_path, "serve", "--workers", "2", HUB_PORT=str(port), **settings),
        httpx2.Client(base_url=f"https://127.0.0.1:{port}", verify=own, trust_env=False) as client,
        httpx2.Client(base_url=f"https://127.0.0.1:{port}", verify=client_context(authority), trust_env=False) as bare,
    ):
        wait_until_answered(client)
        said = client.get("/.well-known/smart-configuration").json()
        assert said["tls_client_certificate_bound_access_tokens"] is True
        with pytest.raises(httpx2.TransportError):
            bare.get("/healthz")


def test_a_key_that_cannot_be_read_is_named(
    hub_settings: Settings, tmp_path: Path, served_by_tls: tuple[Authority, dict[str, str]]
) -> None:
    settings = served_by_tls[1] | {"HUB_TLS_KEY_FILE": str(tmp_path / "nowhere")}
    with started(hub_settings, tmp_path, "serve", **settings) as running:
        assert running.process.wait(60) == 1
    assert running.log.read_text().startswith("hub: HUB_TLS_CERT_FILE, HUB_TLS_KEY_FILE or HUB_TLS_CLIENT_CA_FILE")


@pytest.mark.parametrize("lone", ["HUB_TLS_CERT_FILE", "HUB_TLS_KEY_FILE", "HUB_TLS_CLIENT_CA_FILE"])
def test_half_of_tls_is_refused(hub_settings: Settings, tmp_path: Path, lone: str) -> None:
    with started(hub_settings, tmp_path, "serve", **{lone: "file"}) as running:
        assert running.process.wait(60) == 2
    assert "HUB_TLS_CERT_FILE" in running.log.read_text()
