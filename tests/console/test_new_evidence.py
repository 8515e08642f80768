"""In a real browser: a rejected pair whose record changed says what is new, beside what was decided."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.console import people as invented
from tests.console.site import Site

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]


def test_what_is_new_stands_beside_what_was_decided(site: Site, enter: Enter) -> None:
    first, second = invented.no_id()
    records = site.add_records(first, second)
    page = enter("lihua", language="en")
    page.goto(f"{site.url}/console/conflicts/{site.task_of(records)}")
    page.keyboard.press("d")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("done="))
    number = next(i for i in first["identifier"] if i["use"] == "official")
    site.add_records({**second, "identifier": [*second["identifier"], number]})
    page.goto(f"{site.url}/console/")
    page.get_by_role("link", name="New evidence about an earlier decision").click()
    page.get_by_role("link", name=re.compile("张伟")).click()
    news = page.get_by_role("region", name="What is new since the decision")
    expect(news).to_contain_text("lihua decided on")
    expect(news).to_contain_text("Different persons")
    expect(news.get_by_role("row", name=re.compile("^resident ID", re.IGNORECASE))).to_contain_text("Same number")
    assert len({site.person_of(record) for record in records}) == 2
    page.keyboard.press("s")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("done="))
    assert len({site.person_of(record) for record in records}) == 1
