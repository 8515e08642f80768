"""In a real browser: coming in and going out, forged forms, cookies, and the headers every answer carries."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.sync_api import APIResponse, BrowserContext, Page, expect
from starlette.datastructures import Headers

from hub.console import shield
from hub.runtime import Hub
from hub.services import accounts
from tests.console import world
from tests.console.site import Site

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]
Open = Callable[..., BrowserContext]


def link_for(site: Site, name: str, **more: Any) -> str:
    async def make(hub: Hub) -> str:
        return await accounts.make_sign_in_link(hub, name, **more)

    return str(site.run(make))


def test_sign_in_leads_back_to_the_page_that_was_wanted(site: Site, new_context: Open) -> None:
    page = new_context().new_page()
    page.goto(f"{site.url}/console/deliveries?show=overdue")
    assert urlsplit(page.url).path == "/console/sign-in"
    page.get_by_label("用户名").fill("lihua")
    page.get_by_label("密码").fill("not the one")
    page.locator("main").get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("登录未成功")
    expect(page.get_by_label("用户名")).to_have_value("lihua")
    page.get_by_label("密码").fill(world.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/deliveries?show=overdue")
    page.get_by_role("button", name="退出").click()
    page.wait_for_url("**/console/sign-in")
    page.goto(f"{site.url}/console/")
    assert urlsplit(page.url).path == "/console/sign-in"


def test_sign_in_never_leads_to_another_site(site: Site, enter: Enter) -> None:
    request = enter("lihua").context.request
    for wanted in ("//evil.example/", "https://evil.example/console/", "/console/\\evil", "/api", "/console/a\nb"):
        answer = request.get(f"{site.url}/console/sign-in", params={"next": wanted}, max_redirects=0)
        assert (answer.status, answer.headers["location"]) == (303, "/console/")


def test_a_code_is_asked_for_where_one_is_set_up(site: Site, new_context: Open) -> None:
    async def require(hub: Hub) -> str:
        await accounts.create_user(hub, name="totp", display="T", roles=["auditor"], password=world.PASSWORD)
        return await accounts.require_code(hub, "totp")

    totp = pyotp.parse_uri(site.run(require))
    assert isinstance(totp, pyotp.TOTP)
    code = totp.at(site.clock.at)
    page = new_context().new_page()
    for given, arrives in (("", False), (code, True)):
        page.goto(f"{site.url}/console/sign-in")
        page.get_by_label("用户名").fill("totp")
        page.get_by_label("密码").fill(world.PASSWORD)
        page.get_by_label("动态验证码").fill(given)
        page.keyboard.press("Enter")
        if arrives:
            page.wait_for_url(f"{site.url}/console/")
        else:
            expect(page.get_by_role("alert")).to_be_visible()


def test_a_one_time_link_opened_by_a_person_signs_in_once(site: Site, new_context: Open) -> None:
    link = link_for(site, "lihua")
    page = new_context().new_page()
    page.goto(link)
    assert page.url == f"{site.url}/console/"
    other = new_context().new_page()
    answer = other.goto(link)
    assert answer is not None
    assert answer.status == 401
    expect(other.get_by_role("heading", name="链接不能使用")).to_be_visible()


def test_a_program_that_follows_links_does_not_spend_one(site: Site, new_context: Open) -> None:
    link = link_for(site, "lihua")
    context = new_context()
    seen = context.request.get(link)
    assert seen.status == 200
    page = context.new_page()
    page.set_content(f'<a href="{link}">sign in</a>')  # another origin leads to it
    page.get_by_role("link").click()
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(f"{site.url}/console/")


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(site: Site, enter: Enter) -> None:
    page = enter("lihua")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert "lianqiao-session" in cookies
    for cookie in cookies.values():
        assert cookie["httpOnly"] is True
        assert cookie["sameSite"] == "Strict"
    assert page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("token", ["", "x" * 32])
def test_a_form_without_its_token_is_refused(site: Site, enter: Enter, token: str) -> None:
    page = enter("lihua", language="en")
    answer = page.context.request.post(
        f"{site.url}/console/sign-out", form={"csrf": token}, headers={"Origin": site.url}
    )
    assert answer.status == 403
    assert "This page is too old" in answer.text()
    page.goto(f"{site.url}/console/")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()


def test_a_form_from_another_origin_is_refused_even_with_its_token(site: Site, enter: Enter) -> None:
    page = enter("lihua", language="en")
    token = page.locator("input[name=csrf]").first.input_value()
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = page.context.request.post(
            f"{site.url}/console/sign-out", form={"csrf": token}, headers=headers, max_redirects=0
        )
        assert answer.status == 403
    answer = page.context.request.post(f"{site.url}/console/sign-out", form={"csrf": token}, max_redirects=0)
    assert answer.status == 303


def test_a_session_that_ended_meanwhile_says_that_nothing_was_saved(site: Site, enter: Enter) -> None:
    page = enter("zhouping", language="en")
    site.clock.forward(hours=9)
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading")).to_contain_text(re.compile("This page is too old|页面已失效"))
    page.goto(f"{site.url}/console/conflicts")
    assert urlsplit(page.url).path == "/console/sign-in"


def test_the_language_is_switched_on_the_same_page_and_kept(site: Site, new_context: Open) -> None:
    page = new_context().new_page()
    page.goto(f"{site.url}/console/sign-in?next=/console/deliveries")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "en"
    page.get_by_label("User name").fill("sunyue")
    page.get_by_label("Password").fill(world.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/deliveries")
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("English|中文")).click()
    assert urlsplit(page.url).path == "/console/deliveries"
    first = page.locator("html").get_attribute("lang")
    page.reload()
    assert page.locator("html").get_attribute("lang") == first


ADDRESSES = ("/sign-in", "/", "/conflicts", "/deliveries", "/enter?token=x", "/nothing-here", "/conflicts/not-an-id")


@pytest.mark.parametrize("signed_in", [True, False])
def test_every_answer_carries_the_policy(site: Site, enter: Enter, new_context: Open, signed_in: bool) -> None:
    context = enter("lihua").context if signed_in else new_context()
    for address in ADDRESSES:
        scan(context.request.get(f"{site.url}/console{address}", max_redirects=0))


def scan(answer: APIResponse) -> None:
    headers = answer.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src", "form-action")} == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers or "uvicorn" in headers["server"]
    if "text/html" in headers.get("content-type", ""):
        body = answer.text()
        assert re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", body) is None


def test_static_files_are_kept_and_nothing_else_is_served(site: Site, enter: Enter) -> None:
    page = enter("lihua")
    addresses = page.eval_on_selector_all("link[rel=stylesheet], script", "all => all.map(e => e.href || e.src)")
    assert len(addresses) == 5
    for address in addresses:
        answer = page.context.request.get(address)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
    for path in ("static/../__init__.py", "static/%2e%2e/site.py", "static/"):
        assert page.context.request.get(f"{site.url}/console/{path}").status == 404


@pytest.mark.parametrize(
    ("method", "headers", "foreign"),
    [
        ("GET", {"origin": "https://evil.example"}, False),
        ("POST", {}, False),
        ("POST", {"origin": "http://hub:80", "host": "hub:80"}, False),
        ("POST", {"origin": "https://hub", "host": "hub"}, False),
        ("POST", {"origin": "http://hub:81", "host": "hub:80"}, True),
        ("POST", {"origin": "null", "host": "hub"}, True),
        ("POST", {"sec-fetch-site": "same-site"}, True),
        ("POST", {"sec-fetch-site": "same-origin"}, False),
    ],
)
def test_what_counts_as_foreign(method: str, headers: dict[str, str], foreign: bool) -> None:
    assert shield.is_foreign(method, Headers(headers), "http") is foreign


def test_a_proxy_may_change_the_host_where_the_address_is_configured() -> None:
    headers = Headers({"origin": "https://hub.example", "host": "10.0.0.7:8080"})
    assert shield.is_foreign("POST", headers, "http")
    assert not shield.is_foreign("POST", headers, "http", "https://hub.example/base")


def test_an_encrypted_page_takes_no_form_from_an_unencrypted_one() -> None:
    assert shield.is_foreign("POST", Headers({"origin": "http://hub", "host": "hub"}), "https")
