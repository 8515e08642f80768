"""In a real browser: open a conflict, see why, decide with the keyboard, undo; what others may not see; old views."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from hub.runtime import Hub
from hub.storage import access, decisions, people, reviews
from hub.storage.audit import leaf_by_hash, unplaced
from tests.console import people as invented
from tests.console import world
from tests.console.language import speak
from tests.console.site import Site

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]


class Matters:
    """The conflicts that there are: record ids and tasks by the name of their pair."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.records: dict[str, list[int]] = {}
        self.tasks: dict[str, UUID] = {}
        for pair in invented.PAIRS:
            ids = site.add_records(*pair())
            self.records[pair.__name__], self.tasks[pair.__name__] = ids, site.task_of(ids)
        site.add_records(invented.beside(invented.HUIJI, "HJ-9"), invented.beside(invented.JINJIANG, "JJ-9"))

    def address(self, name: str) -> str:
        return f"{self.site.url}/console/conflicts/{self.tasks[name]}"

    def persons(self, name: str) -> list[UUID | None]:
        return [self.site.person_of(id_) for id_ in self.records[name]]

    def events(self, name: str) -> list[tuple[str, str]]:
        async def read(hub: Hub) -> list[tuple[str, str]]:
            async with hub.database.read() as connection:
                found = await decisions.of_pair(connection, *self.records[name])
            return [(event.kind, event.reason) for event in found]

        return list(self.site.run(read))

    def state(self, name: str) -> str:
        async def read(hub: Hub) -> str:
            async with hub.database.read() as connection:
                task = await reviews.get(connection, self.tasks[name], None)
            assert task is not None
            return task.state

        return str(self.site.run(read))


@pytest.fixture(scope="module")
def all_matters(site: Site) -> Matters:
    return Matters(site)


@pytest.fixture
def matters(all_matters: Matters) -> Matters:
    """The conflicts, which nobody has open any more. Each test leaves them as they were: any may be the first."""
    all_matters.site.clock.forward(minutes=11)
    return all_matters


def test_a_steward_finds_the_conflict_and_sees_why(matters: Matters, enter: Enter) -> None:
    page = enter("lihua", language="en")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    page.get_by_role("link", name="Two different valid resident IDs").click()
    page.get_by_role("link", name=re.compile("陈志强")).click()
    expect(page.get_by_role("heading", name="Two different valid resident IDs")).to_be_visible()
    row = page.get_by_role("row", name=re.compile("^Resident ID"))
    expect(row).to_contain_text("Differs")
    expect(row).to_contain_text("Two different numbers, both with a right check digit.")
    expect(page.get_by_role("row", name=re.compile("^Phone")).first).to_contain_text("Same")
    expect(page.locator(".fall tfoot")).to_contain_text(re.compile(r"\+\d"))
    expect(page.get_by_text("One more belongs to another region and is not shown.")).to_be_visible()


def test_decide_and_undo_with_the_keyboard(matters: Matters, enter: Enter) -> None:
    before, past = matters.persons("no_id"), matters.events("no_id")
    page = enter("lihua")
    page.goto(matters.address("no_id"))
    page.keyboard.press("s")
    expect(page.get_by_role("radio", name=re.compile("^是同一人"))).to_be_checked()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"done={matters.tasks['no_id']}"))
    assert matters.tasks["no_id"].hex not in urlsplit(page.url).path.replace("-", "")
    expect(page.get_by_role("status")).to_contain_text("已记录：是同一人。")
    assert matters.state("no_id") == "CONFIRMED"
    assert matters.events("no_id") == [*past, ("MUST_LINK", "confirmed-by-person")]
    after = matters.persons("no_id")
    assert after[0] == after[1] == before[0]
    page.keyboard.press("u")
    page.wait_for_url(matters.address("no_id"))
    assert matters.state("no_id") == "REVIEW"
    assert matters.persons("no_id") == before
    expect(page.get_by_role("heading", name="以往结论")).to_be_visible()


def test_a_reason_is_asked_for_before_anything_is_sent(matters: Matters, enter: Enter) -> None:
    page = enter("lihua", language="en")
    page.goto(matters.address("twins"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("First choose: the same person, different persons, or later.")
    page.keyboard.press("d")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Choose a reason. Every decision needs one.")
    page.keyboard.press("6")
    expect(page.get_by_role("textbox", name=re.compile("^Note"))).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_have_text("“Other” needs a few words in the note.")
    page.keyboard.type("sdf")  # letters are letters inside the note
    assert page.url == matters.address("twins")
    assert matters.events("twins") == []
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile("done="))
    assert matters.events("twins") == [("CANNOT_LINK", "other")]
    page.goto(matters.address("twins"))
    expect(page.get_by_text("sdf")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("radio", name=re.compile("^Different persons"))).to_be_visible()


def test_walking_the_queue_help_and_switching_keys_off(matters: Matters, enter: Enter) -> None:
    page = enter("lihua", language="en")
    page.goto(f"{matters.site.url}/console/conflicts")
    first, second = [page.locator("a.row").nth(n).get_attribute("href") for n in (0, 1)]
    page.goto(f"{matters.site.url}{first}")
    page.keyboard.press("j")
    page.wait_for_url(f"**{second}")
    page.keyboard.press("k")
    page.wait_for_url(f"**{first}")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("s")
    page.get_by_label("Single-key shortcuts on").uncheck()
    page.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    page.keyboard.press("s")
    expect(page.get_by_role("radio", name=re.compile("^The same person"))).not_to_be_checked()


def test_everything_works_without_scripts(
    matters: Matters, new_context: Callable[..., BrowserContext], site: Site
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(matters.address("no_id"))
    page.get_by_label("用户名").fill("zhouping")
    page.get_by_label("密码").fill(world.PASSWORD)
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name="登录").click()
    assert page.url == matters.address("no_id")
    speak(page, "zh")  # the language somebody chose stays theirs
    page.get_by_role("button", name="确认").click()
    expect(page.get_by_role("alert")).to_contain_text("请先选择判断")
    page.get_by_role("radio", name=re.compile("^暂不决定")).check()
    page.get_by_role("radio", name=re.compile("^其他")).last.check()
    page.get_by_role("button", name="确认").click()
    expect(page.get_by_role("alert")).to_contain_text("请写明理由")
    expect(page.get_by_role("radio", name=re.compile("^暂不决定"))).to_be_checked()
    page.get_by_role("textbox", name=re.compile("^说明")).fill("电话打不通")
    page.get_by_role("button", name="确认").click()
    expect(page.get_by_role("status")).to_contain_text("已推迟")
    assert matters.state("no_id") == "DEFERRED"
    page.get_by_role("button", name=re.compile("^撤销")).click()
    assert matters.state("no_id") == "REVIEW"
    page.goto(f"{site.url}/console/conflicts")
    page.get_by_label("显示").select_option("deferred")
    page.get_by_role("button", name="筛选").click()
    expect(page.get_by_role("heading", name="没有推迟处理的记录")).to_be_visible()
    page.goto(matters.address("no_id"))
    page.get_by_label(re.compile("查看完整号码的目的")).select_option("ask-person")
    page.get_by_role("button", name="显示完整号码").click()
    expect(page.get_by_text("13967955008")).to_be_visible()
    page.goto(matters.address("no_id"))
    expect(page.get_by_text("13967955008")).to_have_count(0)
    page.get_by_text("谁查看过这两个人").click()
    page.get_by_role("link", name="打开查看台账").click()
    expect(page.get_by_role("row", name=re.compile("查看完整号码")).first).to_contain_text("向本人核实")


def test_a_steward_of_another_region_cannot_see_it_and_the_attempt_is_audited(matters: Matters, enter: Enter) -> None:
    page = enter("lihua", language="en")
    answer = page.goto(matters.address("elsewhere"))
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    assert "林美凤" not in page.content()
    page.goto(f"{matters.site.url}/console/conflicts")
    expect(page.get_by_text("林美凤")).to_have_count(0)

    async def evidence(hub: Hub) -> tuple[list[str], list[tuple[str, str]]]:
        async with hub.database.read() as connection:
            leaves = [await leaf_by_hash(connection, hash_) for _, hash_ in await unplaced(connection, 10_000)]
            person = (await people.info(connection, matters.records["elsewhere"]))[matters.records["elsewhere"][0]]
            noted = await access.about(connection, [person.anchor], [])
        return [leaf.act for leaf in leaves if leaf], [(event.actor, event.outcome) for event in noted]

    acts, noted = matters.site.run(evidence)
    assert "look-up-refused" in acts
    assert ("lihua", "not-visible") in noted
    other = enter("jin", language="en")
    other.goto(matters.address("elsewhere"))
    expect(other.get_by_text("林美凤").first).to_be_visible()


def test_who_looked_is_shown_and_exported(matters: Matters, enter: Enter) -> None:
    page = enter("sunyue", language="en")
    page.goto(matters.address("slips"))
    page.get_by_text("Who looked at these persons").click()
    mine = page.locator("#look-ups").get_by_role("row", name=re.compile("sunyue")).first
    expect(mine).to_contain_text("viewed the conflict")
    expect(mine).to_contain_text("ID (masked)")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    content = download.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert "viewed the conflict" in content.decode("utf-8-sig")


def test_what_another_region_looked_up_is_only_said_to_have_been(matters: Matters, enter: Enter) -> None:
    async def sent(hub: Hub) -> None:
        record = matters.records["slips"][0]
        async with hub.database.begin() as connection:
            person = (await people.info(connection, (record,)))[record].person_id
            given = ("continuity-of-care", person, None, ("contraception-report",), "permit", hub.now())
            await access.note(connection, [access.Access("jinjiang", "jinjiang", "hand-over", *given)])

    matters.site.run(sent)
    said = {"en": ("another region", "a look-up", "contraception"), "zh": ("其他地区", "有过查看", "避孕")}
    for language, (body, act, kind) in said.items():
        page = enter("sunyue", language=language)
        page.goto(f"{matters.address('slips')}/look-ups")
        line = page.get_by_role("row").filter(has_text=body).first
        expect(line).to_contain_text(act)
        content = page.content() + page.context.request.get(f"{page.url}.csv").text()
        assert body in content
        assert "jinjiang" not in content
        assert kind not in content
    page = enter("admin", language="en")
    page.goto(f"{matters.address('slips')}/look-ups")
    expect(page.get_by_role("row").filter(has_text="jinjiang").first).to_contain_text("contraception report")


def test_numbers_are_masked_until_they_are_asked_for_with_a_purpose(matters: Matters, enter: Enter) -> None:
    numbers = [i["value"] for patient in invented.slips() for i in patient["identifier"][1:]]
    page = enter("lihua", language="en")
    page.goto(matters.address("slips"))
    assert [number for number in (*numbers, "13858912046", "13603719925") if number in page.content()] == []
    assert page.locator("#comparison mark").count() > 4
    page.get_by_label(re.compile("^Numbers are masked")).select_option("check-document")
    page.get_by_role("button", name="Show in full").click()
    expect(page.get_by_text("Numbers are shown in full")).to_be_visible()
    own, foreign = _numbers(matters, "slips", 0), _numbers(matters, "slips", 1)
    table = page.locator("#comparison").inner_text().replace("\n", "")
    assert [number for number in own if number not in table] == []
    assert [number for number in foreign if number in page.content()] == []
    assert page.url == matters.address("slips")


def _numbers(matters: Matters, name: str, place: int) -> list[str]:
    """All that points to the person in one of the two records: numbers, telephones, and where she lives to the door."""
    pair = {pair.__name__: pair for pair in invented.PAIRS}[name]()
    found = [i["value"] for i in pair[place]["identifier"][1:]] + [t["value"] for t in pair[place].get("telecom", ())]
    return found + [a["text"] for a in pair[place]["address"] if re.search(r"\d", a["text"])]


def test_another_regions_numbers_are_shown_once_that_region_agreed(matters: Matters, enter: Enter) -> None:
    numbers = [number for number in _numbers(matters, "two_ids", 1) if number not in _numbers(matters, "two_ids", 0)]
    asking = enter("lihua", language="zh")
    asking.goto(matters.address("two_ids"))
    assert "•号" in asking.content()
    asking.get_by_label(re.compile("^惠济区的号码须经其同意")).select_option("check-document")
    asking.get_by_role("button", name="向对方申请").click()
    expect(asking.get_by_text("尚未答复")).to_be_visible()
    answering = enter("sunyue", language="en")
    answering.get_by_role("link", name=re.compile("^lihua of Yongkang asks")).click()
    expect(answering.get_by_text("Purpose: check a document.")).to_be_visible()
    answering.get_by_role("button", name="Agree", exact=True).click()
    expect(answering.get_by_role("button", name="Agree", exact=True)).to_have_count(0)
    asking.goto(matters.address("two_ids"))
    expect(asking.get_by_text("惠济区已同意")).to_be_visible()
    assert [number for number in numbers if number in asking.content()] == []
    asking.get_by_label(re.compile("查看完整号码的目的")).select_option("check-document")
    asking.get_by_role("button", name="显示完整号码").click()
    expect(asking.get_by_text("完整号码已显示")).to_be_visible()
    table = asking.locator("#comparison").inner_text().replace("\n", "")
    assert [number for number in numbers if number not in table] == []


@pytest.mark.parametrize(("name", "may"), [("audit", False), ("admin", False), ("sunyue", True)])
def test_who_may_only_read_has_no_buttons_for_more(matters: Matters, enter: Enter, name: str, may: bool) -> None:
    page = enter(name, language="en")
    page.goto(matters.address("slips"))
    expect(page.get_by_role("table").first).to_be_visible()
    assert page.get_by_role("button", name=re.compile("^Confirm")).count() == int(may)
    assert page.get_by_role("button", name="Show in full").count() == int(may)


def test_a_decision_on_an_old_view_is_refused_with_what_to_do(matters: Matters, enter: Enter) -> None:
    slow, quick = enter("lihua", language="en"), enter("sunyue", language="en")
    for page in (slow, quick):
        matters.site.clock.forward(minutes=11)
        page.goto(matters.address("slips"))
        page.keyboard.press("d")
        page.keyboard.press("4")
    quick.keyboard.press("Enter")
    quick.wait_for_url(re.compile("done="))
    events = matters.events("slips")
    slow.keyboard.press("Enter")
    expect(slow.get_by_role("heading", name="It has changed meanwhile")).to_be_visible()
    expect(slow.get_by_text("Your decision was not saved")).to_be_visible()
    assert matters.events("slips") == events
    slow.get_by_role("link", name="Go back").click()
    expect(slow.get_by_text("Persons follow this decision.")).to_be_visible()
    assert slow.get_by_role("button", name=re.compile("^Undo")).count() == 0  # another's decision
    slow.goto(f"{matters.site.url}/console/conflicts?view=decided")
    expect(slow.get_by_role("row", name=re.compile("王秀英"))).to_contain_text("different persons")
    quick.keyboard.press("u")
    expect(quick.get_by_role("radio", name=re.compile("^Different persons"))).to_be_visible()


def test_a_second_steward_sees_who_has_it_open(matters: Matters, enter: Enter) -> None:
    first, second = enter("lihua", language="en"), enter("sunyue", language="en")
    first.goto(matters.address("twins"))
    second.goto(matters.address("twins"))
    expect(second.get_by_role("status")).to_contain_text("lihua has it open until")
    assert second.get_by_role("button", name=re.compile("^Confirm")).count() == 0
    second.goto(f"{matters.site.url}/console/conflicts")
    expect(second.get_by_role("row", name=re.compile("李思琪"))).to_contain_text("lihua has it open until")
    supervisor = enter("zhouping", language="en")
    supervisor.goto(matters.address("twins"))
    expect(supervisor.get_by_role("status")).to_contain_text("lihua has it open until")
    expect(supervisor.get_by_role("button", name=re.compile("^Confirm"))).to_be_visible()
    matters.site.clock.forward(minutes=11)
    second.goto(matters.address("twins"))
    expect(second.get_by_role("button", name=re.compile("^Confirm"))).to_be_visible()


def test_taking_giving_and_letting_go(matters: Matters, enter: Enter) -> None:
    page = enter("lihua", language="en")
    page.goto(matters.address("twins"))
    page.keyboard.press("t")
    expect(page.get_by_text("This one is yours.")).to_be_visible()
    page.goto(f"{matters.site.url}/console/conflicts?view=mine")
    expect(page.locator("a.row")).to_have_count(1)
    admin = enter("admin", language="zh")
    admin.goto(matters.address("twins"))
    admin.get_by_label("指派给").select_option("sunyue")
    admin.get_by_role("button", name="指派", exact=True).click()
    expect(admin.get_by_text("由 sunyue 负责。")).to_be_visible()
    admin.get_by_role("button", name="放弃领取").click()
    expect(admin.get_by_text("尚无人负责。")).to_be_visible()


def test_a_form_address_loaded_again_leads_to_the_case(matters: Matters, enter: Enter) -> None:
    page: Any = enter("lihua")
    for act in ("decide", "undo", "reveal"):
        page.goto(f"{matters.address('two_ids')}/{act}")
        assert page.url == matters.address("two_ids")
