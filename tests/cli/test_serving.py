"""`hub init` says where the keys lie and what comes next; `hub serve` says so where it cannot begin."""

import socket
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli.root import app
from hub.runtime import Hub
from hub.settings import Settings, get_settings
from tests.processes import started


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
