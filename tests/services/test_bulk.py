"""Many like conflicts decided at once, each for itself, and taken back as one."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from hub.errors import Conflict, Invalid, NotAllowed, NotFound
from hub.runtime import Hub
from hub.services import assignments, bulk, cases, reviews, verdicts
from hub.services.bulk import Wanted
from tests.console import people as invented
from tests.console import world
from tests.hubs import acts
from tests.services.test_reviews import World, here

__all__ = ["here"]
NUMBER = 6
SAME, DIFFERENT = (Wanted("uncertain", "even", verdict) for verdict in ("same", "different"))
SURNAMES = "张王李刘陈杨"


def _pair(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """张伟 once more, under another name and born another day."""
    born = f"19{70 + number}-0{number + 1}-1{number}"
    made = []
    for place, known in enumerate(invented.no_id()):
        name = f"{SURNAMES[number]}伟"
        own = {**known["identifier"][0], "value": f"N{place}-{number}"}
        phone = {"system": "phone", "value": (f"1396795500{number}", f"1383714{number}120")[place]}
        official = invented.resident_id("410108", born.replace("-", ""), 19)
        more = [{**i, "value": official} for i in known["identifier"][1:]]
        named = [{"use": "official", "text": name, "family": name[0], "given": ["伟"]}]
        made.append({**known, "identifier": [own, *more], "name": named, "birthDate": born, "telecom": [phone]})
    return made[0], made[1]


async def make_even(hub: Hub) -> None:
    """Put all conflicts that are merely uncertain into one band."""
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE review_task SET weight = 0 WHERE reason = 'uncertain'"))


@pytest.fixture
async def many(here: World) -> list[list[int]]:
    """Records of like conflicts, all of one reason and band."""
    records = [await world.add_records(here.hub, *_pair(number)) for number in range(NUMBER)]
    await make_even(here.hub)
    return records


async def _apply(here: World, wanted: Wanted = SAME, name: str = "lihua", **more: Any) -> bulk.Done:
    user = await here.user(name)
    seen = await bulk.preview(here.hub, user, wanted)
    given: dict[str, Any] = {"token": seen.token, "count": len(seen.tasks), "reason": "documents-agree"} | more
    return await bulk.apply(here.hub, user, wanted, **given)


async def _together(here: World, many: list[list[int]]) -> int:
    persons = [{await world.person_of(here.hub, id_) for id_ in pair} for pair in many]
    return [len(pair) for pair in persons].count(1)


async def test_a_lot_is_decided_each_for_itself_and_undone_as_one(here: World, many: list[list[int]]) -> None:
    done = await _apply(here)
    assert (done.done, done.skipped) == (NUMBER, {})
    assert await _together(here, many) == NUMBER
    async with here.hub.database.read() as connection:
        rows = await connection.execute(text("SELECT kind, evidence->>'bulk' AS lot FROM decision_event"))
        assert [(row.kind, row.lot) for row in rows] == [("MUST_LINK", str(done.lot))] * NUMBER
    assert len(await acts(here.hub, "decide")) == NUMBER
    assert [act["conflicts"] for act in await acts(here.hub, "decide-lot")] == [NUMBER]
    (lot,) = await bulk.lots(here.hub, await here.user("lihua"))
    assert (lot.state, lot.done, lot.total) == ("DONE", NUMBER, NUMBER)
    back = await bulk.undo(here.hub, await here.user("zhouping"), done.lot)
    assert (back.done, await _together(here, many)) == (NUMBER, 0)
    assert (await reviews.queue(here.hub, await here.user("lihua"), reason="uncertain")).total == NUMBER
    assert (await bulk.lots(here.hub, await here.user("lihua")))[0].state == "UNDONE"
    assert (await bulk.undo(here.hub, await here.user("lihua"), done.lot)).done == 0


async def test_nothing_more_is_decided_in_a_lot_that_is_undone_meanwhile(
    here: World, many: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    decide, decided = bulk._decide, []

    async def and_then_undo(*given: Any) -> str:
        decided.append(await decide(*given))
        if len(decided) == 2:
            (lot,) = await bulk.lots(here.hub, await here.user("zhouping"))
            assert (await bulk.undo(here.hub, await here.user("zhouping"), lot.id)).done == 2
        return decided[-1]

    monkeypatch.setattr(bulk, "_decide", and_then_undo)
    done = await _apply(here)
    assert (done.done, done.skipped) == (2, {"undone": NUMBER - 2})
    assert await _together(here, many) == 0
    (lot,) = await bulk.lots(here.hub, await here.user("lihua"))
    assert (lot.state, lot.done) == ("UNDONE", 2)


async def test_a_sample_is_shown_and_noted(here: World, many: list[list[int]]) -> None:
    seen = await bulk.preview(here.hub, await here.user("lihua"), SAME)
    assert len(seen.tasks) == len(seen.sample) == NUMBER
    assert await here.look_ups(many[0][0]) == [("lihua", "list", "permit")]


async def test_what_is_of_high_risk_is_never_part_of_it(here: World) -> None:
    user = await here.user("lihua")
    vetoed = Wanted("two-valid-ids", "likely", "same")
    seen = await bulk.preview(here.hub, user, vetoed)
    assert (seen.tasks, seen.left_out) == ((), {"high-risk": 1})
    with pytest.raises(Invalid, match="wrong-count"):
        await bulk.apply(here.hub, user, vetoed, token=seen.token, count=0, reason="documents-agree")
    assert await here.events() == []


async def test_what_became_of_high_risk_meanwhile_is_passed_over(here: World, many: list[list[int]]) -> None:
    strict = here.hub.settings.model_copy(update={"four_eyes_records": 1})
    object.__setattr__(here.hub, "settings", strict)
    first, _ = _pair(0)
    copy = {**first, "identifier": [{**first["identifier"][0], "value": "N0-copy"}, *first["identifier"][1:]]}
    await world.add_records(here.hub, copy)
    seen = await bulk.preview(here.hub, await here.user("lihua"), SAME)
    assert (len(seen.tasks), seen.left_out) == (NUMBER - 1, {"high-risk": 1})


async def test_what_others_have_is_left_to_them(here: World, many: list[list[int]]) -> None:
    tasks = [await world.task_of(here.hub, *pair) for pair in many]
    await assignments.hold(here.hub, await here.user("sunyue"), tasks[0])
    await assignments.take(here.hub, await here.user("zhouping"), tasks[1])
    await assignments.take(here.hub, await here.user("lihua"), tasks[2])
    done = await _apply(here, DIFFERENT)
    assert done.done == NUMBER - 2
    seen = await bulk.preview(here.hub, await here.user("lihua"), DIFFERENT)
    assert (seen.tasks, seen.left_out) == ((), {"others": 2})


@pytest.mark.parametrize("change", ["count", "token", "another"])
async def test_only_what_was_seen_and_counted_is_decided(here: World, many: list[list[int]], change: str) -> None:
    user = await here.user("lihua")
    seen = await bulk.preview(here.hub, user, SAME)
    given: dict[str, Any] = {"token": seen.token, "count": NUMBER, "reason": "documents-agree"}
    if change == "another":
        case = await cases.view(here.hub, user, await world.task_of(here.hub, *many[0]))
        await verdicts.decide(here.hub, user, case.task.id, "defer", reason="ask", seen=case.seen)
    else:
        given[change] = 1 if change == "count" else "0" * 32
    with pytest.raises(Invalid if change == "count" else Conflict, match=r"wrong-count|stale"):
        await bulk.apply(here.hub, user, SAME, **given)
    assert await _together(here, many) == 0
    assert await bulk.lots(here.hub, user) == []


async def test_what_was_decided_anew_since_is_not_undone_with_the_lot(here: World, many: list[list[int]]) -> None:
    done = await _apply(here)
    user, task = await here.user("lihua"), await world.task_of(here.hub, *many[0])
    case = await cases.view(here.hub, user, task)
    await verdicts.undo(here.hub, user, task, seen=case.seen)
    case = await cases.view(here.hub, user, task)
    await verdicts.decide(here.hub, user, task, "same", reason="documents-agree", seen=case.seen)
    assert (await bulk.undo(here.hub, user, done.lot)).done == NUMBER - 1
    assert await _together(here, many) == 1


async def test_who_may(here: World, many: list[list[int]]) -> None:
    for name in ("audit", "admin"):
        with pytest.raises(NotAllowed, match="role-missing"):
            await bulk.preview(here.hub, await here.user(name), SAME)
    done = await _apply(here)
    with pytest.raises(NotFound):
        await bulk.undo(here.hub, await here.user("sunyue"), done.lot)
    with pytest.raises(NotFound):
        await bulk.undo(here.hub, await here.user("lihua"), uuid4())
    with pytest.raises(Invalid, match="bad-lot"):
        await bulk.preview(here.hub, await here.user("lihua"), Wanted("uncertain", "all", "same"))
