"""Verifying over HTTP: every cause of refusal answers with its own code, and a replay is refused whoever wins the race."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from certs.errors import catalogue
from certs.keys import SigningKey
from hub.api import certificates
from hub.runtime import Hub
from hub.services.certificates import change_status
from tests import papers
from tests.hubs import BASE_URL, Clock, Enrolled, acts, serve
from tests.papers import Paper


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, certificates.router) as made:
        yield made


async def check(client: httpx2.AsyncClient, presentation: str, nonce: str | None = None) -> dict[str, Any]:
    """The answer; a refusal must be a whole problem in both languages."""
    answer = await client.post("/verify", json={"presentation": presentation, "nonce": nonce})
    body: dict[str, Any] = answer.json()
    if answer.status_code != 200:
        cause = catalogue()[body["code"]]
        assert (answer.status_code, body["detail"], body["detail_zh"]) == (400, *cause.message)
        assert body["retry"] == cause.retry
    assert answer.headers["cache-control"] == "no-store"
    return body


async def begin(client: httpx2.AsyncClient) -> tuple[str, str]:
    body = (await client.post("/verify/challenge")).json()
    return body["nonce"], body["audience"]


async def test_two_claims_and_nothing_else_of_the_certificate(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, clock: Clock
) -> None:
    paper = await papers.issue(hub, yongkang, bound=True)
    nonce, audience = await begin(client)
    assert audience == f"{BASE_URL}/verify"
    shown = papers.show(hub, paper, "party_a_name", "party_b_name", nonce=nonce, audience=audience)
    body = await check(client, shown, nonce)
    assert body == {
        "valid": True,
        "kind": "marriage-certificate",
        "issuer": {"name": "yongkang", "display": "永康市 Yongkang"},
        "claims": {
            "kind": "marriage",
            "authority_division": "330784000000",
            "party_a_name": "陈建国",
            "party_b_name": "王小芳",
        },
        "issued_at": clock().isoformat(),
        "expires_at": body["expires_at"],
        "status": "valid",
        "status_as_of": clock().isoformat(),
        "holder_bound": True,
    }


async def test_each_cause_has_its_own_code(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> None:
    numbers = iter(range(100))

    async def issue(**how: Any) -> Paper:
        return await papers.issue(hub, yongkang, number=f"J330784-2024-{next(numbers):06d}", **how)

    async def with_status(status: str) -> str:
        paper = await issue()
        await change_status(hub, yongkang.member, paper.id, status, "测试")
        return paper.credential

    short, good = await issue(days=0.5), await issue()
    signed, _, rest = good.credential.partition("~")
    causes = {
        "malformed-presentation": "not a certificate",
        "bad-signature": f"{signed[:-8]}AAAAAAAA~{rest}",
        "revoked": await with_status("revoked"),
        "suspended": await with_status("suspended"),
        "superseded": await with_status("superseded"),
        "unknown-issuer": papers.sign(hub, yongkang, good.status, signer=SigningKey.generate()),
        "unknown-key": papers.sign(hub, yongkang, good.status, name="huiji"),
        "issuer-not-entitled": papers.sign(hub, yongkang, good.status, authority_division="410108000000"),
        "not-registered": papers.sign(hub, yongkang, good.status),
        "duplicate-disclosure": f"{good.credential}{rest.split('~')[0]}~",
    }
    for code, presentation in causes.items():
        assert (await check(client, presentation))["code"] == code
    clock.advance(hours=12)
    assert (await check(client, short.credential))["code"] == "expired"
    assert (await check(client, good.credential))["valid"] is True


async def test_a_replayed_presentation_is_refused(hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled) -> None:
    paper = await papers.issue(hub, yongkang, bound=True)
    nonce, audience = await begin(client)
    shown = papers.show(hub, paper, nonce=nonce, audience=audience)
    answers = await asyncio.gather(*(check(client, shown, nonce) for _ in range(8)))
    assert sum(answer.get("valid", False) for answer in answers) == 1
    assert {answer["code"] for answer in answers if "code" in answer} == {"replayed"}
    other, _ = await begin(client)
    assert (await check(client, shown, other))["code"] == "replayed"
    assert (await check(client, shown))["code"] == "nonce-required"


async def test_a_stranger_who_asks_without_end_is_told_to_wait(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    paper = await papers.issue(hub, yongkang)
    few = replace(hub, settings=hub.settings.model_copy(update={"verify_per_minute": 3}))
    async with serve(few, certificates.router) as client:
        for path in ("/verify", "/verify/page", "/verify/challenge"):
            body = {"json": {"presentation": "x"}} if path == "/verify" else {"data": {"presentation": "x"}}
            assert (await client.post(path, **body)).status_code in (200, 400)  # type: ignore[arg-type]
        before = len(await acts(hub, "verify"))
        for path in ("/verify", "/verify/challenge", "/verify/page", "/verify/page/challenge"):
            form = {"presentation": paper.credential, "lang": "en"}
            answer = (
                await client.post(path, json={"presentation": paper.credential})
                if path == "/verify"
                else await client.post(path, data=form)
            )
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "20")
            assert "too-many" in answer.text
        assert len(await acts(hub, "verify")) == before
        clock.advance(seconds=20)
        assert (await check(client, paper.credential))["valid"] is True


async def test_the_algorithm_is_the_keys_own(hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled) -> None:
    paper = await papers.issue(hub, yongkang)
    _, body, rest = paper.credential.split(".", 2)
    for alg in ("none", "HS256", "ES384"):
        header = papers.header(alg, yongkang.sig.kid)
        assert (await check(client, f"{header}.{body}.{rest}"))["code"] == "algorithm-refused"


NO_QUESTIONS: list[dict[str, Any]] = [
    {},
    {"presentation": ""},
    {"presentation": "x" * 70_000},
    {"presentation": 7},
    {"presentation": "x", "more": 1},
]


async def test_what_is_no_question_gets_no_verdict(client: httpx2.AsyncClient) -> None:
    for body in NO_QUESTIONS:
        answer = await client.post("/verify", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
        assert "x" * 100 not in answer.text


async def test_what_is_shown_is_told_to_nobody_else(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, caplog: pytest.LogCaptureFixture
) -> None:
    paper = await papers.issue(hub, yongkang, party_b_name="金丝雀")
    await check(client, papers.show(hub, paper, "party_b_name"))
    await check(client, paper.credential[:-20] + "~")
    assert "金丝雀" not in caplog.text
    assert await papers.tables_holding(hub, "金丝雀") == []
    assert await papers.tables_holding(hub, "永康市") == ["member"]
