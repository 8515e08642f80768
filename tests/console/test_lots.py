"""In a real browser: a lot is chosen, looked at, counted, decided and taken back; rows are walked with keys."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from hub.runtime import Hub
from tests.console.site import Site
from tests.console.world import task_of
from tests.services.test_bulk import NUMBER, _pair, make_even

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]


@pytest.fixture(scope="module")
def pairs(site: Site) -> list[list[int]]:
    records = [site.add_records(*_pair(number)) for number in range(NUMBER)]
    site.run(make_even)
    return records


def _together(site: Site, pairs: list[list[int]]) -> int:
    return [len({site.person_of(record) for record in pair}) for pair in pairs].count(1)


def test_a_lot_is_looked_at_counted_decided_and_taken_back(site: Site, enter: Enter, pairs: list[list[int]]) -> None:
    page = enter("lihua", language="en")
    page.goto(f"{site.url}/console/conflicts")
    page.get_by_role("link", name="Many at once").click()
    page.get_by_label("Likelihood").select_option("even")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_role("heading", name=f"{NUMBER} conflicts would be decided")).to_be_visible()
    expect(page.locator(".queue tbody tr")).to_have_count(NUMBER)
    page.locator('select[name="why"]').select_option("documents-agree")
    page.get_by_label(re.compile("^How many are decided")).fill(str(NUMBER + 1))
    page.get_by_role("button", name="Decide all: The same person").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was decided")
    assert _together(site, pairs) == 0
    page.get_by_label(re.compile("^How many are decided")).fill(str(NUMBER))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text(f"{NUMBER} conflicts were decided.")
    assert _together(site, pairs) == NUMBER
    page.get_by_role("button", name="Undo all").click()
    expect(page.get_by_role("status")).to_contain_text(f"{NUMBER} decisions were taken back.")
    assert _together(site, pairs) == 0


def test_what_changed_meanwhile_is_not_decided(site: Site, enter: Enter, pairs: list[list[int]]) -> None:
    page = enter("lihua")
    page.goto(f"{site.url}/console/conflicts/lots?reason=uncertain&band=even&verdict=different")

    async def change(hub: Hub) -> None:
        task = await task_of(hub, *pairs[0])
        async with hub.database.begin() as connection:
            await connection.execute(text("UPDATE review_task SET version = 9 WHERE id = :id"), {"id": task})

    site.run(change)
    page.locator('select[name="why"]').select_option("name-only")
    page.get_by_label(re.compile("^将处理多少组")).fill(str(NUMBER))
    page.get_by_role("button", name=re.compile("^全部判定")).click()
    expect(page.get_by_role("heading", name="内容已有变化")).to_be_visible()


def test_rows_are_walked_with_keys(site: Site, enter: Enter, pairs: list[list[int]]) -> None:
    assert pairs
    page = enter("lihua")
    page.goto(f"{site.url}/console/conflicts")
    page.keyboard.press("j")
    expect(page.locator("a.row").nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("a.row").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("a.row").nth(0)).to_be_focused()
    href = page.locator("a.row").nth(0).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{href}")


def test_readers_only_see_what_was_decided(site: Site, enter: Enter) -> None:
    page = enter("audit", language="en")
    page.goto(f"{site.url}/console/conflicts/lots")
    expect(page.get_by_role("heading", name="Lots decided before")).to_be_visible()
    assert page.get_by_role("button", name="Look").count() == 0
