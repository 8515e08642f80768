"""Reconciliation: everybody compared anew, held-twice told to who holds them, resumable at any point, and idempotent."""

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from hub.errors import Conflict
from hub.runtime import Hub
from hub.services import reconciliation
from hub.services.reconciliation import Report
from hub.storage import members, people
from tests.documents import number_of
from tests.hubs import Enrolled, acts
from tests.people import arrive, named_persons, patient, persons

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}


def _somebody(number: int, source: str = "huiji", **said: str) -> dict[str, Any]:
    day, month, year = number % 28 + 1, number // 28 % 12 + 1, 1950 + number % 60
    given = {"name": f"{'王李张刘陈'[number % 5]}{'伟芳娜敏静'[number // 5 % 5]}{'华明国玉兰'[number // 25 % 5]}",
             "birth": f"{year}-{month:02}-{day:02}", "phone": f"138{number * 7919 % 10**8:08}"}  # fmt: skip
    return patient(source, f"P{number}", **(given | said))


async def _register(hub: Hub, owner: Enrolled) -> None:
    async with hub.database.begin() as connection:
        await members.put_endpoint(
            connection, hub.vault, owner.member.id, "webhook", "https://x.example/", "whsec_eA=="
        )


async def _notices(hub: Hub) -> list[dict[str, Any]]:
    async with hub.database.read() as connection:
        rows = await connection.execute(
            text("SELECT payload FROM delivery WHERE topic = 'duplicate' ORDER BY created_at")
        )
        return [orjson.loads(row.payload) for row in rows]


async def test_what_a_member_holds_twice_is_found_and_told_to_it_alone(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled
) -> None:
    await _register(hub, huiji)
    await _register(hub, yongkang)
    twice = [patient("huiji", name, **LI) for name in ("H1", "H2", "H3")]
    await arrive(hub, huiji.member, [*twice, *(_somebody(number) for number in range(20))])
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    report = await reconciliation.run(hub, "tonight")
    assert (report.examined, report.duplicates, report.notices) == (24, 2, 1)
    assert await _notices(hub) == [{"type": "lianqiao.duplicate", "run": str(report.run), "persons": 1, "records": 3}]
    (act,) = await acts(hub, "reconcile")
    assert (act["examined"], act["duplicates"]) == (24, 2)


async def test_a_second_run_changes_nothing(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    await _register(hub, huiji)
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **LI)])
    await arrive(hub, yongkang.member, [_somebody(number, "yongkang") for number in range(30)])
    await reconciliation.run(hub, "tonight")
    before = await named_persons(hub), await _counts(hub)
    again = await reconciliation.run(hub, "tomorrow")
    assert (again.moved, again.reviews) == (0, 0)
    assert (await named_persons(hub), await _counts(hub)) == before


async def _counts(hub: Hub) -> dict[str, int]:
    names = ("membership", "membership_history", "person_event", "pair_score", "review_task", "decision_event")
    return {name: await number_of(hub, name) for name in names}


async def test_the_same_run_again_is_told_and_written_once(hub: Hub, huiji: Enrolled) -> None:
    await _register(hub, huiji)
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **LI)])
    first = await reconciliation.run(hub, "tonight")
    again = await reconciliation.run(hub, "tonight")
    assert (again.run, again.examined, again.notices) == (first.run, first.examined, 0)
    assert len(await _notices(hub)) == 1
    assert len(await acts(hub, "reconcile")) == 1


async def test_a_hub_without_people_is_reconciled_at_once(hub: Hub) -> None:
    report = await reconciliation.run(hub, "tonight")
    assert report == Report(report.run, 0, 0, 0, 0, 0)


class Killed(BaseException):
    """The process is gone."""


async def test_a_run_that_died_goes_on_behind_its_last_transaction(
    hub: Hub, huiji: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_BATCH", 7)
    await _register(hub, huiji)
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **LI)])
    await arrive(hub, huiji.member, [_somebody(number) for number in range(38)])
    steps: list[tuple[int, int]] = []

    def dies(done: int, total: int) -> None:
        steps.append((done, total))
        raise Killed

    deaths = 0
    while True:
        try:
            report = await reconciliation.run(hub, "tonight", progress=dies)
        except Killed:
            deaths += 1
            continue
        break
    assert deaths == 6
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    assert (report.examined, report.duplicates, report.notices) == (40, 1, 1)
    assert len(await acts(hub, "reconcile")) == 1


async def test_two_at_once_are_one_run(hub: Hub, huiji: Enrolled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "_BATCH", 5)
    await _register(hub, huiji)
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **LI)])
    await arrive(hub, huiji.member, [_somebody(number) for number in range(28)])
    results = await asyncio.gather(*(reconciliation.run(hub, "tonight") for _ in range(3)), return_exceptions=True)
    reports = [result for result in results if isinstance(result, Report)]
    lost = [result for result in results if not isinstance(result, Report)]
    assert reports
    assert all(isinstance(error, Conflict) and error.code == "lease-lost" for error in lost)
    assert {report.examined for report in reports} == {30}
    assert len(await _notices(hub)) == 1
    assert len(await acts(hub, "reconcile")) == 1


async def test_it_finds_what_arrival_missed(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    """Scores that were lost (a model that knew less, a block that was too large that day) are made good."""
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI)])
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    together = await persons(hub)
    async with hub.database.begin() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 10)
        infos = await people.info(connection, ids)
        await connection.execute(text("DELETE FROM pair_score"))
        event = (await connection.execute(text("SELECT max(id) FROM person_event"))).scalar_one()
        for info in infos.values():
            await connection.execute(
                text("UPDATE membership SET person_id = :anchor, since = :event WHERE record_id = :id"),
                {"anchor": info.anchor, "event": event, "id": info.id},
            )
    assert len(await persons(hub)) == 2
    report = await reconciliation.run(hub, "tonight")
    assert report.moved == 1
    assert await persons(hub) == together


async def test_records_that_come_while_it_runs_are_left_to_the_next(
    hub: Hub, huiji: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_BATCH", 5)
    await arrive(hub, huiji.member, [_somebody(number) for number in range(10)])
    arriving: list[asyncio.Task[Any]] = []

    def more(done: int, total: int) -> None:
        if not arriving:
            arriving.append(asyncio.create_task(arrive(hub, huiji.member, [_somebody(50 + n) for n in range(5)])))

    report = await reconciliation.run(hub, "tonight", progress=more)
    await arriving[0]
    assert report.examined == 10
    assert (await reconciliation.run(hub, "tomorrow")).examined == 15
