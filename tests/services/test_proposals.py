"""Four eyes on a real database: what is only proposed, who may approve it, what makes it stale, and how it ends."""

import asyncio
from typing import Any

import pytest

from hub.errors import Conflict, NotAllowed, NotFound
from hub.jobs.schedules import schedules
from hub.services import cases, proposals, reviews, verdicts
from hub.services.settling import Decided
from hub.storage import decisions
from tests.console import people as invented
from tests.console import world
from tests.hubs import acts
from tests.services.test_reviews import World, here

__all__ = ["here"]


async def _approve(here: World, name: str = "sunyue", **more: Any) -> Decided:
    given = {"seen": await here.seen(name)} | more
    return await proposals.approve(here.hub, await here.user(name), here.task, **given)


async def _state(here: World) -> str:
    return (await cases.view(here.hub, await here.user("lihua"), here.task)).task.state


async def test_a_verdict_of_high_risk_waits_and_changes_nothing(here: World) -> None:
    before = await here.persons()
    done = await here.decide("same", note="户口簿上两个号码都有")
    assert done.state == "PROPOSED"
    assert await here.persons() == before
    assert (await reviews.queue(here.hub, await here.user("lihua"))).total == 0
    assert (await reviews.queue(here.hub, await here.user("sunyue"), view="proposed")).total == 1
    case = await cases.view(here.hub, await here.user("sunyue"), here.task)
    assert case.proposal is not None
    assert (case.proposal.actor, case.proposal.reason) == ("lihua", "ask-person")
    assert [risk.code for risk in case.weighed.risks("same")] == ["veto"]
    assert (case.may_decide, case.may_answer, case.outdated) == (False, True, False)
    assert await acts(here.hub, "propose") == [
        {"task": str(here.task), "verdict": "same", "risks": ["veto"], "event": case.proposal.seq, "actor": "lihua"}
    ]


async def test_whoever_proposed_cannot_approve_and_the_attempt_is_noted(here: World) -> None:
    await here.decide("same")
    with pytest.raises(NotAllowed, match="same-person"):
        await _approve(here, "lihua")
    assert await _state(here) == "PROPOSED"
    assert [act["actor"] for act in await acts(here.hub, "approve-refused")] == ["lihua"]


async def test_the_approved_decision_names_both(here: World) -> None:
    await here.join()
    async with here.hub.database.read() as connection:
        event = (await decisions.of_pair(connection, *here.records))[-1]
    assert (event.kind, event.actor, event.approver) == ("MUST_LINK", "lihua", "sunyue")
    assert event.evidence["levels"]["resident_id"] == "differs-checked"
    assert len(set(await here.persons())) == 1


@pytest.mark.parametrize("name", ["lihua", "sunyue", "zhouping"])
async def test_either_of_the_two_or_a_supervisor_undoes_it(here: World, name: str) -> None:
    before = await here.persons()
    await here.join()
    done = await verdicts.undo(here.hub, await here.user(name), here.task, seen=await here.seen(name))
    assert done.state == "REVIEW"
    assert await here.persons() == before
    assert [act["actor"] for act in await acts(here.hub, "undo")] == [name]


async def test_an_approval_of_an_old_view_is_refused(here: World) -> None:
    await here.decide("same")
    seen = await here.seen("sunyue")
    await proposals.send_back(here.hub, await here.user("lihua"), here.task, seen=seen)
    with pytest.raises(Conflict, match="stale"):
        await _approve(here, seen=seen)


async def test_a_record_that_changed_since_makes_the_proposal_outdated(here: World) -> None:
    await here.decide("same")
    changed, _ = invented.two_ids()
    changed["telecom"] = [{"system": "phone", "value": "13700001111"}]
    await world.add_records(here.hub, changed)
    case = await cases.view(here.hub, await here.user("sunyue"), here.task)
    assert case.outdated
    with pytest.raises(Conflict, match="proposal-outdated"):
        await _approve(here)
    assert await here.events() == [("PROPOSE", "lihua", "ask-person")]
    done = await proposals.send_back(here.hub, await here.user("sunyue"), here.task, seen=case.seen, note="电话变了")
    assert done.state == "REVIEW"
    assert (await here.join()).state == "CONFIRMED"


async def test_a_record_that_joined_one_of_the_persons_since_makes_it_outdated(here: World) -> None:
    await here.decide("same")
    await world.add_records(here.hub, invented.beside(invented.HUIJI, "HJ-9"))
    with pytest.raises(Conflict, match="proposal-outdated"):
        await _approve(here)


async def test_it_lapses_visibly(here: World) -> None:
    await here.decide("same")
    here.clock.forward(days=here.hub.settings.proposal_days)
    with pytest.raises(Conflict, match="proposal-lapsed"):
        await _approve(here)
    (deadlines,) = [schedule.job for schedule in schedules(here.hub.settings) if schedule.name == "deadlines"]
    assert (await deadlines(here.hub, here.clock()))["lapsed"] == 1
    assert (await deadlines(here.hub, here.clock()))["lapsed"] == 0
    assert await _state(here) == "REVIEW"
    assert (await here.events())[-1] == ("LAPSE", "hub", "proposal-lapsed")
    assert len(await acts(here.hub, "proposal-lapsed")) == 1


async def test_it_is_sent_back_with_a_reason_or_withdrawn(here: World) -> None:
    for name, reason in (("sunyue", "sent-back"), ("lihua", "proposal-withdrawn")):
        await here.decide("same")
        seen = await here.seen(name)
        await proposals.send_back(here.hub, await here.user(name), here.task, seen=seen, note="请再核实")
        assert (await here.events())[-1] == ("DECLINE", name, reason)
        assert await _state(here) == "REVIEW"
        assert len(await acts(here.hub, reason)) == 1


async def test_of_two_approvals_at_once_one_counts(here: World) -> None:
    await here.decide("same")
    seen = await here.seen("sunyue")
    tries = [_approve(here, name, seen=seen) for name in ("sunyue", "zhouping")]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(result) for result in results].count(Decided) == 1
    assert [error.code for error in results if isinstance(error, Conflict)] == ["stale"]
    assert [kind for kind, _, _ in await here.events()] == ["PROPOSE", "MUST_LINK"]


@pytest.mark.parametrize("act", ["approve", "send-back"])
async def test_another_regions_proposal_is_not_there(here: World, act: str) -> None:
    answer = proposals.approve if act == "approve" else proposals.send_back
    with pytest.raises(NotFound):
        await answer(here.hub, await here.user("lihua"), here.hidden, seen="1.1.1")
    assert (await here.acts())[-1] == "look-up-refused"


@pytest.mark.parametrize("name", ["audit", "admin"])
async def test_readers_do_not_approve(here: World, name: str) -> None:
    await here.decide("same")
    for answer in (proposals.approve, proposals.send_back):
        with pytest.raises(NotAllowed, match="role-missing"):
            await answer(here.hub, await here.user(name), here.task, seen=await here.seen())


async def test_a_person_of_many_records_takes_two_people_to_join(here: World) -> None:
    one, other = await world.add_records(here.hub, *invented.no_id())
    task = await world.task_of(here.hub, one, other)
    steward = await here.user("lihua")
    assert (await cases.view(here.hub, steward, task)).weighed.risks("same") == ()
    first, _ = invented.no_id()
    for number in range(here.hub.settings.four_eyes_records):
        copy = {**first, "identifier": [{**first["identifier"][0], "value": f"YK-{number}"}, *first["identifier"][1:]]}
        await world.add_records(here.hub, copy)
    case = await cases.view(here.hub, steward, task)
    assert [risk.code for risk in case.weighed.risks("same")] == ["many-records"]
    assert case.weighed.risks("different") == ()


async def test_papers_take_two_people(here: World) -> None:
    from hub.services.blinds import subject_of
    from tests.console import traffic

    one, other = await world.add_records(here.hub, *invented.no_id())
    task = await world.task_of(here.hub, one, other)
    steward = await here.user("lihua")
    subject = subject_of(here.hub, invented.YONGKANG, "YK-0031980")
    await traffic.sealed_about(here.hub, subject, invented.YONGKANG, invented.HUIJI)
    case = await cases.view(here.hub, steward, task)
    assert [risk.code for risk in case.weighed.risks("same")] == ["papers"]
    assert case.weighed.facts.sealed == 1
    done = await verdicts.decide(here.hub, steward, task, "same", reason="documents-agree", seen=case.seen)
    assert done.state == "PROPOSED"
