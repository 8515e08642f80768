"""Earlier decisions are looked at again when records change: opened, kept in force, closed again, decided anew."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from hub.linkage.resident_id import check_digit
from hub.services import cases, proposals, reconciliation, reviews, verdicts
from hub.services.identity import merging
from hub.services.identity.merging import Asked
from hub.services.identity.steward_acts import Named
from hub.services.settling import Decided
from hub.storage import people
from hub.storage import reviews as tasks
from hub.storage.reviews import Review
from tests.console import people as invented
from tests.console import world
from tests.hubs import acts
from tests.services.test_reviews import World, here

__all__ = ["here"]


class Pair:
    """张伟, decided about once; `b` is the record of 惠济 without a number."""

    def __init__(self, here: World, records: list[int], task: UUID) -> None:
        self.here, self.hub, self.records, self.task = here, here.hub, records, task

    @classmethod
    async def decided(cls, here: World, verdict: Any) -> "Pair":
        records = await world.add_records(here.hub, *invented.no_id())
        made = cls(here, records, await world.task_of(here.hub, *records))
        assert (await made.decide(verdict)).state in ("CONFIRMED", "REJECTED")
        return made

    async def decide(self, verdict: Any, **more: Any) -> Decided:
        steward = await self.here.user("lihua")
        seen = (await cases.view(self.hub, steward, self.task)).seen
        given = {"reason": "name-only", "seen": seen} | more
        return await verdicts.decide(self.hub, steward, self.task, verdict, **given)

    async def b_says(self, **change: Any) -> None:
        await world.add_records(self.hub, invented.no_id()[1] | change)

    async def now(self) -> Review:
        async with self.hub.database.read() as connection:
            found = await tasks.get(connection, self.task, None)
        assert found is not None
        return found

    async def in_force(self) -> list[str]:
        async with self.hub.database.read() as connection:
            return [c.kind for c in await people.constraints_touching(connection, self.records)]

    async def together(self) -> bool:
        return len({await world.person_of(self.hub, id_) for id_ in self.records}) == 1


def _number(of: dict[str, Any]) -> dict[str, Any]:
    return next(i for i in of["identifier"] if i["use"] == "official")


def _with_number(number: dict[str, Any]) -> dict[str, Any]:
    own = invented.no_id()[1]
    return {"identifier": [*own["identifier"], number]}


async def test_a_rejected_pair_whose_numbers_turn_out_the_same_is_asked_about_again(here: World) -> None:
    pair = await Pair.decided(here, "different")
    await pair.b_says(**_with_number(_number(invented.no_id()[0])))
    task = await pair.now()
    assert (task.state, task.reason) == ("REVIEW", "new-evidence")
    assert await pair.in_force() == ["CANNOT"]
    assert not await pair.together()
    case = await cases.view(pair.hub, await here.user("lihua"), pair.task)
    assert [(c.field, c.before, c.after) for c in case.changes] == [("resident_id", "missing", "same")]
    assert case.changes[0].weight > 3
    assert [act["decision"] for act in await acts(pair.hub, "reopen")] == [task.reopened_seq]
    assert (await reviews.queue(pair.hub, await here.user("lihua"), reason="new-evidence")).total == 1


async def test_cannot_stays_in_force_through_everything_until_somebody_decides(here: World) -> None:
    pair = await Pair.decided(here, "different")
    await pair.b_says(**_with_number(_number(invented.no_id()[0])))
    await reconciliation.run(pair.hub, "tonight")
    await pair.decide("defer")
    await reconciliation.run(pair.hub, "tomorrow")
    assert ((await pair.now()).state, await pair.in_force()) == ("DEFERRED", ["CANNOT"])
    seen = (await cases.view(pair.hub, await here.user("lihua"), pair.task)).seen
    await verdicts.undo(pair.hub, await here.user("lihua"), pair.task, seen=seen)
    assert ((await pair.now()).state, await pair.in_force()) == ("REVIEW", ["CANNOT"])
    assert not await pair.together()
    assert (await pair.decide("same")).moved == 1
    assert (await pair.in_force(), await pair.together()) == (["MUST"], True)


async def test_undoing_the_second_decision_brings_the_first_back_into_force(here: World) -> None:
    pair = await Pair.decided(here, "different")
    first = (await pair.now()).decision_seq
    await pair.b_says(**_with_number(_number(invented.no_id()[0])))
    await pair.decide("same")
    seen = (await cases.view(pair.hub, await here.user("lihua"), pair.task)).seen
    await verdicts.undo(pair.hub, await here.user("lihua"), pair.task, seen=seen)
    task = await pair.now()
    assert (task.state, task.reopened_seq, await pair.in_force()) == ("REVIEW", first, ["CANNOT"])
    assert not await pair.together()


async def test_evidence_that_turns_back_closes_the_task_as_it_was(here: World) -> None:
    pair = await Pair.decided(here, "different")
    before = await pair.now()
    await pair.b_says(**_with_number(_number(invented.no_id()[0])))
    await pair.b_says()
    after = await pair.now()
    assert (after.state, after.decided_by, after.decision_seq) == (before.state, before.decided_by, before.decision_seq)
    assert (after.reason, after.reopened_seq) == (before.reason, None)
    assert [act["decision"] for act in await acts(pair.hub, "close-again")] == [before.decision_seq]


async def test_what_confirms_a_decision_or_hardly_matters_reopens_nothing(here: World) -> None:
    pair = await Pair.decided(here, "different")
    await pair.b_says(gender="female", birthDate="1979-08-31")
    await pair.b_says(maritalStatus=invented.slips()[0]["maritalStatus"])
    assert (await pair.now()).state == "REJECTED"
    assert await acts(pair.hub, "reopen") == []


async def test_a_confirmed_pair_that_new_evidence_contradicts_becomes_a_task(here: World) -> None:
    pair = await Pair.decided(here, "same")
    other = "41010819790830331"
    number = _number(invented.no_id()[0]) | {"value": other + check_digit(other)}
    await pair.b_says(**_with_number(number))
    task = await pair.now()
    assert (task.state, task.reason) == ("REVIEW", "new-evidence")
    assert (await pair.in_force(), await pair.together()) == (["MUST"], True)
    await reconciliation.run(pair.hub, "tonight")
    assert (await pair.now()).state == "REVIEW"
    assert (await pair.decide("different")).moved == 1
    assert (await pair.in_force(), await pair.together()) == (["CANNOT"], False)


async def test_a_confirmed_pair_of_which_nothing_is_left_to_compare_becomes_a_task(here: World) -> None:
    pair = await Pair.decided(here, "same")
    stranger = invented.twins()[1]
    own = invented.no_id()[1]["identifier"][0]
    await world.add_records(pair.hub, {**stranger, "identifier": [own]})
    assert ((await pair.now()).state, await pair.together()) == ("REVIEW", True)


async def test_a_record_that_is_no_longer_live_calls_nothing_into_question(here: World) -> None:
    pair = await Pair.decided(here, "different")
    await pair.b_says(**_with_number(_number(invented.no_id()[0])))
    await pair.b_says(active=False)
    assert (await pair.now()).state == "REJECTED"


async def _put_off(pair: Pair) -> None:
    await pair.decide("defer")


async def _send_back(pair: Pair) -> None:
    assert (await pair.decide("different")).state == "PROPOSED"
    seen = (await cases.view(pair.hub, await pair.here.user("lihua"), pair.task)).seen
    await proposals.send_back(pair.hub, await pair.here.user("lihua"), pair.task, seen=seen)


@pytest.mark.parametrize(("since", "two_people"), [(_put_off, False), (_send_back, True)])
async def test_a_merge_is_taken_back_whatever_was_said_since_it_is_asked_about_again(
    here: World, since: Callable[[Pair], Awaitable[None]], two_people: bool
) -> None:
    """To put the question off, or to propose and give up another answer, leaves the merge itself in force."""
    pair = await Pair.decided(here, "same")
    other = "41010819790830331"
    await pair.b_says(**_with_number(_number(invented.no_id()[0]) | {"value": other + check_digit(other)}))
    if two_people:
        pair.hub = replace(pair.hub, settings=pair.hub.settings.model_copy(update={"four_eyes_records": 0}))
    await since(pair)
    async with pair.hub.database.read() as connection:
        infos = await people.info(connection, pair.records)
    source, target = (Named(id=infos[id_].resource_id) for id_ in pair.records)
    asked = Asked(source, target)
    assert (await pair.in_force(), await pair.together()) == (["MUST"], True)
    shown = await merging.preview(pair.hub, await here.user("lihua"), asked, undo=True)
    assert len(shown.foreseen.moves) + shown.foreseen.hidden == 1
    await merging.undo(pair.hub, await here.user("lihua"), asked)
    assert (await pair.in_force(), await pair.together()) == ([], False)
    assert (await pair.now()).reopened_seq is None
