"""Another linkage model while records arrive: whoever comes is known to every model that may count."""

import asyncio
from typing import Any

import pytest

from hub.errors import Conflict
from hub.linkage import features
from hub.runtime import Hub
from hub.services import differences, linking, model_change, shadows
from hub.storage import resources
from tests.hubs import Enrolled
from tests.models import (
    APPROVER,
    PROPOSER,
    arrive_all,
    change,
    go_back,
    members,
    register,
    rescore,
    scores_in_force,
    shifted,
)
from tests.people import arrive, forget_everybody, incoming, item_of, patient, persons
from tests.waiting import until_somebody_waits

__all__ = ["members"]
STRICT = shifted("strict", 9.0)
LOOSE = shifted("loose", -6.0, phone=3.0)


async def test_what_arrived_meanwhile_is_known_to_the_model_that_comes_back(
    hub: Hub, members: dict[str, Enrolled]
) -> None:
    rows = register(4, 60)
    await arrive_all(hub, members, rows)
    as_ever = await persons(hub)
    await forget_everybody(hub)
    await arrive_all(hub, members, rows[:60])
    await change(hub, LOOSE)
    await arrive_all(hub, members, rows[60:])
    await arrive_all(hub, members, rows[:20])  # the same again: no news
    await rescore(hub)  # a night
    await go_back(hub)
    assert await persons(hub) == as_ever


async def test_arrivals_and_corrections_during_a_preview_are_caught_up(
    hub: Hub, members: dict[str, Enrolled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "_BATCH", 10)
    rows = register(5, 60)
    await arrive_all(hub, members, rows[:80])
    later = iter([*rows[80:], *register(6, 60)[:40]])  # new records, and other people under the ids of earlier ones
    arriving: list[asyncio.Task[Any]] = []

    def meanwhile(done: int, total: int) -> None:
        some = [row for row in (next(later, None) for _ in range(15)) if row]
        arriving.append(asyncio.create_task(arrive_all(hub, members, some, 5)))

    shadow = await shadows.propose(hub, LOOSE, PROPOSER)
    await shadows.score(hub, shadow, progress=meanwhile)
    await asyncio.gather(*arriving)
    await arrive_all(hub, members, list(later))
    shown = (await model_change.preview(hub)).difference
    await model_change.apply(hub, APPROVER, shown.digest)
    changed, scores = await persons(hub), await scores_in_force(hub)
    assert not (await rescore(hub)).moves
    assert await scores_in_force(hub) == scores
    assert await persons(hub) == changed


async def test_arrivals_during_the_swap_are_scored_by_the_new_model(hub: Hub, members: dict[str, Enrolled]) -> None:
    await arrive_all(hub, members, register(7, 60))
    await shadows.score(hub, await shadows.propose(hub, STRICT, PROPOSER))
    shown = (await model_change.preview(hub)).difference
    strangers = [
        [
            patient("huiji", f"N{at}-{copy}", name=f"欧阳{'甲乙丙丁戊己庚辛'[at]}", birth=f"1951-0{at + 1}-17")
            for copy in "ab"
        ]
        for at in range(8)
    ]

    async def come(at: int) -> None:
        await asyncio.sleep(at * 0.004)
        await arrive(hub, members["huiji"].member, strangers[at])

    results = await asyncio.gather(
        *(come(at) for at in range(4)),
        model_change.apply(hub, APPROVER, shown.digest),
        *(come(at) for at in range(4, 8)),
        return_exceptions=True,
    )
    if isinstance(results[4], Conflict):  # strangers whom only one of the models links made it stale
        shown = (await model_change.preview(hub)).difference
        await model_change.apply(hub, APPROVER, shown.digest)
    assert not [found for at, found in enumerate(results) if at != 4 and isinstance(found, BaseException)]
    changed, scores = await persons(hub), await scores_in_force(hub)
    assert not (await rescore(hub)).moves
    assert (await persons(hub), await scores_in_force(hub)) == (changed, scores)


async def test_a_preview_waits_for_who_does_not_know_of_it(hub: Hub, members: dict[str, Enrolled]) -> None:
    same = [patient("huiji", f"H{at}", name="欧阳甲", birth="1951-01-17", phone="13800001111") for at in range(2)]
    owner = members["huiji"].member
    async with hub.database.begin() as connection:
        stored = await resources.upsert(
            connection, hub.vault, owner.id, None, [incoming(hub, owner, one) for one in same], hub.now()
        )
        items = [item_of(one, features.extract(said)) for one, said in zip(stored, same, strict=True)]
        await linking.ingest(hub, connection, owner.id, items, hub.now())
        proposing = asyncio.create_task(shadows.propose(hub, STRICT, PROPOSER))
        await until_somebody_waits(hub)
    shadow = await shadows.score(hub, await proposing)
    assert shadow.last_record > 0
    assert (await model_change.preview(hub)).links == (1, 1)


async def test_an_arrival_waits_for_a_swap_and_then_uses_the_new_model(
    hub: Hub, members: dict[str, Enrolled], monkeypatch: pytest.MonkeyPatch
) -> None:
    await arrive_all(hub, members, register(7, 30))
    await shadows.score(hub, await shadows.propose(hub, STRICT, PROPOSER))
    shown = (await model_change.preview(hub)).difference
    find = differences.find
    order: list[str] = []
    coming: list[asyncio.Task[None]] = []

    async def slowly(*given: Any) -> Any:
        found = await find(*given)
        coming.append(asyncio.create_task(late()))
        await until_somebody_waits(hub)
        order.append("swapped")
        return found

    async def late() -> None:
        await arrive(hub, members["huiji"].member, [patient("huiji", "late", name="欧阳甲", birth="1951-01-17")])
        order.append("arrived")

    monkeypatch.setattr(differences, "find", slowly)
    await model_change.apply(hub, APPROVER, shown.digest)
    await coming[0]
    assert order == ["swapped", "arrived"]
