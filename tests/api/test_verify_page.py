"""The public page: usable without a script, in two languages, and says only what was shown, or the one cause against it."""

import html
import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from certs.errors import catalogue
from certs.kinds import birth, contraception, marriage
from hub.api import certificates, verify_texts
from hub.runtime import Hub
from hub.services.certificates import change_status
from tests import papers
from tests.hubs import Clock, Enrolled, serve


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, certificates.router) as made:
        yield made


async def ask(client: httpx2.AsyncClient, presentation: str, lang: str = "zh", nonce: str = "") -> httpx2.Response:
    return await client.post("/verify/page", data={"presentation": presentation, "lang": lang, "nonce": nonce})


def words(answer: httpx2.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


async def test_the_page_has_no_script_and_a_strict_policy(client: httpx2.AsyncClient) -> None:
    for answer in (await client.get("/verify"), await ask(client, "x"), await client.post("/verify/page/challenge")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self'")
        assert "unsafe" not in policy
        assert "script" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script|\son\w+=|style=|javascript:", answer.text, re.IGNORECASE)
        assert "set-cookie" not in answer.headers
    style = await client.get("/verify/style.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text


WISHES = [("", "", "zh-CN"), ("", "en-GB,en;q=0.9", "en"), ("?lang=zh", "en", "zh-CN"), ("?lang=en", "zh", "en")]


async def test_it_speaks_the_readers_language(client: httpx2.AsyncClient) -> None:
    for query, wish, language in WISHES:
        answer = await client.get(f"/verify{query}", headers={"Accept-Language": wish})
        assert answer.headers["content-language"] == language
        assert f'<html lang="{language}">' in answer.text
        assert ("证照核验" in answer.text) == (language == "zh-CN")


async def test_only_what_was_shown_is_on_the_page(hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled) -> None:
    paper = await papers.issue(hub, yongkang)
    shown = papers.show(hub, paper, "party_b_name", "registered_on")
    answer = await ask(client, f"  {shown[:100]}\r\n{shown[100:]}\n")
    text = words(answer)
    assert answer.status_code == 200
    for expected in (
        "证照有效",
        "结婚证",
        "永康市 Yongkang",
        "乙方姓名 王小芳",
        "登记日期 2024-05-20",
        "结婚登记",
        "未绑定持有人设备",
    ):
        assert expected in text
    for hidden in ("陈建国", "33078419900101001X", "410108199203040024", shown[:60]):
        assert hidden not in answer.text
    english = words(await ask(client, shown, "en"))
    assert "Party B: name 王小芳" in english
    assert "The certificate is valid" in english


async def test_a_refusal_says_its_cause_in_words(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, clock: Clock
) -> None:
    paper = await papers.issue(hub, yongkang, days=1)
    cases = {"malformed-presentation": "abc"}
    for code, presentation in cases.items():
        await expect(client, presentation, code)
    await change_status(hub, yongkang.member, paper.id, "suspended", "测试")
    await expect(client, paper.credential, "suspended")
    clock.advance(days=1)
    await expect(client, paper.credential, "expired")
    clock.advance(days=7)
    answer = await ask(client, paper.credential)
    assert answer.status_code == 503
    assert "暂时无法核验" in words(answer)


async def expect(client: httpx2.AsyncClient, presentation: str, code: str) -> None:
    cause = catalogue()[code]
    for lang, text in (("zh", cause.message.zh), ("en", cause.message.en)):
        answer = await ask(client, presentation, lang)
        assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)
        assert text in words(answer)
        assert code in answer.text
        assert "证照有效" not in answer.text


async def test_a_bound_certificate_is_checked_in_two_steps(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled
) -> None:
    paper = await papers.issue(hub, yongkang, bound=True)
    begun = (await client.post("/verify/page/challenge", data={"lang": "en"})).text
    (nonce,) = re.findall(r'<code id="nonce">([\w-]+)</code>', begun)
    (audience,) = re.findall(r'<code id="audience">([^<]+)</code>', begun)
    assert f'name="nonce" value="{nonce}"' in begun
    shown = papers.show(hub, paper, "number", nonce=nonce, audience=audience)
    assert "confirmed on her own device" in words(await ask(client, shown, "en", nonce))
    assert catalogue()["replayed"].message.en in words(await ask(client, shown, "en", nonce))
    assert catalogue()["nonce-required"].message.en in words(await ask(client, shown, "en"))


async def test_markup_in_a_claim_is_shown_as_written(hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled) -> None:
    name = "<b onmouseover=alert(1)>{{ 7*7 }}</b>"
    paper = await papers.issue(hub, yongkang, party_a_name=name)
    answer = await ask(client, papers.show(hub, paper, "party_a_name"))
    assert "<b onmouseover" not in answer.text
    assert html.escape(name) in answer.text


BROKEN = [b"presentation=%ff%fe", b"\xff", b"a=1&" * 50, b"presentation=" + b"a" * 300_000]


async def test_a_broken_form_is_refused(client: httpx2.AsyncClient) -> None:
    for body in BROKEN:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post("/verify/page", content=body, headers=headers)
        assert answer.status_code == 400


def test_every_claim_has_a_name_in_both_languages() -> None:
    claims = {name for kind in (marriage.KIND, birth.KIND, contraception.KIND) for name in kind.claims}
    assert claims <= set(verify_texts.CLAIMS)
    assert all(zh and en for zh, en in (verify_texts.CLAIMS | verify_texts.SENTENCES | verify_texts.KINDS).values())
    assert {f"retry_{cause.retry}" for cause in catalogue().values()} <= set(verify_texts.SENTENCES)
