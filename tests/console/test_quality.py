"""In a real browser: a sample is drawn, judged blind with keys, and becomes an estimate."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from hub.linkage import drift as rules
from hub.services import drift, samples
from tests.console import people as invented
from tests.console.site import Site

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]


@pytest.fixture
def site(own_site: Site) -> Site:
    return own_site  # rounds of samples and what was measured stay


@pytest.fixture
def people(site: Site) -> None:
    site.add_records(*invented.two_ids(), *invented.no_id(), invented.beside(invented.HUIJI, "HJ-9"))


@pytest.mark.usefixtures("people")
def test_a_sample_is_drawn_judged_and_told(site: Site, enter: Enter) -> None:
    admin = enter("admin", language="en")
    admin.goto(f"{site.url}/console/quality")
    admin.get_by_role("button", name="Draw a sample now").click()
    expect(admin.get_by_text("nothing judged yet").first).to_be_visible()
    page = enter("lihua", language="en")
    page.goto(f"{site.url}/console/quality")
    assert page.get_by_role("button", name="Draw a sample now").count() == 0
    page.get_by_role("link", name=re.compile("^Judge the")).first.click()
    for _ in range(20):
        if page.get_by_role("heading", name="Is this one person?").count() == 0:
            break
        assert page.locator(".fall").count() == 0, "what the hub makes of it is not shown"
        assert page.get_by_text(re.compile("points|likely")).count() == 0
        address = page.url
        page.keyboard.press("s")
        expect(page.get_by_role("button", name=re.compile("^The same person"))).to_be_focused()
        page.keyboard.press("Enter")
        expect(page).not_to_have_url(address)
        page.wait_for_load_state()
    expect(page.get_by_text("100.0 %").first).to_be_visible()
    page.get_by_text("By band of weight").click()
    expect(page.get_by_role("row", name=re.compile("^linked by itself")).first).to_be_visible()


@pytest.mark.usefixtures("people")
def test_who_only_reads_judges_nothing(enter: Enter, site: Site) -> None:
    site.run(lambda hub: samples.draw(hub, "admin"))
    page = enter("audit")
    page.goto(f"{site.url}/console/quality")
    expect(page.get_by_role("heading", name=re.compile("^抽样时间")).first).to_be_visible()
    assert page.get_by_role("link", name=re.compile("^判断")).count() == 0


@pytest.mark.usefixtures("people")
def test_what_moved_is_said_on_today_and_drawn(enter: Enter, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "FEWEST", 2)
    monkeypatch.setattr(rules, "MOVED", 0.05)
    site.run(drift.measure)
    for number in range(6):
        site.add_records(invented.beside(invented.HUIJI, f"HJ-{number + 20}"))
    site.clock.forward(minutes=5)
    site.run(drift.measure)
    page = enter("admin")
    expect(page.get_by_role("heading", name="比对情况有变化")).to_be_visible()
    expect(page.get_by_text(re.compile("^惠济区 自动关联比例"))).to_be_visible()
    page.goto(f"{site.url}/console/quality")
    expect(page.get_by_role("heading", name="比对分值分布")).to_be_visible()
    region = enter("lihua")
    region.goto(f"{site.url}/console/quality")
    assert region.get_by_role("heading", name="比对分值分布").count() == 0
