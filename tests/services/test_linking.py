"""The properties that persons must keep, whatever arrives in whatever order and whoever decides (ARCHITECTURE §6)."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from hub.errors import Conflict
from hub.runtime import Hub
from hub.services import linking, projecting
from hub.storage import decisions, people, person_events, reviews
from hub.storage.decisions import Decision
from tests.hubs import Enrolled
from tests.people import arrive, forget_everybody, named_persons, patient, persons

A_ID = "410108199003071228"
LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": A_ID, "origin": "410108000000"}


def _population(seed: int) -> list[tuple[str, dict[str, Any]]]:
    """(member name, patient): twenty people, most of them known to both counties with small faults."""
    draw = random.Random(seed)
    rows = []
    for at in range(20):
        name = draw.choice("王李张刘陈杨赵黄周吴") + draw.choice("伟芳娜敏静丽强磊军洋") + draw.choice("华明国玉兰杰")
        birth = f"{draw.randrange(1960, 2010)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
        sex = draw.choice(["male", "female"])
        phone = f"138{draw.randrange(10**8):08}"
        said = {"name": name, "birth": birth, "sex": sex, "phone": phone, "origin": "410108000000"}
        rows.append(("huiji", patient("huiji", f"H{at}", **said)))
        if draw.random() < 0.8:
            rows.append(("yongkang", patient("yongkang", f"Y{at}", **said)))
        if draw.random() < 0.3:
            rows.append(("yongkang", patient("yongkang", f"Z{at}", **{**said, "birth": birth[:7]})))
    return rows


async def _arrive_in(hub: Hub, members: dict[str, Enrolled], rows: list[tuple[str, dict[str, Any]]], size: int) -> None:
    for start in range(0, len(rows), size):
        for name, enrolled in members.items():
            some = [p for owner, p in rows[start : start + size] if owner == name]
            if some:
                await arrive(hub, enrolled.member, some)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_order_and_any_batches_give_the_same_persons(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, seed: int
) -> None:
    members = {"yongkang": yongkang, "huiji": huiji}
    rows = _population(seed)
    await _arrive_in(hub, members, rows, len(rows))
    at_once = await persons(hub)
    assert any(len(person) > 1 for person in at_once)
    await forget_everybody(hub)
    random.Random(seed).shuffle(rows)
    await _arrive_in(hub, members, rows, 3)
    assert await persons(hub) == at_once


async def test_the_same_record_again_changes_nothing(hub: Hub, yongkang: Enrolled) -> None:
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    before = await named_persons(hub)
    outcome = await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    assert not outcome.moves
    assert await named_persons(hub) == before


async def test_the_oldest_record_keeps_the_person_id(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI)])
    (first,) = await named_persons(hub)
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    assert set(await named_persons(hub)) == {first}


async def test_lost_ids_resolve_to_the_person_that_took_them_over(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI)])
    other = {**LI, "name": "张伟", "birth": "1971-11-02", "id": "330784197111022334", "sex": "male"}
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **other)])
    ids = list(await named_persons(hub))
    assert len(ids) == 2
    await _decide(hub, "MUST_LINK", 1, 2)
    (survivor,) = await named_persons(hub)
    async with hub.database.read() as connection:
        assert {await people.resolve(connection, id_) for id_ in ids} == {survivor}


async def _decide(hub: Hub, kind: str, a: int, b: int) -> projecting.Outcome:
    async with hub.database.begin() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 100)
        pair = sorted((ids[a - 1], ids[b - 1]))
        decision = Decision(kind, pair[0], pair[1], "tester", None, "because", {}, None, hub.now())
        seq = await decisions.append(connection, decision)
        return await projecting.project(hub, connection, pair, cause="decision", now=hub.now(), decision_seq=seq)


async def test_a_decision_and_its_retraction_restore_persons_and_ids(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI)])
    other = {**LI, "name": "张伟", "birth": "1971-11-02", "id": "330784197111022334", "sex": "male"}
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **other)])
    before = await named_persons(hub)
    await _decide(hub, "MUST_LINK", 1, 2)
    assert len(await named_persons(hub)) == 1
    await _decide(hub, "RETRACT", 1, 2)
    assert await named_persons(hub) == before


async def test_kept_apart_stays_apart_through_new_records_and_rescoring(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI)])
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    await _decide(hub, "CANNOT_LINK", 1, 2)
    assert len(await persons(hub)) == 2
    await arrive(hub, yongkang.member, [patient("yongkang", "Y2", **LI)])  # a bridge between the two
    async with hub.database.begin() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 100)
        await linking.rescore(hub, connection, ids, hub.now(), cause="reconciliation")
    together = [person for person in await persons(hub) if len(person) > 1]
    assert len(together) == 1
    assert not {"urn:lianqiao:huiji:record|H1", "urn:lianqiao:yongkang:record|Y1"} <= together[0]


async def test_an_id_counts_also_for_a_record_that_only_a_decision_joins(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    someone = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "phone": "13812345678"}
    named = {"name": "李秀兰", "birth": "1990-03-07", "sex": "female", "id": "410108199003071220"}
    await arrive(hub, huiji.member, [patient("huiji", "A", **named)])
    await arrive(hub, huiji.member, [patient("huiji", "B", **someone)])
    await _decide(hub, "MUST_LINK", 1, 2)
    await arrive(hub, yongkang.member, [patient("yongkang", "C", **someone, id="410108199003071263")])
    together = {frozenset(one.rpartition("|")[2] for one in person) for person in await persons(hub)}
    assert together == {frozenset("AB"), frozenset("C")}, "two checked numbers are no one person by themselves"
    async with hub.database.read() as connection:
        states = [task.state for task in await reviews.queue(connection, None, states=("REVIEW",), limit=10)]
    assert states == ["REVIEW"], "somebody is asked"


async def test_a_decision_against_an_earlier_one_writes_nothing(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **LI)])
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    await _decide(hub, "MUST_LINK", 1, 2)
    await _decide(hub, "MUST_LINK", 2, 3)
    before = await persons(hub)
    with pytest.raises(Conflict, match="contradiction"):
        await _decide(hub, "CANNOT_LINK", 1, 3)
    assert await persons(hub) == before
    async with hub.database.read() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 100)
        assert [d.kind for d in await decisions.of_records(connection, ids)] == ["MUST_LINK", "MUST_LINK"]


async def test_eight_identical_records_at_once_are_one_person(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    arrivals = [
        arrive(
            hub, (yongkang if at % 2 else huiji).member, [patient("yongkang" if at % 2 else "huiji", f"R{at}", **LI)]
        )
        for at in range(8)
    ]
    results = await asyncio.gather(*arrivals, return_exceptions=True)
    assert not [found for found in results if isinstance(found, BaseException)]
    (person,) = await persons(hub)
    assert len(person) == 8


async def test_every_change_is_told_in_one_event(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    await arrive(
        hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", name="赵强", birth="1955-01-09")]
    )
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    async with hub.database.read() as connection:
        events = await person_events.events(connection)
        infos = await people.info(connection, await people.records_behind(connection, 0, 2**62, 100))
    assert [event.cause for event in events] == ["ingest", "ingest"]
    told = {record: new for event in events for record, _, new in event.moves}
    assert told == {id_: info.person_id for id_, info in infos.items()}


async def test_an_id_that_is_corrected_takes_a_record_out_again(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI)])
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    assert len(await persons(hub)) == 1
    other = {"name": "钱学", "birth": "1962-10-30", "sex": "male", "id": "330784196210300015", "origin": "330784000000"}
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **other)])
    assert len(await persons(hub)) == 2


@pytest.mark.parametrize(("limit", "compared"), [(2, False), (3, True)])
@pytest.mark.parametrize("sizes", [(3,), (1, 2), (2, 1)])
async def test_a_key_of_more_records_than_the_limit_is_ignored_wherever_they_are(
    hub: Hub, yongkang: Enrolled, sizes: tuple[int, ...], limit: int, compared: bool
) -> None:
    narrow = replace(hub, settings=hub.settings.model_copy(update={"block_limit": limit}))
    rows = [patient("yongkang", f"Y{at}", **LI) for at in range(3)]
    records: list[int] = []
    for size in sizes:
        records += (await arrive(narrow, yongkang.member, rows[len(records) : len(records) + size])).records
    async with hub.database.read() as connection:
        assert bool(await people.pairs_touching(connection, records[-1:])) == compared
