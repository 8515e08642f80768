"""Settings that follow from others."""

import pytest
from pydantic import ValidationError

from hub.settings import Settings


def test_the_hubs_own_address_follows_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_BASE_URL", raising=False)
    monkeypatch.setenv("HUB_PORT", "8391")
    assert Settings().base_url == "http://127.0.0.1:8391"
    monkeypatch.setenv("HUB_BASE_URL", "https://hub.example/")
    assert Settings().base_url == "https://hub.example"


@pytest.mark.parametrize(
    "wrong",
    [
        "javascript:alert(1)",
        "sandbox.example/portal",
        "//sandbox.example/portal",
        "https:///portal",
        "https://zhang:x@sandbox.example/portal",
        "https://sandbox.example/portal?lang=zh",
        "https://sandbox.example/portal#form",
    ],
)
def test_the_sandboxs_address_is_one_of_the_web(wrong: str) -> None:
    with pytest.raises(ValidationError, match="sandbox_url"):
        Settings.model_validate({"sandbox_url": wrong})


@pytest.mark.parametrize("right", ["", "https://sandbox.example/portal", "http://127.0.0.1:8090/portal/"])
def test_the_sandboxs_address_ends_without_a_slash(right: str) -> None:
    assert Settings.model_validate({"sandbox_url": right}).sandbox_url == right.rstrip("/")
