"""Audit samples: drawn from every band, judged blind and once, and what follows from a judgement against a link."""

from pathlib import Path
from typing import Any

import pytest

from hub.errors import Conflict, Invalid, NotAllowed, NotFound
from hub.jobs.schedules import schedules
from hub.services import cases, labels, samples, verdicts
from hub.services.sessions import User
from hub.storage import decisions, people
from hub.storage import samples as stored
from hub.storage.decisions import SOURCE_MERGE, Decision
from tests.console import people as invented
from tests.console import world
from tests.hubs import acts
from tests.services.test_reviews import World, here

__all__ = ["here"]


@pytest.fixture
async def drawn(here: World) -> World:
    """Some linked by themselves, some waiting, and a round of them."""
    for place in range(4):
        await world.add_records(here.hub, invented.beside(invented.HUIJI, f"HJ-{place}"))
    await world.add_records(here.hub, *invented.no_id(), *invented.twins())
    await samples.draw(here.hub, "hub")
    return here


async def _judge(here: World, name: str, answer: str, number: int = 1000) -> int:
    user, done = await here.user(name), 0
    while done < number:
        (quality, *_) = await samples.quality(here.hub, user)
        if quality.first is None:
            break
        await samples.view(here.hub, user, quality.first)
        await samples.answer(here.hub, user, quality.first, answer)
        done += 1
    return done


async def test_a_round_holds_pairs_of_every_zone(drawn: World) -> None:
    (quality,) = await samples.quality(drawn.hub, await drawn.user("zhouping"))
    found = {stratum.zone: 0.0 for stratum in quality.strata}
    for stratum in quality.strata:
        found[stratum.zone] += stratum.population
    assert found["auto"] == 10  # five records of one number, each with each
    assert found["review"] >= 4
    assert found["near"] >= 0
    assert quality.precision.covered == 0
    assert [act["actor"] for act in await acts(drawn.hub, "draw-sample")] == ["hub"]


async def test_what_people_say_becomes_an_estimate(drawn: World) -> None:
    assert await _judge(drawn, "sunyue", "same") >= 10
    (quality,) = await samples.quality(drawn.hub, await drawn.user("sunyue"))
    assert (quality.precision.value, quality.precision.covered, quality.left) == (1.0, 1.0, 0)
    assert quality.recall.low == quality.recall.value < 1, "every pair was judged"
    assert len(await acts(drawn.hub, "answer-sample")) == sum(s.judged for s in quality.strata)


async def test_who_is_unsure_says_nothing(drawn: World) -> None:
    number = await _judge(drawn, "sunyue", "unsure", 3)
    (quality,) = await samples.quality(drawn.hub, await drawn.user("sunyue"))
    assert (quality.unsure, number, sum(s.judged for s in quality.strata)) == (3, 3, 0)


async def test_a_link_that_is_judged_wrong_becomes_a_conflict_and_stays_until_it_is_decided(here: World) -> None:
    [beside] = await world.add_records(here.hub, invented.beside(invented.HUIJI, "HJ-9"))
    first = here.records[0]
    person = await world.person_of(here.hub, first)
    user = await here.user("lihua")
    await _judge_wrong(here, user, {first, beside})
    assert await world.person_of(here.hub, beside) == person, "a judgement moves nobody"
    task = await world.task_of(here.hub, first, beside)
    case = await cases.view(here.hub, user, task)
    assert (case.task.state, case.task.reason, case.called_into_question) == ("REVIEW", "audit-sample", None)
    await world.add_records(here.hub, invented.no_id()[0])
    done = await verdicts.decide(here.hub, user, task, "different", reason="denied-by-person", seen=case.seen)
    assert (done.state, done.moved) == ("REJECTED", 1)
    seen = (await cases.view(here.hub, user, task)).seen
    await verdicts.undo(here.hub, user, task, seen=seen)
    assert await world.person_of(here.hub, beside) == person


async def test_a_merge_that_is_judged_wrong_is_in_force_until_it_is_decided_and_again_when_that_is_undone(
    here: World,
) -> None:
    records = await world.add_records(here.hub, *invented.no_id())
    user, task = await here.user("lihua"), await world.task_of(here.hub, *records)
    seen = (await cases.view(here.hub, user, task)).seen
    await verdicts.decide(here.hub, user, task, "same", reason="name-only", seen=seen)
    await _judge_wrong(here, user, set(records))
    await world.add_records(here.hub, invented.no_id()[1] | {"maritalStatus": invented.slips()[0]["maritalStatus"]})
    case = await cases.view(here.hub, user, task)
    assert (case.task.state, case.task.reason) == ("REVIEW", "audit-sample"), "no evidence speaks against it"
    assert case.called_into_question is not None
    assert case.called_into_question.kind == "MUST_LINK"
    assert await _in_force(here, records) == ["MUST"]
    await verdicts.decide(here.hub, user, task, "different", reason="denied-by-person", seen=case.seen)
    assert await _in_force(here, records) == ["CANNOT"]
    await verdicts.undo(here.hub, user, task, seen=(await cases.view(here.hub, user, task)).seen)
    assert await _in_force(here, records) == ["MUST"]


async def _in_force(here: World, records: list[int]) -> list[str]:
    async with here.hub.database.read() as connection:
        return [one.kind for one in await people.constraints_touching(connection, records)]


async def _judge_wrong(here: World, user: User, pair: set[int]) -> None:
    """Draw a round and judge until `pair` came and was judged to be two people; all before it are one."""
    await samples.draw(here.hub, "hub")
    async with here.hub.database.read() as connection:
        (found,) = await stored.rounds(connection, 1)
    while True:
        _, at = await _waiting(here, found, user)
        assert at is not None
        blind = await samples.view(here.hub, user, at)
        right = {blind.a.id, blind.b.id} != pair
        await samples.answer(here.hub, user, at, "same" if right else "different")
        if not right:
            return


async def _waiting(here: World, found: Any, user: Any) -> Any:
    async with here.hub.database.read() as connection:
        return await stored.waiting(connection, found.id, user.visible)


async def test_who_may_judge_and_draw(drawn: World) -> None:
    (quality,) = await samples.quality(drawn.hub, await drawn.user("lihua"))
    assert quality.first is not None  # whichever it is, it is none of Jinjiang's
    with pytest.raises(NotAllowed, match="role-missing"):
        await samples.view(drawn.hub, await drawn.user("admin"), quality.first)
    with pytest.raises(NotFound):
        await samples.view(drawn.hub, await drawn.user("jin"), quality.first)
    with pytest.raises(Invalid, match="verdict-missing"):
        await samples.answer(drawn.hub, await drawn.user("lihua"), quality.first, "perhaps")
    await samples.answer(drawn.hub, await drawn.user("lihua"), quality.first, "same")
    with pytest.raises(Conflict, match="stale"):
        await samples.answer(drawn.hub, await drawn.user("lihua"), quality.first, "different")
    with pytest.raises(NotAllowed, match="not-yours-to-draw"):
        await samples.ask(drawn.hub, await drawn.user("zhouping"))
    await samples.ask(drawn.hub, await drawn.user("admin"))
    assert len(await samples.quality(drawn.hub, await drawn.user("audit"))) == 2


async def test_looking_is_noted_for_its_purpose(drawn: World) -> None:
    (quality,) = await samples.quality(drawn.hub, await drawn.user("sunyue"))
    assert quality.first is not None
    blind = await samples.view(drawn.hub, await drawn.user("sunyue"), quality.first)
    assert (await drawn.look_ups(blind.a.id))[0] == ("sunyue", "view", "permit")


async def test_it_is_drawn_every_month_and_from_nothing_too(here: World) -> None:
    (job,) = [schedule.job for schedule in schedules(here.hub.settings) if schedule.name == "sample"]
    await job(here.hub, here.clock())
    (quality,) = await samples.quality(here.hub, await here.user("admin"))
    assert quality.precision.covered == 0


async def test_decisions_and_judgements_are_labels_to_train_on(here: World, tmp_path: Path) -> None:
    await here.decide("different")
    [beside] = await world.add_records(here.hub, invented.beside(invented.HUIJI, "HJ-9"))
    await samples.draw(here.hub, "hub")
    await _judge(here, "sunyue", "same")
    async with here.hub.database.begin() as connection:
        event = Decision(SOURCE_MERGE, here.records[1], beside, "huiji", None, "because", {}, None, here.clock())
        await decisions.append(connection, event)
    found = await labels.labelled(here.hub, "operator")
    by_pair = {(label.a, label.b): label for label in found}
    a, b = here.records
    assert (by_pair[a, b].same, by_pair[a, b].source) == (False, "decision"), "a decision outranks a judgement"
    assert by_pair[a, b].levels["resident_id"] == "differs-checked"
    assert (by_pair[a, beside].same, by_pair[a, beside].source) == (True, "sample")
    merged = by_pair[here.records[1], beside]
    assert (merged.same, merged.source) == (True, "merged-at-source")
    labels.write(tmp_path / "labels.csv", found)
    text = (tmp_path / "labels.csv").read_text("utf-8")
    assert text.splitlines()[0] == ",".join(labels.COLUMNS)
    assert len(text.splitlines()) == len(found) + 1
    assert "陈志强" not in text
    assert [act["labels"] for act in await acts(here.hub, "export-labels")] == [len(found)]
