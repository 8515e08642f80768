"""The portal of a live hub: it says in two languages where to apply and what there is, and takes nothing."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from hub.services import trust
from tests import documented
from tests.adapters.real import RealHub, real_hub
from tests.hubs import acts

SANDBOX = "https://sandbox.example/portal"
ADDRESSES = (
    "/fhir/metadata",
    "/.well-known/smart-configuration",
    "/openapi.json",
    "/.well-known/trust-list",
    "/verify",
)


@pytest.fixture(scope="module")
def live(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with real_hub(tmp_path_factory.mktemp("live"), module_database_url, sandbox_url=SANDBOX) as hub:
        hub.run(trust.publish(hub.hub))
        yield hub


@pytest.fixture(scope="module")
def client(live: RealHub) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=live.url, trust_env=False, event_hooks=documented.SYNC_HOOKS) as made:
        yield made


def words(answer: httpx2.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


@pytest.mark.parametrize(
    ("query", "wish", "language", "title"),
    [
        ("", "", "zh-CN", "系统对接"),
        ("", "en-GB,en;q=0.9", "en", "For integrators"),
        ("?lang=zh", "en", "zh-CN", "系统对接"),
        ("?lang=en", "zh", "en", "For integrators"),
    ],
)
def test_it_speaks_the_readers_language(
    client: httpx2.Client, query: str, wish: str, language: str, title: str
) -> None:
    answer = client.get(f"/portal{query}", headers={"Accept-Language": wish})
    assert (answer.status_code, answer.headers["content-language"]) == (200, language)
    assert f'<html lang="{language}">' in answer.text
    assert f"<h1>{title}</h1>" in answer.text
    assert f'href="{SANDBOX}?lang={language[:2]}"' in answer.text
    assert ("运营单位" in answer.text, "operates this hub" in answer.text) == (False, False)


def test_it_has_no_form_no_script_and_a_strict_policy(client: httpx2.Client) -> None:
    answer = client.get("/portal")
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert not re.search(r"<form|<script|<input|\son\w+=|style=|javascript:", answer.text, re.IGNORECASE)
    assert "set-cookie" not in answer.headers
    assert client.get("/portal/style.css").headers["content-type"].startswith("text/css")


def test_every_address_and_the_first_request_are_answered(live: RealHub, client: httpx2.Client) -> None:
    text = client.get("/portal?lang=en").text
    for path in ADDRESSES:
        assert f'<a href="{path}">{live.url}{path}</a>' in text
        assert client.get(path).status_code == 200, path
    asked = re.search(r"<pre[^>]*>curl (\S+)</pre>", text)
    assert asked is not None
    assert client.get(asked[1]).json()["resourceType"] == "CapabilityStatement"
    assert f"curl {live.url}/auth/token" in text


@pytest.mark.parametrize("path", ["/portal", "/portal/applications"])
@pytest.mark.parametrize("body", [b"", b"not json", b'{"name": "qingshan"}'])
def test_an_application_is_sent_on_to_the_sandbox(live: RealHub, client: httpx2.Client, path: str, body: bytes) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    told = answer.json()
    assert (told["code"], told["retry"]) == ("not-found", "FIX_FIRST")
    assert f"Nothing was stored. Apply at the sandbox ({SANDBOX})" in told["detail"]
    assert live.run(acts(live.hub, "apply")) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_a_sandboxs_address_the_operator_is_asked(database_url: str, tmp_path: Path, language: str) -> None:
    with (
        real_hub(tmp_path, database_url) as live,
        httpx2.Client(base_url=live.url, trust_env=False, event_hooks=documented.SYNC_HOOKS) as client,
    ):
        answer = client.get("/portal", params={"lang": language})
        assert ("运营单位" if language == "zh" else "Ask whoever operates this hub") in words(answer)
        assert 'id="sandbox"' not in answer.text
        assert set(re.findall(r'href="(\w+:[^"]*)"', answer.text)) == set()  # no address of anybody else
        assert "its operator knows the address" in client.post("/portal/applications").json()["detail"]
