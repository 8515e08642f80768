"""Settings that follow from others."""

import pytest

from hub.settings import Settings


def test_the_hubs_own_address_follows_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_BASE_URL", raising=False)
    monkeypatch.setenv("HUB_PORT", "8391")
    assert Settings().base_url == "http://127.0.0.1:8391"
    monkeypatch.setenv("HUB_BASE_URL", "https://hub.example/")
    assert Settings().base_url == "https://hub.example"
