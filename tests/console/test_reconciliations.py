"""In a real browser: the report of a reconciliation, on screen, on paper and as a file; what a region sees of it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from hub.runtime import Hub
from hub.services import reconciliation
from tests.console import people as invented
from tests.console.site import Site

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]


@pytest.fixture(scope="module")
def address(site: Site) -> str:
    for pair in invented.PAIRS:
        site.add_records(*pair())
    site.add_records(invented.beside(invented.HUIJI, "HJ-9"), invented.beside(invented.HUIJI, "HJ-10"))

    async def run(hub: Hub) -> str:
        return str((await reconciliation.run(hub, "tonight")).run)

    return f"{site.url}/console/reconciliations/{site.run(run)}"


def test_the_report_is_read_printed_and_exported(site: Site, enter: Enter, address: str) -> None:
    page = enter("admin", language="en")
    page.get_by_role("link", name="Reconciliation", exact=True).click()
    page.locator("tbody a").first.click()
    assert page.url == address
    expect(page.get_by_role("heading", name=re.compile("^Reconciliation report"))).to_be_visible()
    expect(page.get_by_text("All records were compared anew.")).to_be_visible()
    row = page.get_by_role("row", name=re.compile("^Huiji"))
    expect(row).to_contain_text("of 1 person")
    expect(page.get_by_text("Printed")).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.get_by_text(re.compile("^Printed"))).to_be_visible()
    expect(page.get_by_role("link", name="Export as CSV")).to_be_hidden()
    page.emulate_media(media="screen")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    text = download.value.path().read_bytes().decode("utf-8-sig")
    assert "Held twice,Huiji,1" in text
    assert "Records examined,,12" in text
    assert "陈志强" not in page.content() + text


def test_the_list_of_runs_fits_a_screen(site: Site, enter: Enter, address: str) -> None:
    page = enter("admin", language="en")
    page.set_viewport_size({"width": 1024, "height": 900})
    page.goto(f"{site.url}/console/reconciliations")
    expect(page.get_by_role("columnheader", name="Persons after")).to_be_visible()
    assert (
        page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.querySelector('.wide'))")
        <= 0
    )


def test_a_region_reads_its_own_figures(enter: Enter, address: str) -> None:
    page = enter("lihua")
    page.goto(address)
    expect(page.get_by_role("row", name=re.compile("^永康市"))).to_be_visible()
    assert page.get_by_role("row", name=re.compile("^惠济区")).count() == 0
    assert page.get_by_text("核查前后人数").count() == 0
    text = page.context.request.get(f"{address}/report.csv").text()
    assert "永康市" in text
    assert "惠济区" not in text


def test_a_run_that_never_was(site: Site, enter: Enter) -> None:
    page = enter("admin", language="en")
    answer = page.goto(f"{site.url}/console/reconciliations/00000000-0000-0000-0000-000000000000")
    assert answer is not None
    assert answer.status == 404
