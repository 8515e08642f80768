"""In a real browser: a verdict of high risk is proposed by one steward and approved, or sent back, by another."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from tests.console import people as invented
from tests.console.site import Site

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]


@pytest.fixture
def site(own_site: Site) -> Site:
    return own_site  # what was proposed once is a case's history for good


@pytest.fixture
def task(site: Site) -> tuple[UUID, list[int]]:
    records = site.add_records(*invented.two_ids())
    return site.task_of(records), records


def _propose(site: Site, page: Page, address: str) -> None:
    site.clock.forward(minutes=11)  # nobody has it open any more
    page.goto(address)
    page.keyboard.press("s")
    page.keyboard.press("2")
    page.get_by_role("textbox", name=re.compile("^(Note|说明)")).fill("见过本人，旧号已注销")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile("done="))


def test_one_proposes_another_approves(site: Site, enter: Enter, task: tuple[UUID, list[int]]) -> None:
    id_, records = task
    address = f"{site.url}/console/conflicts/{id_}"
    one, other = enter("lihua", language="en"), enter("sunyue")
    one.goto(address)
    one.keyboard.press("s")
    expect(one.get_by_text("A second person has to approve this:").first).to_be_visible()
    _propose(site, one, address)
    expect(one.get_by_role("status")).to_contain_text("Proposed. It counts once a second person approves it.")
    assert len({site.person_of(record) for record in records}) == 2
    one.goto(address)
    expect(one.get_by_text("You proposed it; somebody else approves it.")).to_be_visible()
    assert one.get_by_role("button", name=re.compile("^Approve")).count() == 0

    other.goto(f"{site.url}/console/")
    other.get_by_role("link", name="1 项等待您复核").click()
    other.get_by_role("link", name=re.compile("陈志强")).click()
    expect(other.get_by_text("lihua 提出：是同一人")).to_be_visible()
    expect(other.get_by_text("见过本人，旧号已注销").first).to_be_visible()
    other.keyboard.press("a")
    expect(other.get_by_role("button", name=re.compile("^复核通过"))).to_be_focused()
    other.keyboard.press("Enter")
    expect(other.get_by_role("status")).to_contain_text("已记录：是同一人。")
    assert len({site.person_of(record) for record in records}) == 1
    other.keyboard.press("u")
    expect(other.get_by_role("radio", name=re.compile("^是同一人"))).to_be_visible()
    assert len({site.person_of(record) for record in records}) == 2


def test_it_is_sent_back_with_a_note(site: Site, enter: Enter, task: tuple[UUID, list[int]]) -> None:
    address = f"{site.url}/console/conflicts/{task[0]}"
    one, other = enter("lihua"), enter("sunyue", language="en")
    _propose(site, one, address)
    other.goto(address)
    other.get_by_label("Note to whoever proposed it").fill("请附旧号注销证明")
    other.get_by_role("button", name="Send back").click()
    expect(other.get_by_role("status")).to_contain_text("waits for a decision again")
    one.goto(address)
    expect(one.get_by_text("请附旧号注销证明")).to_be_visible()
    expect(one.get_by_role("radio", name=re.compile("^是同一人"))).to_be_visible()


def test_what_changed_since_cannot_be_approved(site: Site, enter: Enter, task: tuple[UUID, list[int]]) -> None:
    address = f"{site.url}/console/conflicts/{task[0]}"
    one, other = enter("lihua"), enter("sunyue", language="en")
    _propose(site, one, address)
    other.goto(address)
    site.add_records(invented.beside(invented.HUIJI, "HJ-9"))
    other.get_by_role("button", name=re.compile("^Approve")).click()
    expect(other.get_by_role("heading", name="It has changed since it was proposed")).to_be_visible()
    other.get_by_role("link", name="Go back").click()
    expect(other.get_by_role("alert")).to_contain_text("It cannot be approved; send it back")
    assert other.get_by_role("button", name=re.compile("^Approve")).count() == 0
