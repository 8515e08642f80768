"""Characters that no database keeps are refused wherever they come in, as wrong input and never as our own failure."""

import re
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import pytest

from hub.app import create_app
from hub.runtime import Hub
from hub.services import accounts
from hub.services.tokens import issue_token
from tests import documented, papers
from tests.hubs import BASE_URL, Enrolled

PASSWORD = "eight calm herons"


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """The whole application, console included."""
    app = create_app(hub.settings)
    app.state.hub = hub
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, event_hooks=documented.HOOKS) as made:
        yield made


ADDRESSES = (
    "/console/conflicts?reason=%00",
    "/console/deliveries?show=a%00b",
    "/console/sign-in?next=/console/%00",
    "/console/enter?token=%00",
    "/console/%00",
    "/submissions?message_id=%00",
    "/status/%00",
    "/log/inclusion?leaf=%00",
    "/verify?lang=%00",
    "/nothing%00",
)


@pytest.mark.parametrize("address", ADDRESSES)
async def test_nul_in_an_address_is_refused(client: httpx2.AsyncClient, address: str) -> None:
    answer = await client.get(address)
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (
        400,
        "invalid-content",
        "FIX_FIRST",
    )


async def test_nul_in_a_header_is_refused(hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled) -> None:
    headers = {"Authorization": f"Bearer {await issue_token(hub, huiji.member)}", "Mapping": "a\0b"}
    answer = await client.post("/submissions", headers=headers, content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-content")


async def sign_in_form(client: httpx2.AsyncClient) -> dict[str, str]:
    page = await client.get("/console/sign-in")
    token = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert token is not None
    return {"csrf": token[1]}


@pytest.mark.parametrize("field", ["name", "password", "code", "next", "more"])
async def test_nul_in_a_form_is_refused_with_a_page(client: httpx2.AsyncClient, field: str) -> None:
    form = await sign_in_form(client) | {"name": "lihua", "password": "x"}
    answer = await client.post("/console/sign-in", data=form | {field: "a\0b"})
    assert answer.status_code == 400
    assert "含有无法保存的字符" in answer.text


async def test_a_form_in_parts_is_refused_unread(client: httpx2.AsyncClient) -> None:
    form = await sign_in_form(client) | {"name": "lihua", "password": "x"}
    answer = await client.post("/console/sign-in", files={name: (None, value) for name, value in form.items()})
    assert (answer.status_code, answer.headers["content-type"]) == (415, "text/html; charset=utf-8")


@pytest.mark.parametrize("charset", ["punycode", "unicode_escape", "utf-7"])
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
async def test_no_sender_chooses_how_a_form_is_decoded(client: httpx2.AsyncClient, kind: str, charset: str) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n'
    body = head + b"\\x" + b"a-" + b"9" * 1_000_000 + b"\r\n--x--\r\n"
    begun = time.process_time()  # others may have the processor meanwhile
    answer = await client.post("/console/sign-in", content=body, headers={"Content-Type": f"{kind}; charset={charset}"})
    assert time.process_time() - begun < 2
    assert answer.status_code == (415 if "multipart" in kind else 413)


@pytest.mark.parametrize("body", [b"csrf=\xff", b"csrf=%FF", b"&".join(b"a=1" for _ in range(51)), b"csrf=%E4%BD"])
async def test_a_form_that_cannot_be_read_is_refused(client: httpx2.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=punycode"}
    answer = await client.post("/console/sign-in", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")


async def test_half_a_surrogate_pair_in_a_form_is_no_failure_of_ours(client: httpx2.AsyncClient) -> None:
    token = (await sign_in_form(client))["csrf"]
    body = f"csrf={token}&name=%ED%A0%80&password=x".encode()
    answer = await client.post(
        "/console/sign-in", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 400


async def test_who_guesses_is_known_by_address(hub: Hub, client: httpx2.AsyncClient) -> None:
    await accounts.create_user(hub, name="lihua", display="L", roles=["steward"], password=PASSWORD)
    form = await sign_in_form(client) | {"name": "lihua"}
    for _ in range(5):
        assert (await client.post("/console/sign-in", data=form | {"password": "wrong"})).status_code == 401
    assert (await client.post("/console/sign-in", data=form | {"password": PASSWORD})).status_code == 401
    app = create_app(hub.settings)
    app.state.hub = hub
    elsewhere = httpx2.ASGITransport(app=app, client=("198.51.100.4", 50000))
    async with httpx2.AsyncClient(transport=elsewhere, base_url=BASE_URL, event_hooks=documented.HOOKS) as other:
        form = await sign_in_form(other) | {"name": "lihua", "password": PASSWORD}
        assert (await other.post("/console/sign-in", data=form)).status_code == 303


@pytest.mark.parametrize("wrong", [r"\u0000", r"\ud800", r"a\udfffb"])
async def test_json_with_such_a_text_is_refused(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, wrong: str
) -> None:
    headers = {
        "Authorization": f"Bearer {await issue_token(hub, yongkang.member)}",
        "Message-Id": str(uuid4()),
        "Content-Type": "application/json",
    }
    paper = await papers.issue(hub, yongkang)
    asked = '{"kind": "marriage-certificate", "number": "J330784-2024-000124", "subject": "WRONG"}'
    told = (
        f'{{"state": "BUSINESS_ERROR", "digest": "sha-256:{"0" * 64}", "errors": [{{"code": "x", "text": "WRONG"}}]}}'
    )
    bodies = {
        "/certificates": asked,
        f"/certificates/{paper.id}/status": '{"status": "revoked", "reason": "WRONG"}',
        f"/mailbox/{uuid4()}/receipt": told,
        "/verify": '{"presentation": "x", "nonce": "WRONG"}',
    }
    for path, body in bodies.items():
        answer = await client.post(path, content=body.replace("WRONG", wrong).encode(), headers=headers)
        assert (path, answer.status_code, answer.json()["code"]) == (path, 400, "bad-request")
    good = await client.post("/certificates", content=asked.replace("WRONG", "R-9").encode(), headers=headers)
    assert good.status_code == 201


@pytest.mark.parametrize("deep", [65, 480, 900, 100_000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
async def test_json_in_more_layers_than_anybody_needs_is_refused(
    client: httpx2.AsyncClient, deep: int, begin: str, end: str
) -> None:
    nested = begin * deep + "1" + end * deep
    for body in (nested, f'{{"presentation": "x", "nonce": {nested}}}'):
        answer = await client.post("/verify", content=body.encode(), headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
