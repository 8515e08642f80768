"""In a real browser: what the pages of a hub say in which nothing has happened yet."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]


def test_nothing_waits(enter: Enter) -> None:
    page = enter("jin", language="en")
    expect(page.get_by_role("heading", name="Nothing is waiting for you")).to_be_visible()
    expect(page.get_by_text("No schedule has run yet.")).to_be_visible()
    page.get_by_role("link", name="Conflicts").click()
    expect(page.get_by_role("heading", name="Nothing waits for a decision")).to_be_visible()
    page.get_by_role("link", name="Deliveries", exact=True).click()
    expect(page.get_by_role("heading", name="No deliveries")).to_be_visible()


def test_nothing_was_reconciled_yet(enter: Enter) -> None:
    page = enter("jin", language="en")
    page.get_by_role("link", name="Reconciliation", exact=True).click()
    expect(page.get_by_role("heading", name="Nothing was reconciled yet")).to_be_visible()


def test_no_sample_was_drawn_yet(enter: Enter) -> None:
    page = enter("admin", language="en")
    page.get_by_role("link", name="Quality").click()
    expect(page.get_by_role("heading", name="No sample was drawn yet")).to_be_visible()
