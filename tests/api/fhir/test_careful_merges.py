"""$merge where more hangs on it than the pair tells, where a model changes meanwhile, and where the call makes no sense."""

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from hub.runtime import Hub
from hub.storage import linkage_models, people, reviews
from mappings.vocabulary import record_system
from tests import papers
from tests.api.fhir.test_merge import QIAN, ZHOU, _code, _merge, _state, _undo, client, ids
from tests.feeds import feeder, parameters, put, steward
from tests.hubs import Enrolled, acts
from tests.people import arrive, patient, persons

__all__ = ["client", "ids"]


@pytest.mark.parametrize("turned", [False, True])
async def test_papers_need_a_second_person_in_whatever_order_the_identifiers_come(
    hub: Hub, yongkang: Enrolled, turned: bool
) -> None:
    """A county could have its records' number stand behind others; what hangs on the person hangs on it still."""
    await papers.issue(hub, yongkang)
    holder, other = patient("yongkang", "R-1", **QIAN), patient("yongkang", "Y2", **ZHOU)
    if turned:
        holder["identifier"].reverse()
    async with feeder(hub, yongkang) as client:
        found = [
            await put(client, one, under=f"{record_system('yongkang')}|{number}")
            for one, number in ((holder, "R-1"), (other, "Y2"))
        ]
    async with steward(hub, "lin") as client:
        done = await _merge(client, *(one.json()["id"] for one in found))
    assert done.status_code == 202
    assert len(await persons(hub)) == 2


async def test_twins_need_a_second_person_by_whichever_records_they_are_merged(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    """One of the elder's records does not name the parents: of that pair nothing says that they are twins."""
    place = {"birth": "1990-03-07", "origin": "410108000000", "address": "河南省郑州市惠济区花园路12号"}
    parents = {"father": "王建军", "mother": "李秀兰"}
    elder = {"name": "王大伟", "phone": "13687654091", **place}
    await arrive(hub, huiji.member, [patient("huiji", "H1", **elder, **parents)])
    rows = [patient("yongkang", "Y1", **elder), patient("yongkang", "Y2", name="王小强", **place, **parents)]
    await arrive(hub, yongkang.member, rows)
    before = await persons(hub)
    assert len(before) == 2
    async with hub.database.read() as connection:
        infos = await people.info(connection, (2, 3))
        (task,) = await reviews.queue(connection, None, states=["REVIEW"], limit=9)
    assert (task.a, task.b, task.reason) == (2, 3, "uncertain")
    async with steward(hub, "lin") as client:
        done = await _merge(client, *(str(info.resource_id) for info in infos.values()))
    assert done.status_code == 202
    assert await persons(hub) == before
    assert [act["risks"] for act in await acts(hub, "propose")] == [["veto"]]


async def test_a_merge_that_waits_for_another_model_holds_nothing_that_the_change_needs(
    hub: Hub, client: httpx2.AsyncClient, ids: dict[str, str]
) -> None:
    """A change takes the models first and conflicts afterwards; a merge the other way about would end one of them."""
    await _merge(client, ids["Y1"], ids["H2"])
    await _undo(client, ids["Y1"], ids["H2"])
    waiting = text("""
        SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
        WHERE d.datname = current_database() AND locktype = 'advisory' AND NOT granted""")
    async with hub.database.begin() as connection:
        await linkage_models.hold_alone(connection)
        merging = asyncio.create_task(_merge(client, ids["Y1"], ids["H2"]))
        for _ in range(3000):
            if (await connection.execute(waiting)).scalar_one():
                break
            await asyncio.sleep(0.01)
        free = await connection.execute(text("SELECT id FROM review_task FOR UPDATE SKIP LOCKED"))
        assert len(free.all()) == 1
    assert (await merging).status_code == 200


@pytest.mark.parametrize("result", [{"resourceType": "Basic"}, {"resourceType": "Patient", "identifier": None}])
async def test_a_result_that_is_no_patient_is_refused(
    hub: Hub, client: httpx2.AsyncClient, ids: dict[str, str], result: dict[str, Any]
) -> None:
    before = await _state(hub)
    given = parameters(source_patient=f"Patient/{ids['Y1']}", target_patient=f"Patient/{ids['H2']}")
    given["parameter"].append({"name": "result-patient", "resource": result})
    assert _code(await client.post("/fhir/Patient/$merge", json=given)) == (400, "invalid-resource")
    assert await _state(hub) == before
