"""Another linkage model and what people said: decisions win over every model, and questions stay asked."""

from typing import Any

import orjson
import pytest

from hub.domain.ordering import AUDIT_SAMPLE
from hub.runtime import Hub
from hub.storage import people, person_events, resources, review_reopenings
from mappings.vocabulary import record_system
from tests.hubs import Enrolled
from tests.models import (
    arrive_all,
    change,
    decide_all,
    go_back,
    members,
    open_tasks,
    projection,
    register,
    rescore,
    scores_in_force,
    shifted,
    table,
)
from tests.people import arrive

__all__ = ["members"]
STRICT = shifted("strict", 9.0)
BLIND = shifted("blind", 200.0, review=200.0)
LOOSE = shifted("loose", -6.0, phone=3.0)


@pytest.mark.parametrize("content", [STRICT, BLIND], ids=["strict", "blind"])
async def test_what_people_call_into_question_is_no_models_to_withdraw(
    hub: Hub, members: dict[str, Enrolled], content: dict[str, Any]
) -> None:
    await arrive_all(hub, members, register(1, 60))
    linked = [(a, b, weight) for a, b, weight, decision, _ in await scores_in_force(hub) if decision == "auto"]
    asked = [(a, b, None, weight, (1, 2)) for a, b, weight in linked[:5]]
    async with hub.database.begin() as connection:
        assert len(await review_reopenings.reopen(connection, asked, reason=AUDIT_SAMPLE, now=hub.now())) == 5
    tasks = {(a, b) for a, b, *_ in await open_tasks(hub)}
    shown = await change(hub, content)
    opened, withdrawn = {(task.a, task.b) for task in shown.opened}, set(shown.withdrawn)
    left = await open_tasks(hub)
    assert {(a, b) for a, b, *_ in left} == tasks - withdrawn | opened
    assert [(a, b) for a, b, reason, _ in left if reason == AUDIT_SAMPLE] == [(a, b) for a, b, *_ in asked]


async def test_decisions_of_people_outlast_models(hub: Hub, members: dict[str, Enrolled]) -> None:
    await hold_decisions(hub, members, people_=120, decisions=40)


@pytest.mark.proof
@pytest.mark.timeout(1800)
async def test_ten_thousand_decisions_outlast_models(hub: Hub, members: dict[str, Enrolled]) -> None:
    await hold_decisions(hub, members, people_=16_000, decisions=10_000)


async def hold_decisions(hub: Hub, members: dict[str, Enrolled], *, people_: int, decisions: int) -> None:
    """Half of the decisions join what no model joins, half part what the model in force joins."""
    await arrive_all(hub, members, register(11, people_))
    listed = await _decisions(hub, decisions)
    await decide_all(hub, listed)
    before = await projection(hub)
    await _hold(hub, listed)
    shown = await change(hub, LOOSE)
    assert shown.moves
    assert len(shown.against_same) > decisions / 4
    assert len(shown.against_different) > decisions / 4
    await _hold(hub, listed)
    tasks = await open_tasks(hub)
    assert not (await rescore(hub)).moves
    assert await open_tasks(hub) == tasks
    await go_back(hub)
    assert await projection(hub) == before
    await _hold(hub, listed)
    await go_back(hub)
    # Records like one end of a pair that people parted: bridges, under a model that links nearly everybody.
    bridges = await _like(hub, [a for kind, a, _ in listed if kind == "CANNOT"][:10])
    outcome = await arrive(hub, members["huiji"].member, bridges)
    assert outcome.linked == len(bridges)
    await _hold(hub, listed)
    assert not (await rescore(hub)).moves


async def _decisions(hub: Hub, number: int) -> list[tuple[str, int, int]]:
    """(MUST or CANNOT, a, b): of each person one decision at most, so that none contradicts another."""
    async with hub.database.read() as connection:
        persons_: dict[Any, list[int]] = {}
        for record, person in sorted((await person_events.belonging(connection)).items()):
            persons_.setdefault(person, []).append(record)
    parted = [records for records in persons_.values() if len(records) > 1][: number // 2]
    taken = {records[0] for records in parted}
    others = [records[0] for records in persons_.values() if records[0] not in taken][:number]
    listed = [("CANNOT", min(records[:2]), max(records[:2])) for records in parted]
    listed += [("MUST", a, b) for a, b in zip(others[::2], others[1::2], strict=True)]
    assert len(listed) == number
    return listed


async def _hold(hub: Hub, listed: list[tuple[str, int, int]]) -> None:
    async with hub.database.read() as connection:
        person = await person_events.belonging(connection)
    assert [one for one in listed if (person[one[1]] == person[one[2]]) != (one[0] == "MUST")] == []
    assert len(await table(hub, "SELECT a FROM link_constraint")) == len(listed)
    assert len(await table(hub, "SELECT seq FROM decision_event")) == len(listed)


async def _like(hub: Hub, ids: list[int]) -> list[dict[str, Any]]:
    """Patients who say what the records say, under numbers of their own."""
    async with hub.database.read() as connection:
        infos = await people.info(connection, ids)
        bodies = await resources.newest(connection, hub.vault, [info.resource_id for info in infos.values()])
    said = [orjson.loads(bodies[infos[id_].resource_id].body) for id_ in ids]
    number = [{"use": "usual", "system": record_system("huiji"), "value": f"B{id_}"} for id_ in ids]
    return [{**one, "identifier": [own]} for one, own in zip(said, number, strict=True)]
