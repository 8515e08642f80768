"""A member that promises one live record a person: two of its records are never linked without a decision."""

import pytest
from sqlalchemy import text

from hub.errors import NotFound
from hub.linkage.engines import model_files
from hub.runtime import Hub
from hub.services import enrolment, evaluation, reconciliation
from hub.services.evaluation import Label
from hub.storage import members, seals
from hub.storage.tables import member
from tests.hubs import Enrolled, acts
from tests.people import arrive, patient, persons

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}


def _named(*records: str) -> frozenset[str]:
    return frozenset(f"urn:lianqiao:{name.partition('/')[0]}:record|{name.partition('/')[2]}" for name in records)


async def _tasks(hub: Hub) -> list[tuple[str, str]]:
    async with hub.database.read() as connection:
        rows = await connection.execute(text("SELECT reason, state FROM review_task ORDER BY a, b"))
        return [(row.reason, row.state) for row in rows]


async def test_two_of_its_records_wait_for_a_decision(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    await enrolment.promise_unique(hub, "huiji", unique=True)
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **LI)])
    assert await persons(hub) == {_named("huiji/H1"), _named("huiji/H2")}
    assert await _tasks(hub) == [("two-records-of-one-source", "REVIEW")]
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI), patient("yongkang", "Y2", **LI)])
    assert len(await persons(hub)) == 2, "a record of another region brings them together neither"
    assert await acts(hub, "unique-records") == [{"member": "huiji", "unique_records": True, "actor": "operator"}]


async def test_the_promise_comes_and_goes_for_stored_records_with_reconciliation(hub: Hub, huiji: Enrolled) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **LI)])
    assert len(await persons(hub)) == 1
    await enrolment.promise_unique(hub, "huiji", unique=True)
    await reconciliation.run(hub, "first night")
    assert len(await persons(hub)) == 2
    await enrolment.promise_unique(hub, "huiji", unique=False)
    await reconciliation.run(hub, "second night")
    assert len(await persons(hub)) == 1
    assert await _tasks(hub) == [("two-records-of-one-source", "WITHDRAWN")]


async def test_models_are_judged_with_what_members_promise(hub: Hub, huiji: Enrolled) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **LI)])
    known = [Label(("huiji", "H1"), ("huiji", "H2"), same=False)]
    for unique, decision in ((False, "auto"), (True, "review")):
        await enrolment.promise_unique(hub, "huiji", unique=unique)
        found = await evaluation.evaluate(hub, model_files.content(None), known)
        assert dict(found.present.different) == dict(found.coming.different) == {decision: 1}


async def test_a_record_that_is_not_live_does_not_count(hub: Hub, huiji: Enrolled) -> None:
    await enrolment.promise_unique(hub, "huiji", unique=True)
    await arrive(hub, huiji.member, [{**patient("huiji", "H1", **LI), "active": False}, patient("huiji", "H2", **LI)])
    assert await _tasks(hub) == []


async def test_a_promise_that_somebody_else_wrote_counts_for_nothing(hub: Hub, huiji: Enrolled) -> None:
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE member SET unique_records = true WHERE name = 'huiji'"))
    async with hub.database.read() as connection:
        assert await members.unique_sources(connection) == {}
        assert await seals.forged(connection) == [f"member {huiji.member.id}"]


async def test_nobody_takes_a_promise_back_in_the_database(hub: Hub, huiji: Enrolled) -> None:
    await enrolment.promise_unique(hub, "huiji", unique=True)
    async with hub.database.begin() as connection:
        assert await members.unique_sources(connection) == {"huiji": huiji.member.id}
        assert await seals.forged(connection) == []
        await connection.execute(text("UPDATE member SET unique_records = false WHERE name = 'huiji'"))
    async with hub.database.read() as connection:
        assert await seals.forged(connection) == [f"member {huiji.member.id}"]
        assert await members.by_name(connection, "huiji") is None


async def test_rows_sealed_before_there_was_the_column_still_count(hub: Hub, huiji: Enrolled) -> None:
    before = {name: getattr(huiji.member, name) for name in ("id", "name", "kind", "state")}
    async with hub.database.read() as connection:
        sealed = seals.of(connection, member, before | {"divisions": list(huiji.member.divisions)})
        stored = (await connection.execute(text("SELECT seal FROM member WHERE name = 'huiji'"))).scalar_one()
    assert sealed == stored


async def test_who_is_no_member_promises_nothing(hub: Hub) -> None:
    with pytest.raises(NotFound):
        await enrolment.promise_unique(hub, "nowhere", unique=True)
