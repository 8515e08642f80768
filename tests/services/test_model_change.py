"""Another linkage model: what is shown is what happens, people's decisions win, and going back restores everything."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from hub.domain.ordering import AUDIT_SAMPLE
from hub.errors import Conflict, HubError, NotAllowed, NotFound
from hub.linkage import features
from hub.runtime import Hub
from hub.services import accounts, differences, linking, model_change, projecting, shadows
from hub.storage import people, person_events, resources, retention, review_reopenings, reviews
from mappings.vocabulary import record_system
from tests.hubs import Clock, Enrolled, acts
from tests.models import (
    APPROVER,
    PROPOSER,
    arrive_all,
    change,
    decide_all,
    go_back,
    projection,
    register,
    shifted,
    staff,
)
from tests.people import arrive, forget_everybody, incoming, item_of, patient, persons

STRICT = shifted("strict", 9.0)
NEARLY = shifted("nearly", 0.0, sex=0.5)
BLIND = shifted("blind", 200.0, review=200.0)
LOOSE = shifted("loose", -6.0, phone=3.0)


@pytest.fixture
async def members(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> dict[str, Enrolled]:
    """The two counties, and two people who may change the model."""
    await staff(hub)
    return {"yongkang": yongkang, "huiji": huiji}


async def _table(hub: Hub, query: str) -> list[tuple[Any, ...]]:
    async with hub.database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def _open_tasks(hub: Hub) -> list[tuple[Any, ...]]:
    return await _table(
        hub, "SELECT a, b, reason, weight FROM review_task WHERE state IN ('REVIEW', 'DEFERRED') ORDER BY a, b"
    )


async def _scores(hub: Hub) -> list[tuple[Any, ...]]:
    """What counts."""
    return await _table(
        hub,
        """SELECT a, b, weight, decision, vetoes FROM pair_score p JOIN linkage_model m ON m.id = p.model
           WHERE m.state = 'IN_FORCE' ORDER BY a, b""",
    )


async def _rescore(hub: Hub) -> projecting.Outcome:
    async with hub.database.begin() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 100_000)
        return await linking.rescore(hub, connection, ids, hub.now(), cause="reconciliation")


@pytest.mark.parametrize("content", [STRICT, LOOSE], ids=["strict", "loose"])
async def test_what_is_shown_is_what_happens(hub: Hub, members: dict[str, Enrolled], content: dict[str, Any]) -> None:
    await arrive_all(hub, members, register(1, 60))
    async with hub.database.read() as connection:
        before = await person_events.belonging(connection)
        told = await person_events.events(connection, limit=10_000)
    tasks = {(a, b) for a, b, *_ in await _open_tasks(hub)}
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
    assert {(a, b) for a, b, *_ in await _open_tasks(hub)} == tasks - withdrawn | opened


@pytest.mark.parametrize("content", [STRICT, BLIND], ids=["strict", "blind"])
async def test_what_people_call_into_question_is_no_models_to_withdraw(
    hub: Hub, members: dict[str, Enrolled], content: dict[str, Any]
) -> None:
    await arrive_all(hub, members, register(1, 60))
    linked = [(a, b, weight) for a, b, weight, decision, _ in await _scores(hub) if decision == "auto"]
    asked = [(a, b, None, weight, (1, 2)) for a, b, weight in linked[:5]]
    async with hub.database.begin() as connection:
        assert len(await review_reopenings.reopen(connection, asked, reason=AUDIT_SAMPLE, now=hub.now())) == 5
    tasks = {(a, b) for a, b, *_ in await _open_tasks(hub)}
    shown = await change(hub, content)
    opened, withdrawn = {(task.a, task.b) for task in shown.opened}, set(shown.withdrawn)
    left = await _open_tasks(hub)
    assert {(a, b) for a, b, *_ in left} == tasks - withdrawn | opened
    assert [(a, b) for a, b, reason, _ in left if reason == AUDIT_SAMPLE] == [(a, b) for a, b, *_ in asked]


@pytest.mark.parametrize("content", [STRICT, LOOSE, NEARLY], ids=["strict", "loose", "nearly"])
async def test_it_is_as_if_everybody_had_arrived_under_the_new_model(
    hub: Hub, members: dict[str, Enrolled], content: dict[str, Any]
) -> None:
    rows = register(2, 60)
    await arrive_all(hub, members, rows)
    await change(hub, content)
    changed, scores, tasks = await persons(hub), await _scores(hub), await _open_tasks(hub)
    weights = {(a, b): weight for a, b, weight, *_ in scores}
    assert tasks
    assert {(a, b): weight for a, b, _, weight in tasks}.items() <= weights.items()
    assert not (await _rescore(hub)).moves
    assert (await _scores(hub), await _open_tasks(hub)) == (scores, tasks)
    await forget_everybody(hub)
    await arrive_all(hub, members, rows)
    assert await persons(hub) == changed


async def test_going_back_restores_everything(hub: Hub, members: dict[str, Enrolled]) -> None:
    await arrive_all(hub, members, register(3, 60))
    before = await projection(hub), await _scores(hub), await _open_tasks(hub)
    shown = await change(hub, STRICT)
    between = await projection(hub), await _scores(hub), await _open_tasks(hub)
    assert before[0] != between[0]
    back = await go_back(hub)
    assert back.moves == {record: (new, old) for record, (old, new) in shown.moves.items()}
    assert (await projection(hub), await _scores(hub), await _open_tasks(hub)) == before
    await go_back(hub)  # and forward again, as the model that was left is the former one now
    assert (await projection(hub), await _scores(hub), await _open_tasks(hub)) == between


async def test_what_was_put_off_is_put_off_again(hub: Hub, members: dict[str, Enrolled], clock: Clock) -> None:
    await arrive_all(hub, members, register(3, 60))
    until = clock() + timedelta(days=7)
    async with hub.database.begin() as connection:
        task = (await reviews.queue(connection, None, states=("REVIEW",), limit=1))[0]
        await reviews.settle(
            connection, task.id, state="DEFERRED", by="tester", seq=None, now=clock(), deferred_until=until
        )
    await change(hub, BLIND)
    assert await _open_tasks(hub) == []
    clock.advance(days=1)
    await go_back(hub)
    async with hub.database.read() as connection:
        again = await reviews.get(connection, task.id, None)
    assert again is not None
    assert (again.state, again.deferred_until) == ("DEFERRED", until)


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
    await _rescore(hub)  # a night
    await go_back(hub)
    assert await persons(hub) == as_ever


async def test_pairs_that_only_the_former_model_knows_come_back_with_it(hub: Hub, members: dict[str, Enrolled]) -> None:
    """Two records met before their keys grew crowded; nobody would find them again by what they share."""
    narrow = replace(hub, settings=hub.settings.model_copy(update={"block_limit": 2}))
    same = [patient("yongkang", f"Y{at}", name="欧阳甲", birth="1951-01-17", phone="13800001111") for at in range(8)]
    await arrive(narrow, members["yongkang"].member, same[:2])
    await arrive(narrow, members["yongkang"].member, same[2:])
    assert sorted(map(len, await persons(hub))) == [1] * 6 + [2]
    before = await projection(hub), await _scores(hub), await _open_tasks(hub)
    await change(narrow, BLIND)
    assert await _scores(hub) == []
    await _rescore(narrow)
    await go_back(narrow)
    assert (await projection(hub), await _scores(hub), await _open_tasks(hub)) == before
    looks_again = shifted("another", -1.0)
    await change(narrow, looks_again)
    assert sorted(map(len, await persons(hub))) == [1] * 6 + [2]


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
    changed, scores = await persons(hub), await _scores(hub)
    assert not (await _rescore(hub)).moves
    assert await _scores(hub) == scores
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
    changed, scores = await persons(hub), await _scores(hub)
    assert not (await _rescore(hub)).moves
    assert (await persons(hub), await _scores(hub)) == (changed, scores)


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
        await asyncio.sleep(0.2)
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
        await asyncio.sleep(0.3)
        order.append("swapped")
        return found

    async def late() -> None:
        await arrive(hub, members["huiji"].member, [patient("huiji", "late", name="欧阳甲", birth="1951-01-17")])
        order.append("arrived")

    monkeypatch.setattr(differences, "find", slowly)
    await model_change.apply(hub, APPROVER, shown.digest)
    await coming[0]
    assert order == ["swapped", "arrived"]


async def test_a_difference_that_has_changed_is_not_applied(hub: Hub, members: dict[str, Enrolled]) -> None:
    rows = register(8, 60)
    await arrive_all(hub, members, rows)
    await shadows.score(hub, await shadows.propose(hub, STRICT, PROPOSER))
    shown = (await model_change.preview(hub)).difference
    moved = min(shown.moves)
    async with hub.database.read() as connection:
        mates = await people.records_of(connection, shown.moves[moved][0])
    other = next(mate for mate in mates if mate != moved)
    await decide_all(hub, [("MUST", min(moved, other), max(moved, other))])
    before = await projection(hub), await _scores(hub), await _open_tasks(hub)
    with pytest.raises(Conflict) as refused:
        await model_change.apply(hub, APPROVER, shown.digest)
    assert refused.value.code == "stale"
    assert (await projection(hub), await _scores(hub), await _open_tasks(hub)) == before
    assert {epoch.state for epoch, _ in await model_change.listed(hub)} == {"IN_FORCE", "SHADOW"}
    assert await acts(hub, "apply-model") == []
    (attempt,) = await acts(hub, "refuse-apply-model")
    assert (attempt["actor"], attempt["code"], attempt["digest"]) == (APPROVER, "stale", shown.digest)
    again = (await model_change.preview(hub)).difference
    await model_change.apply(hub, APPROVER, again.digest)


async def test_it_takes_two_of_the_hubs_own_staff(hub: Hub, members: dict[str, Enrolled]) -> None:
    await accounts.create_user(hub, name="county", display="C", roles=["steward"], member="huiji")
    await accounts.create_user(hub, name="reader", display="R", roles=["auditor"])
    await arrive_all(hub, members, register(9, 20))
    for nobody in ("county", "reader", "nobody"):
        with pytest.raises(NotAllowed):
            await shadows.propose(hub, STRICT, nobody)
    assert [attempt["actor"] for attempt in await acts(hub, "refuse-model")] == ["county", "reader", "nobody"]
    await shadows.score(hub, await shadows.propose(hub, STRICT, PROPOSER))
    digest = (await model_change.preview(hub)).difference.digest
    with pytest.raises(NotAllowed) as own:
        await model_change.apply(hub, PROPOSER, digest)
    assert own.value.code == "own-proposal"
    await accounts.set_disabled(hub, APPROVER, True)
    with pytest.raises(NotAllowed):
        await model_change.apply(hub, APPROVER, digest)
    await accounts.set_disabled(hub, APPROVER, False)
    await model_change.apply(hub, APPROVER, digest)
    (act,) = await acts(hub, "apply-model")
    assert (act["proposed_by"], act["approved_by"], act["digest"]) == (PROPOSER, APPROVER, digest)
    back = (await model_change.preview(hub, "FORMER")).difference.digest
    with pytest.raises(Conflict, match="not-proposed"):
        await model_change.roll_back(hub, APPROVER, back)


async def test_one_model_is_previewed_at_a_time(hub: Hub, members: dict[str, Enrolled]) -> None:
    with pytest.raises(NotFound):
        await model_change.preview(hub)
    await arrive_all(hub, members, register(9, 20))
    shadow = await shadows.propose(hub, STRICT, PROPOSER)
    with pytest.raises(Conflict, match="unscored"):
        await model_change.preview(hub)
    with pytest.raises(Conflict, match="another-shadow"):
        await shadows.propose(hub, LOOSE, PROPOSER)
    assert await shadows.propose(hub, STRICT, APPROVER) == shadow
    await shadows.discard(hub, APPROVER)
    with pytest.raises(Conflict, match="lease-lost"):
        await shadows.score(hub, shadow)
    await change(hub, LOOSE)
    with pytest.raises(Conflict, match="already-in-force"):
        await shadows.propose(hub, LOOSE, PROPOSER)
    await change(hub, STRICT)
    with pytest.raises(Conflict, match="is-former"):
        await shadows.propose(hub, LOOSE, PROPOSER)


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
    assert {model for (model,) in await _table(hub, "SELECT DISTINCT model FROM pair_score")} == {2}
    with pytest.raises(NotFound):
        await model_change.propose_roll_back(hub, PROPOSER)


async def test_a_model_that_the_hub_did_not_write_scores_nobody(hub: Hub, members: dict[str, Enrolled]) -> None:
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE linkage_model SET hash = repeat('0', 64)"))
    with pytest.raises(HubError, match="no-model"):
        await arrive(hub, members["huiji"].member, [patient("huiji", "H1")])


async def test_decisions_of_people_outlast_models(hub: Hub, members: dict[str, Enrolled]) -> None:
    await hold_decisions(hub, members, people_=120, decisions=40)


@pytest.mark.proof
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
    tasks = await _open_tasks(hub)
    assert not (await _rescore(hub)).moves
    assert await _open_tasks(hub) == tasks
    await go_back(hub)
    assert await projection(hub) == before
    await _hold(hub, listed)
    await go_back(hub)
    # Records like one end of a pair that people parted: bridges, under a model that links nearly everybody.
    bridges = await _like(hub, [a for kind, a, _ in listed if kind == "CANNOT"][:10])
    outcome = await arrive(hub, members["huiji"].member, bridges)
    assert outcome.linked == len(bridges)
    await _hold(hub, listed)
    assert not (await _rescore(hub)).moves


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
    assert len(await _table(hub, "SELECT a FROM link_constraint")) == len(listed)
    assert len(await _table(hub, "SELECT seq FROM decision_event")) == len(listed)


async def _like(hub: Hub, ids: list[int]) -> list[dict[str, Any]]:
    """Patients who say what the records say, under numbers of their own."""
    async with hub.database.read() as connection:
        infos = await people.info(connection, ids)
        bodies = await resources.newest(connection, hub.vault, [info.resource_id for info in infos.values()])
    said = [orjson.loads(bodies[infos[id_].resource_id].body) for id_ in ids]
    number = [{"use": "usual", "system": record_system("huiji"), "value": f"B{id_}"} for id_ in ids]
    return [{**one, "identifier": [own]} for one, own in zip(said, number, strict=True)]
