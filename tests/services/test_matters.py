"""Cases: under an agreement that asks for one, nothing moves before it is opened, after it is closed or past its end."""

import asyncio
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from hub.errors import Invalid, NotAllowed, NotFound
from hub.runtime import Hub
from hub.services import mailboxes, matters, terms
from hub.settings import Settings
from hub.storage import seals
from mappings import vocabulary
from tests.documents import PERSON_PAGE, Beside, page, record, rows, sheet, taken_in, told
from tests.hubs import Clock, Enrolled, acts
from tests.messages import agree, letter, post, posted
from tests.processes import started

MARRIAGE, BIRTH, SERVICE = vocabulary.MARRIAGE_CERTIFICATE, vocabulary.BIRTH_CERTIFICATE, "certificate-service"
PAPER: dict[str, Any] = {"typ": MARRIAGE, "purpose": SERVICE, "consent_ref": None}
HERS = "YK0000001"


@pytest.fixture
async def agreed(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> UUID:
    """An agreement that asks for a case, and the record of one person whom both regions know."""
    await taken_in(hub, yongkang, Beside(), page([record(1), record(2)]), PERSON_PAGE)
    return await agree(hub, yongkang, huiji, kinds=[MARRIAGE], purposes=[SERVICE], case_required=True)


async def begin(hub: Hub, agreement: UUID, **changed: Any) -> list[UUID]:
    given: dict[str, Any] = {"region": "yongkang", "record_id": HERS, "reason": "school place"} | changed
    return [case.id for case in await matters.begin(hub, agreement, **given)]


async def refusal(hub: Hub, sender: Enrolled, recipient: Enrolled, number: int = 1) -> str:
    """Why a certificate about person `number` is refused; nothing when it is not."""
    try:
        await post(hub, sender, letter(hub, sender, recipient, number, **PAPER))
    except NotAllowed as refused:
        return refused.code
    return ""


async def test_refused_before_permitted_while_open_refused_after(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, agreed: UUID
) -> None:
    assert await refusal(hub, yongkang, huiji) == "no-case"
    (case,) = await begin(hub, agreed)
    assert await refusal(hub, yongkang, huiji) == ""
    assert await refusal(hub, yongkang, huiji, 2) == "no-case"
    assert await matters.close(hub, case)
    assert await refusal(hub, yongkang, huiji) == "no-case"


async def test_what_waits_is_not_handed_over_once_the_case_is_closed(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, agreed: UUID
) -> None:
    (case,) = await begin(hub, agreed)
    first = await posted(hub, yongkang, huiji, **PAPER)
    (handed,) = await mailboxes.lease(hub, huiji.member, most=5, seconds=60)
    assert handed.item.message_id == first.message_id
    second = await posted(hub, yongkang, huiji, **PAPER)
    await matters.close(hub, case)
    assert await mailboxes.lease(hub, huiji.member, most=5, seconds=60) == []
    assert (await told(hub, yongkang, second.message_id))["state"] == "VOIDED"


async def test_it_ends_by_itself(hub: Hub, yongkang: Enrolled, huiji: Enrolled, agreed: UUID, clock: Clock) -> None:
    await begin(hub, agreed)
    clock.moment += matters.DEFAULT - timedelta(seconds=1)
    assert await refusal(hub, yongkang, huiji) == ""
    clock.advance(seconds=1)
    assert await refusal(hub, yongkang, huiji) == "no-case"
    (found,) = await matters.listed(hub)
    assert (found.open, found.case.closed) == (False, False)
    assert await begin(hub, agreed) == [found.case.id]
    assert await refusal(hub, yongkang, huiji) == ""


@pytest.mark.parametrize("days", [None, 7])
async def test_a_case_without_an_end_has_ended_and_can_be_opened_again(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, agreed: UUID, clock: Clock, days: int | None
) -> None:
    (case,) = await begin(hub, agreed)
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE exchange_case SET closed_at = NULL, seal = NULL"))
        await seals.seal_unsealed(connection)
    (found,) = await matters.listed(hub)
    assert (found.open, found.case.closed) == (False, False)
    assert await refusal(hub, yongkang, huiji) == "no-case"
    until = clock() + timedelta(days=days) if days else None
    assert await begin(hub, agreed, until=until) == [case]
    assert await refusal(hub, yongkang, huiji) == ""
    (found,) = await matters.listed(hub)
    assert (found.open, found.case.ends_at) == (True, until or clock() + matters.DEFAULT)


async def test_a_case_without_an_end_can_be_closed(hub: Hub, agreed: UUID, clock: Clock) -> None:
    (case,) = await begin(hub, agreed)
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE exchange_case SET closed_at = NULL, seal = NULL"))
        await seals.seal_unsealed(connection)
    assert await matters.close(hub, case)
    (found,) = await matters.listed(hub)
    assert (found.case.closed, found.case.ends_at) == (True, clock())


async def test_opening_again_is_opening_once(hub: Hub, agreed: UUID, clock: Clock) -> None:
    several = await asyncio.gather(*(begin(hub, agreed) for _ in range(5)))
    assert len({case for (case,) in several}) == 1
    clock.advance(days=3)
    assert await begin(hub, agreed) == several[0]
    (opened,) = await acts(hub, "open-case")
    assert (opened["case"], opened["agreement"]) == (str(several[0][0]), str(agreed))
    assert (opened["from"], opened["to"], opened["kind"]) == ("yongkang", "huiji", MARRIAGE)
    assert (opened["reason"], opened["actor"]) == ("school place", "operator")
    (found,) = await matters.listed(hub)
    assert found.case.ends_at == clock() - timedelta(days=3) + matters.DEFAULT


async def test_its_end_can_be_moved_and_is_moved_once(hub: Hub, agreed: UUID, clock: Clock) -> None:
    until = clock() + timedelta(days=7)
    for _ in range(2):
        await begin(hub, agreed)
        await begin(hub, agreed, until=until)
    (found,) = await matters.listed(hub)
    assert (found.case.ends_at, found.open) == (until, True)
    assert len(await acts(hub, "open-case")) == 2


async def test_none_outlasts_its_agreement(hub: Hub, yongkang: Enrolled, huiji: Enrolled, agreed: UUID) -> None:
    brief = await agree(hub, yongkang, huiji, kinds=[MARRIAGE], purposes=[SERVICE], case_required=True, days=5)
    await begin(hub, brief)
    (found,) = await matters.listed(hub)
    assert found.case.ends_at == hub.now() + timedelta(days=5)


async def test_closing_again_changes_nothing(hub: Hub, agreed: UUID, clock: Clock) -> None:
    (case,) = await begin(hub, agreed)
    closed = clock.advance(days=1)
    assert await matters.close(hub, case)
    clock.advance(days=1)
    assert not await matters.close(hub, case)
    assert [act["case"] for act in await acts(hub, "close-case")] == [str(case)]
    (found,) = await matters.listed(hub)
    assert (found.case.ends_at, found.open) == (closed, False)
    with pytest.raises(NotFound):
        await matters.close(hub, uuid4())


async def test_the_other_region_names_the_person_by_its_own_number(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, agreed: UUID
) -> None:
    await taken_in(hub, huiji, Beside(), sheet(rows(1)))
    hers = rows(1)[0]["登记编号"]
    assert await begin(hub, agreed, region="huiji", record_id=hers) == await begin(hub, agreed)
    assert await refusal(hub, yongkang, huiji) == ""
    alone = rows(1, first=7)
    await taken_in(hub, huiji, Beside(), sheet(alone))
    with pytest.raises(NotFound, match="yongkang has no record"):
        await begin(hub, agreed, region="huiji", record_id=alone[0]["登记编号"])


async def test_each_kind_of_the_agreement_has_its_case(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, agreed: UUID
) -> None:
    both = await agree(hub, yongkang, huiji, kinds=[MARRIAGE, BIRTH], purposes=[SERVICE], case_required=True)
    assert len(await begin(hub, both)) == 2
    assert {found.case.kind for found in await matters.listed(hub)} == {MARRIAGE, BIRTH}


async def test_what_is_no_case_is_refused(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, agreed: UUID, clock: Clock
) -> None:
    free = await agree(hub, huiji, yongkang, kinds=[MARRIAGE], purposes=[SERVICE])
    over = await agree(hub, huiji, yongkang, kinds=[MARRIAGE], purposes=[SERVICE], case_required=True)
    await terms.end(hub, over)
    wrong: list[tuple[UUID, dict[str, Any], str]] = [
        (free, {}, "no-case-needed"),
        (agreed, {"region": "nobody"}, "bad-region"),
        (agreed, {"reason": " "}, "reason-missing"),
        (agreed, {"reason": "x" * 301}, "reason-missing"),
        (agreed, {"until": clock()}, "bad-time"),
        (agreed, {"until": clock() + timedelta(days=400)}, "bad-time"),
    ]
    for agreement, changed, code in wrong:
        with pytest.raises(Invalid) as refused:
            await begin(hub, agreement, **changed)
        assert refused.value.code == code
    for agreement, number in ((uuid4(), HERS), (over, HERS), (agreed, "YK0000999")):
        with pytest.raises(NotFound):
            await begin(hub, agreement, record_id=number)
    assert await matters.listed(hub) == []
    assert await acts(hub, "open-case") == []


async def test_by_the_commands(
    hub: Hub,
    hub_settings: Settings,
    yongkang: Enrolled,
    huiji: Enrolled,
    agreed: UUID,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("said")

    def say(*command: str) -> str:
        with started(hub_settings, folder, *command, COLUMNS="200") as running:
            assert running.process.wait(60) == 0, running.log.read_text()
            return running.log.read_text()

    assert await refusal(hub, yongkang, huiji) == "no-case"
    until = f"{hub.now() + timedelta(days=10):%Y-%m-%d}"
    opening = ("case", "open", str(agreed), "--region", "yongkang", "--record", HERS, "--reason", "school place")
    said = await asyncio.to_thread(say, *opening, "--until", until)
    found = re.match(rf"case (\S+) {MARRIAGE} until {until}\n", said)
    assert found, said
    assert await refusal(hub, yongkang, huiji) == ""
    assert re.search(rf"{found[1]}.*yongkang.*huiji.*open", await asyncio.to_thread(say, "case", "list"))
    assert await asyncio.to_thread(say, "case", "close", found[1]) == "closed\n"
    assert await asyncio.to_thread(say, "case", "close", found[1]) == "was closed before\n"
    assert await refusal(hub, yongkang, huiji) == "no-case"
    assert re.search(rf"{found[1]}.*closed", await asyncio.to_thread(say, "case", "list"))
