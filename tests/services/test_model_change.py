"""Another linkage model: what is shown is what happens, and going back restores everything."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hub.errors import NotFound
from hub.runtime import Hub
from hub.services import model_change
from hub.storage import people, person_events, retention, reviews
from tests.hubs import Clock, Enrolled
from tests.models import (
    PROPOSER,
    arrive_all,
    change,
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
from tests.people import arrive, forget_everybody, patient, persons

__all__ = ["members"]
STRICT = shifted("strict", 9.0)
NEARLY = shifted("nearly", 0.0, sex=0.5)
BLIND = shifted("blind", 200.0, review=200.0)
LOOSE = shifted("loose", -6.0, phone=3.0)


@pytest.mark.parametrize("content", [STRICT, LOOSE], ids=["strict", "loose"])
async def test_what_is_shown_is_what_happens(hub: Hub, members: dict[str, Enrolled], content: dict[str, Any]) -> None:
    await arrive_all(hub, members, register(1, 60))
    async with hub.database.read() as connection:
        before = await person_events.belonging(connection)
        told = await person_events.events(connection, limit=10_000)
    tasks = {(a, b) for a, b, *_ in await open_tasks(hub)}
    shown = await change(hub, content)
    assert shown.moves
    assert (shown.splits if content is STRICT else shown.joins) != ()
    async with hub.database.read() as connection:
        after = await person_events.belonging(connection)
        (event,) = await person_events.events(connection, after=told[-1].id)
        assert await person_events.belonging(connection, at=told[-1].id) == before
        for lost in shown.lost:
            assert await people.resolve(connection, lost) in set(after.values())
    assert event.cause == "model"
    assert {record: (old, new) for record, old, new in event.moves} == shown.moves
    assert after == before | {record: new for record, (_, new) in shown.moves.items()}
    assert (shown.persons_now, shown.persons_then) == (len(set(before.values())), len(set(after.values())))
    assert set(shown.lost) == set(before.values()) - set(after.values())
    assert set(shown.given) == set(after.values()) - set(before.values())
    opened, withdrawn = {(task.a, task.b) for task in shown.opened}, set(shown.withdrawn)
    assert {(a, b) for a, b, *_ in await open_tasks(hub)} == tasks - withdrawn | opened


@pytest.mark.parametrize("content", [STRICT, LOOSE, NEARLY], ids=["strict", "loose", "nearly"])
async def test_it_is_as_if_everybody_had_arrived_under_the_new_model(
    hub: Hub, members: dict[str, Enrolled], content: dict[str, Any]
) -> None:
    rows = register(2, 60)
    await arrive_all(hub, members, rows)
    await change(hub, content)
    changed, scores, tasks = await persons(hub), await scores_in_force(hub), await open_tasks(hub)
    weights = {(a, b): weight for a, b, weight, *_ in scores}
    assert tasks
    assert {(a, b): weight for a, b, _, weight in tasks}.items() <= weights.items()
    assert not (await rescore(hub)).moves
    assert (await scores_in_force(hub), await open_tasks(hub)) == (scores, tasks)
    await forget_everybody(hub)
    await arrive_all(hub, members, rows)
    assert await persons(hub) == changed


async def test_going_back_restores_everything(hub: Hub, members: dict[str, Enrolled]) -> None:
    await arrive_all(hub, members, register(3, 60))
    before = await projection(hub), await scores_in_force(hub), await open_tasks(hub)
    shown = await change(hub, STRICT)
    between = await projection(hub), await scores_in_force(hub), await open_tasks(hub)
    assert before[0] != between[0]
    back = await go_back(hub)
    assert back.moves == {record: (new, old) for record, (old, new) in shown.moves.items()}
    assert (await projection(hub), await scores_in_force(hub), await open_tasks(hub)) == before
    await go_back(hub)  # and forward again, as the model that was left is the former one now
    assert (await projection(hub), await scores_in_force(hub), await open_tasks(hub)) == between


async def test_what_was_put_off_is_put_off_again(hub: Hub, members: dict[str, Enrolled], clock: Clock) -> None:
    await arrive_all(hub, members, register(3, 60))
    until = clock() + timedelta(days=7)
    async with hub.database.begin() as connection:
        task = (await reviews.queue(connection, None, states=("REVIEW",), limit=1))[0]
        await reviews.settle(
            connection, task.id, state="DEFERRED", by="tester", seq=None, now=clock(), deferred_until=until
        )
    await change(hub, BLIND)
    assert await open_tasks(hub) == []
    clock.advance(days=1)
    await go_back(hub)
    async with hub.database.read() as connection:
        again = await reviews.get(connection, task.id, None)
    assert again is not None
    assert (again.state, again.deferred_until) == ("DEFERRED", until)


async def test_pairs_that_only_the_former_model_knows_come_back_with_it(hub: Hub, members: dict[str, Enrolled]) -> None:
    """Two records met before their keys grew crowded; nobody would find them again by what they share."""
    narrow = replace(hub, settings=hub.settings.model_copy(update={"block_limit": 2}))
    same = [patient("yongkang", f"Y{at}", name="欧阳甲", birth="1951-01-17", phone="13800001111") for at in range(8)]
    await arrive(narrow, members["yongkang"].member, same[:2])
    await arrive(narrow, members["yongkang"].member, same[2:])
    assert sorted(map(len, await persons(hub))) == [1] * 6 + [2]
    before = await projection(hub), await scores_in_force(hub), await open_tasks(hub)
    await change(narrow, BLIND)
    assert await scores_in_force(hub) == []
    await rescore(narrow)
    await go_back(narrow)
    assert (await projection(hub), await scores_in_force(hub), await open_tasks(hub)) == before
    looks_again = shifted("another", -1.0)
    await change(narrow, looks_again)
    assert sorted(map(len, await persons(hub))) == [1] * 6 + [2]


async def test_scores_of_models_nobody_goes_back_to_are_forgotten(
    hub: Hub, members: dict[str, Enrolled], clock: Clock
) -> None:
    await arrive_all(hub, members, register(10, 30))
    await change(hub, LOOSE)
    clock.advance(days=91)
    assert await model_change.retire_old(hub, clock() - timedelta(days=90)) == 1
    async with hub.database.begin() as connection:
        gone = await retention.forget(connection, now=clock(), before=clock() - timedelta(days=90))
    assert gone["pair_score"] > 0
    assert {model for (model,) in await table(hub, "SELECT DISTINCT model FROM pair_score")} == {2}
    with pytest.raises(NotFound):
        await model_change.propose_roll_back(hub, PROPOSER)
