"""What linking must keep when records change, when others arrive at the same moment, and when a key becomes crowded."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from hub.linkage import features
from hub.linkage.resident_id import check_digit
from hub.runtime import Hub
from hub.services import linking, reconciliation
from hub.storage import resources
from mappings import divisions
from tests.hubs import Enrolled
from tests.people import arrive, incoming, item_of, patient, persons
from tests.waiting import until_somebody_waits

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}
QIAN = {"name": "钱学", "birth": "1962-10-30", "sex": "male", "id": "330784196210300015", "origin": "330784000000"}
TOGETHER = frozenset({"urn:lianqiao:huiji:record|H1", "urn:lianqiao:yongkang:record|Y1"})


async def _states(hub: Hub) -> list[str]:
    async with hub.database.read() as connection:
        return [row.state for row in await connection.execute(text("SELECT state FROM review_task ORDER BY a, b"))]


async def test_nobody_is_compared_with_what_a_record_was_a_moment_ago(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI)])
    changed, commit = asyncio.Event(), asyncio.Event()

    async def change() -> None:
        other = patient("huiji", "H1", **QIAN)
        async with hub.database.begin() as connection:
            (stored,) = await resources.upsert(
                connection, hub.vault, huiji.member.id, None, [incoming(hub, huiji.member, other)], hub.now()
            )
            item = item_of(stored, features.extract(other, history=divisions.canonical))
            await linking.ingest(hub, connection, huiji.member.id, [item], hub.now())
            changed.set()
            await commit.wait()

    changing = asyncio.create_task(change())
    await changed.wait()
    arriving = asyncio.create_task(arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)]))
    await until_somebody_waits(hub)
    commit.set()
    await asyncio.gather(changing, arriving)
    assert len(await persons(hub)) == 2


async def test_a_true_link_outlives_the_crowding_of_its_key(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    narrow = replace(hub, settings=hub.settings.model_copy(update={"block_limit": 3}))
    await arrive(narrow, huiji.member, [patient("huiji", "H1", **LI)])
    await arrive(narrow, yongkang.member, [patient("yongkang", "Y1", **LI)])
    before = await persons(hub)
    for at in range(4):
        await arrive(narrow, yongkang.member, [patient("yongkang", f"X{at}", **LI)])
    await reconciliation.run(narrow, "night")
    assert any(person >= TOGETHER for person in await persons(hub))
    assert before == {TOGETHER}


async def test_a_correction_of_something_else_does_not_cost_a_link_whose_key_is_crowded(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    narrow = replace(hub, settings=hub.settings.model_copy(update={"block_limit": 3}))
    await arrive(narrow, huiji.member, [patient("huiji", "H1", **LI)])
    await arrive(narrow, yongkang.member, [patient("yongkang", "Y1", **LI)])
    await arrive(narrow, yongkang.member, [patient("yongkang", f"X{at}", **LI) for at in range(4)])
    for member, source, record in ((huiji, "huiji", "H1"), (yongkang, "yongkang", "Y1")):
        await arrive(narrow, member.member, [patient(source, record, **LI, phone="13811112222")])
        assert TOGETHER in await persons(hub)
    await arrive(narrow, huiji.member, [patient("huiji", "H1", **QIAN)])
    assert TOGETHER not in await persons(hub)


async def test_a_member_that_fills_a_key_hides_its_own_records_only(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    narrow = replace(hub, settings=hub.settings.model_copy(update={"block_limit": 6}))
    await arrive(narrow, yongkang.member, [patient("yongkang", f"X{at}", **LI) for at in range(9)])
    await arrive(narrow, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **LI)])
    own = frozenset({"urn:lianqiao:huiji:record|H1", "urn:lianqiao:huiji:record|H2"})
    assert own in await persons(hub)


@pytest.mark.parametrize("change", ["another person", "inactive"])
async def test_a_conflict_goes_when_nothing_speaks_for_it_any_more(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, change: str
) -> None:
    one, other = "41010819900307122", "41010819900307314"
    known = {**LI, "phone": "13811112222", "id": one + check_digit(one)}
    doubtful = {**known, "id": other + check_digit(other)}
    await arrive(hub, huiji.member, [patient("huiji", "H1", **known)])
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **doubtful)])
    assert await _states(hub) == ["REVIEW"]
    gone = patient("yongkang", "Y1", **(QIAN if change == "another person" else doubtful))
    await arrive(hub, yongkang.member, [{**gone, "active": change != "inactive"}])
    assert await _states(hub) == ["WITHDRAWN"]
