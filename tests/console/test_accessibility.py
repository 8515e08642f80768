"""Every page under axe-core's rules (WCAG 2.1 A and AA and good practice), both languages, light and dark, wide and narrow."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from hub.runtime import Hub
from hub.services import drift, reconciliation, samples
from hub.storage import members
from hub.storage import samples as drawn
from tests.console import people as invented
from tests.console import traffic
from tests.console.site import Site

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]


def faults(page: Page) -> list[str]:
    """What axe finds, with the place."""
    found: dict[str, Any] = Axe().run(page)
    return [f"{fault['id']}: {node['html'][:120]}" for fault in found["violations"] for node in fault["nodes"]]


async def _reconciled_and_sampled(hub: Hub) -> tuple[UUID, UUID]:
    """A run with its report, and a pair of a sample that 永康 may judge."""
    await drift.measure(hub)
    run = (await reconciliation.run(hub, "tonight")).run
    round_id = await samples.draw(hub, "hub")
    async with hub.database.read() as connection:
        member = await members.by_name(connection, invented.YONGKANG)
        assert member is not None
        _, pair = await drawn.waiting(connection, round_id, (member.id,))
    assert pair is not None
    return run, pair


@pytest.fixture(scope="module")
def full(site: Site) -> dict[str, str]:
    """Addresses of every page of a console with something on each."""
    site.run(traffic.fill)
    tasks = {pair.__name__: site.task_of(site.add_records(*pair())) for pair in invented.PAIRS}
    site.add_records(invented.beside(invented.HUIJI, "HJ-9"))
    run, pair = site.run(_reconciled_and_sampled)
    base = f"{site.url}/console"
    return {
        "today": f"{base}/",
        "conflicts": f"{base}/conflicts",
        "nothing": f"{base}/conflicts?view=decided",
        "case": f"{base}/conflicts/{tasks['slips']}",
        "vetoed": f"{base}/conflicts/{tasks['two_ids']}",
        "look-ups": f"{base}/conflicts/{tasks['two_ids']}/look-ups",
        "deliveries": f"{base}/deliveries",
        "lots": f"{base}/conflicts/lots",
        "lot": f"{base}/conflicts/lots?reason=uncertain&band=likely&verdict=different",
        "runs": f"{base}/reconciliations",
        "report": f"{base}/reconciliations/{run}",
        "quality": f"{base}/quality",
        "sample": f"{base}/quality/{pair}",
        "missing": f"{base}/conflicts/{tasks['elsewhere']}",
    }


@pytest.mark.parametrize(
    ("language", "scheme", "width"), [("zh", "light", 1400), ("en", "dark", 1400), ("en", "light", 390)]
)
def test_pages(full: dict[str, str], enter: Enter, language: str, scheme: str, width: int) -> None:
    page = enter("lihua", language=language, color_scheme=scheme, viewport={"width": width, "height": 900})
    found = {}
    for name, address in full.items():
        page.goto(address)
        found[name] = faults(page)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (name, overflow) == (name, 0)
    assert found == {name: [] for name in full}


def test_what_opens_on_a_page(full: dict[str, str], enter: Enter) -> None:
    page = enter("lihua", language="en")
    page.goto(full["deliveries"])
    page.get_by_text("4 steps").first.click()
    assert faults(page) == []
    page.goto(full["vetoed"])
    for key, expected in (("s", "#decide .for-same"), ("Enter", "#fault:not(:empty)"), ("f", "#decide .for-defer")):
        page.keyboard.press(key)
        page.locator(expected).wait_for()
        assert faults(page) == []
    page.get_by_text("Who looked at these persons").click()
    page.locator("#look-ups table").wait_for()
    assert faults(page) == []
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("dialog").wait_for()
    assert faults(page) == []


def test_pages_before_sign_in(site: Site, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(color_scheme="dark").new_page()
    for address in ("sign-in", "enter?token=x"):
        page.goto(f"{site.url}/console/{address}")
        assert faults(page) == []


def test_the_keyboard_reaches_everything_and_the_focus_is_seen(full: dict[str, str], enter: Enter) -> None:
    page = enter("lihua", language="en")
    page.goto(full["case"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        kind, name, outline = page.evaluate(
            "(e => [e.tagName, e.name || e.id, getComputedStyle(e).outlineStyle])(document.activeElement)"
        )
        if kind == "BODY":
            break
        reached.add(name)
        assert outline != "none", (kind, name)
    assert {"verdict", "note", "purpose"} <= reached


def test_without_colour_the_relations_can_be_told_apart(full: dict[str, str], enter: Enter) -> None:
    page = enter("lihua", language="en")
    page.goto(full["case"])
    shown = {
        relation: (
            page.locator(f".compared .relation.{relation} .icon").first.inner_text(),
            page.locator(f".compared .relation.{relation}").first.evaluate("e => getComputedStyle(e).borderTopStyle"),
        )
        for relation in ("same", "similar", "differs", "missing")
    }
    assert len({icon for icon, _ in shown.values()}) == len({border for _, border in shown.values()}) == 4


def test_on_paper_the_case_has_no_controls(full: dict[str, str], enter: Enter) -> None:
    page = enter("lihua", language="en")
    page.goto(full["case"])
    page.emulate_media(media="print")
    assert page.locator("#comparison").is_visible()
    assert page.locator(".fall").is_visible()
    for hidden in (".top", "#decide", ".reveal", ".ask", ".steps"):
        assert not page.locator(hidden).is_visible()
