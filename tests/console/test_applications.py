"""A sandbox in a browser: somebody applies, the administrator admits her, and both see what her system has shown."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from hub.services import accounts
from tests.adapters.real import RealHub, real_hub
from tests.console.language import speak
from tests.console.test_accessibility import faults
from tests.sandboxes import Newcomer

pytestmark = pytest.mark.browser
Open = Callable[..., BrowserContext]


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def sandbox(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with real_hub(tmp_path_factory.mktemp("sandbox"), module_database_url, sandbox=True) as hub:
        hub.run(accounts.create_user(hub.hub, name="admin", display="管理员", roles=["administrator"]))
        hub.run(accounts.create_user(hub.hub, name="steward", display="专员", roles=["steward"]))
        yield hub


def newcomer(sandbox: RealHub, name: str) -> Newcomer:
    return Newcomer(name, _now, sandbox.url)  # type: ignore[arg-type]


def fill(page: Page, who: Newcomer, keys: str | None = None) -> None:
    page.locator("#name").fill(who.name)
    page.locator("#display").fill("Qingshan")
    page.locator("#display_zh").fill("青山县")
    page.locator("#contact").fill("陈工 0579-0000")
    page.locator("#keys").fill(json.dumps({"keys": who.keys()}) if keys is None else keys)


def enter(sandbox: RealHub, page: Page, name: str, language: str = "zh") -> None:
    page.goto(sandbox.run(accounts.make_sign_in_link(sandbox.hub, name)))
    page.locator("nav").wait_for()
    speak(page, language)


async def _sign_in(who: Newcomer) -> None:
    async with httpx2.AsyncClient(base_url=who.base, trust_env=False) as client:
        await who.sign_in(client)


@pytest.mark.parametrize(("language", "width"), [("zh", 1200), ("en", 390)])
def test_from_the_form_to_the_list(sandbox: RealHub, new_context: Open, language: str, width: int) -> None:
    who = newcomer(sandbox, f"qingshan-{language}")
    page = new_context(viewport={"width": width, "height": 900}).new_page()
    page.goto(f"{sandbox.url}/portal?lang={language}")
    assert faults(page) == []
    fill(page, who, "{}")
    page.locator("button").click()
    expect(page.locator("#result")).to_contain_text("malformed-key")
    assert page.locator("#name").input_value() == who.name  # what was typed stays
    assert faults(page) == []
    fill(page, who)
    page.locator("button").click()
    expect(page.locator("#state")).to_contain_text("等待" if language == "zh" else "Waiting")
    assert faults(page) == []
    desk = new_context(viewport={"width": 1300, "height": 900}).new_page()
    enter(sandbox, desk, "admin", language)
    desk.locator("nav a").last.click()
    assert faults(desk) == []
    desk.locator(".application", has_text=who.name).locator("button.primary").click()
    expect(desk.locator(".application", has_text=who.name).locator(".items")).to_be_visible()
    asyncio.run_coroutine_threadsafe(_sign_in(who), sandbox.loop).result(30)
    page.reload()
    expect(page.locator("#sign-in.seen")).to_be_visible()
    assert page.locator("ol.items li.seen").count() == 1
    page.locator("#submission summary").click()
    expect(page.locator("#submission pre")).to_contain_text(f"urn:lianqiao:{who.name}:record")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    desk.reload()
    expect(desk.locator(".application", has_text=who.name).locator(".items .seen")).to_have_count(1)
    assert faults(desk) == []


def test_a_declined_one_reads_why(sandbox: RealHub, new_context: Open) -> None:
    who = newcomer(sandbox, "nobody")
    page = new_context().new_page()
    page.goto(f"{sandbox.url}/portal?lang=en")
    fill(page, who)
    page.locator("button").click()
    desk = new_context().new_page()
    enter(sandbox, desk, "admin", "en")
    desk.goto(f"{sandbox.url}/console/applications")
    card = desk.locator(".application", has_text=who.name)
    card.locator("input[name=reason]").fill("The contact is not known.")
    card.locator(".decline button").click()
    page.reload()
    expect(page.locator("#state")).to_contain_text("The contact is not known.")
    assert faults(page) == []


def test_only_administrators_answer(sandbox: RealHub, new_context: Open) -> None:
    page = new_context().new_page()
    enter(sandbox, page, "steward", "en")
    assert "Applications" not in page.locator("nav").inner_text()
    page.goto(f"{sandbox.url}/console/applications")
    expect(page.locator("main")).to_contain_text("For the hub's administrators")


def test_a_ticket_that_is_nobodys(sandbox: RealHub, new_context: Open) -> None:
    page = new_context().new_page()
    page.goto(f"{sandbox.url}/portal/progress/nothing?lang=en")
    expect(page.locator("#result")).to_contain_text("There is no such application")
    assert faults(page) == []
