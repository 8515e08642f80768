"""The portal of a live hub in a browser: readable, in two languages, on a wide and a narrow screen."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.adapters.real import RealHub, real_hub
from tests.console.test_accessibility import faults

pytestmark = pytest.mark.browser
Open = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def live(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    folder = tmp_path_factory.mktemp("live")
    with real_hub(folder, module_database_url, sandbox_url="https://sandbox.example/portal") as hub:
        yield hub


@pytest.mark.parametrize("width", [1200, 390])
def test_both_languages(live: RealHub, new_context: Open, width: int) -> None:
    page = new_context(viewport={"width": width, "height": 900}, locale="zh-CN").new_page()
    page.goto(f"{live.url}/portal")
    for title, other in (("系统对接", "English"), ("For integrators", "中文")):
        expect(page.locator("h1")).to_have_text(title)
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        page.get_by_role("link", name=other, exact=True).click()
    expect(page.locator("h1")).to_have_text("系统对接")
