"""In a real browser: Today, Deliveries and the queue's filter; full, and when the database is away."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from hub.runtime import Hub
from hub.services import boards
from tests.console import people as invented
from tests.console import traffic
from tests.console.site import Site

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]


@pytest.fixture(scope="module")
def full(site: Site) -> Site:
    site.run(traffic.fill)
    for pair in invented.PAIRS:
        site.add_records(*pair())
    return site


def figures(page: Page) -> list[str]:
    return [text.split("\n")[0] for text in page.locator(".figure").all_inner_texts()]


def test_today_says_what_waits_for_the_region(full: Site, enter: Enter) -> None:
    page = enter("lihua", language="en")
    numbers = [re.match(r"\d+", figure) for figure in figures(page)]
    assert [int(number[0]) for number in numbers if number] == [4, 2, 1, 5]
    expect(page.get_by_text("Overdue by 10 hours")).to_be_visible()
    expect(page.get_by_text("Name masked with asterisks")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("Nightly reconciliation"))).to_contain_text("done")
    other = enter("sunyue", language="en")
    expect(other.get_by_text("Required value missing")).to_be_visible()
    expect(other.get_by_text("Name masked with asterisks")).to_have_count(0)


def test_deliveries_show_states_and_times_and_never_content(full: Site, enter: Enter) -> None:
    page = enter("lihua", language="en")
    page.get_by_role("link", name="Deliveries", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(6)
    late = page.get_by_role("row", name=re.compile("Overdue by 2 days"))
    late.get_by_text("5 steps").click()
    assert late.locator("li").all_inner_texts()[-1].endswith("received")
    assert traffic.CANARY not in page.content()
    everything = enter("admin", language="en")
    everything.goto(f"{full.url}/console/deliveries")
    expect(everything.locator("tbody tr")).to_have_count(7)
    assert traffic.CANARY not in everything.content()


def test_a_filter_changes_the_list_and_the_address_without_loading_the_page(full: Site, enter: Enter) -> None:
    page = enter("lihua", language="en")
    page.goto(f"{full.url}/console/deliveries")
    page.evaluate("window.sameDocument = true")
    page.get_by_label("State").select_option("overdue")
    expect(page.locator("tbody tr")).to_have_count(2)
    assert parse_qs(urlsplit(page.url).query)["show"] == ["overdue"]
    page.get_by_label("Kind").select_option("marriage-certificate")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.evaluate("window.sameDocument") is True
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_role("link", name="Deliveries")).to_be_visible()
    page.goto(f"{full.url}/console/deliveries?show=failed&kind=marriage-certificate")
    page.get_by_role("link", name="Show all").click()
    expect(page.locator("tbody tr")).to_have_count(6)


def test_a_filter_of_the_queue_stays_with_the_case(full: Site, enter: Enter) -> None:
    page = enter("lihua", language="en")
    page.goto(f"{full.url}/console/conflicts")
    page.get_by_label("Reason").select_option("twins")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("a.row").click()
    assert urlsplit(page.url).query == "reason=twins"
    page.get_by_role("main").get_by_role("link", name="Conflicts").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("Reason")).to_have_value("twins")


def test_a_strange_address_is_no_error_of_ours(full: Site, enter: Enter) -> None:
    page = enter("lihua")
    for query in ("page=99999999999", "page=-3", "page=x", "view=nonsense", "reason=%3Cscript%3E", "done=x"):
        answer = page.context.request.get(f"{full.url}/console/conflicts?{query}")
        assert (query, answer.status) == (query, 404 if query == "done=x" else 200)
        assert "<script>" not in answer.text()


def test_pages_of_a_long_queue(full: Site, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("conflicts", "paging"):
        monkeypatch.setattr(f"hub.console.pages.{module}.SIZE", 3)
    page = enter("lihua", language="en")
    page.goto(f"{full.url}/console/conflicts")
    expect(page.get_by_text("1–3 of 4")).to_be_visible()
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.get_by_text("4–4 of 4")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_an_unexpected_error_shows_a_trace_and_no_more(
    full: Site, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(hub: Hub, user: object) -> None:
        raise RuntimeError("张伟 410108197908300195")

    page = enter("lihua", language="en")
    monkeypatch.setattr(boards, "today", broken)
    answer = page.goto(f"{full.url}/console/")
    assert answer is not None
    assert answer.status == 500
    expect(page.get_by_role("heading", name="Something went wrong inside")).to_be_visible()
    assert "张伟" not in page.content()
    assert re.fullmatch(r"[0-9a-f]{32}", page.locator("code").inner_text())
