"""Who has a conflict: open for a while, taken, given, let go."""

from datetime import timedelta

import pytest

from hub.domain.ordering import AUDIT_SAMPLE
from hub.errors import Conflict, Invalid, NotAllowed, NotFound
from hub.services import assignments, proposals, reviews
from hub.storage import review_reopenings
from hub.storage import reviews as tasks
from hub.storage.reviews import Review
from tests.console import people as invented
from tests.console import world
from tests.hubs import acts
from tests.services.test_reviews import World, here

__all__ = ["here"]


async def _task(here: World) -> Review:
    async with here.hub.database.read() as connection:
        found = await tasks.get(connection, here.task, None)
    assert found is not None
    return found


async def test_a_second_steward_sees_who_has_it_and_cannot_decide_meanwhile(here: World) -> None:
    await assignments.hold(here.hub, await here.user("lihua"), here.task)
    await assignments.hold(here.hub, await here.user("sunyue"), here.task)
    task = await _task(here)
    assert (task.held_by, task.held_until) == ("lihua", here.clock() + assignments.HELD_FOR)
    assert task.is_held(here.clock(), against="sunyue")
    assert not task.is_held(here.clock(), against="lihua")
    with pytest.raises(Conflict, match="held"):
        await here.decide("different", "sunyue")
    assert await here.events() == []
    assert (await here.decide("different")).state == "REJECTED"
    assert (await _task(here)).held_by is None


async def test_who_once_proposed_an_answer_has_it_open_when_it_is_asked_about_anew(here: World) -> None:
    assert (await here.decide("same")).state == "PROPOSED"
    await proposals.approve(here.hub, await here.user("sunyue"), here.task, seen=await here.seen("sunyue"))
    before = await _task(here)
    async with here.hub.database.begin() as connection:
        found = [(before.a, before.b, None, 1.0, before.member_ids)]
        await review_reopenings.reopen(connection, found, reason=AUDIT_SAMPLE, now=here.clock())
    await assignments.hold(here.hub, await here.user("lihua"), here.task)
    task = await _task(here)
    assert (task.state, task.proposed, task.expires_at, task.held_by) == ("REVIEW", None, None, "lihua")


async def test_it_ends_by_itself(here: World) -> None:
    await assignments.hold(here.hub, await here.user("lihua"), here.task)
    here.clock.forward(minutes=10)
    assert (await here.decide("different", "sunyue")).state == "REJECTED"


async def test_one_has_one_open(here: World) -> None:
    records = await world.add_records(here.hub, *invented.no_id())
    other = await world.task_of(here.hub, *records)
    lihua, zhouping = await here.user("lihua"), await here.user("zhouping")
    await assignments.hold(here.hub, lihua, here.task)
    _, following = await reviews.neighbours(here.hub, zhouping, await _task(here))
    assert following == other
    await assignments.hold(here.hub, lihua, other)
    assert (await _task(here)).held_by is None
    before, following = await reviews.neighbours(here.hub, zhouping, await _task(here))
    assert (before, following) == (None, None), "what others have open is passed over"


async def test_who_cannot_act_has_nothing_open(here: World) -> None:
    for name in ("audit", "admin", "jin"):
        await assignments.hold(here.hub, await here.user(name), here.task)
    assert (await _task(here)).held_by is None
    await here.decide("same")
    await assignments.hold(here.hub, await here.user("lihua"), here.task)
    assert (await _task(here)).held_by is None, "it is the other's turn"
    await assignments.hold(here.hub, await here.user("sunyue"), here.task)
    assert (await _task(here)).held_by == "sunyue"


async def test_whoever_opens_it_again_and_again_keeps_no_supervisor_out(here: World) -> None:
    await here.decide("same")
    for _ in range(3):
        await assignments.hold(here.hub, await here.user("sunyue"), here.task)
        here.clock.forward(minutes=9)
    zhouping = await here.user("zhouping")
    done = await proposals.approve(here.hub, zhouping, here.task, seen=await here.seen("zhouping"))
    assert done.state == "CONFIRMED"


async def test_taken_and_let_go(here: World) -> None:
    lihua, sunyue = await here.user("lihua"), await here.user("sunyue")
    await assignments.take(here.hub, lihua, here.task)
    assert [row.task.id for row in (await reviews.queue(here.hub, lihua, view="mine")).rows] == [here.task]
    assert (await reviews.queue(here.hub, sunyue, view="mine")).total == 0
    assert {row.task.assignee for row in (await reviews.queue(here.hub, sunyue)).rows} == {"lihua", None}
    with pytest.raises(NotAllowed, match="not-yours-to-give"):
        await assignments.release(here.hub, sunyue, here.task)
    await assignments.release(here.hub, lihua, here.task)
    await assignments.release(here.hub, await here.user("admin"), here.task)
    assert (await _task(here)).assignee is None
    assert len(await acts(here.hub, "take")) == len(await acts(here.hub, "release")) == 1
    assert (await _task(here)).version == 1


async def test_given_to_somebody_who_may_decide_it(here: World) -> None:
    await world.add_users(here.hub)
    admin = await here.user("admin")
    assert await assignments.able(here.hub, admin, await _task(here)) == ["lihua", "sunyue", "zhouping"]
    assert await assignments.able(here.hub, await here.user("lihua"), await _task(here)) == []
    await assignments.assign(here.hub, admin, here.task, " SunYue ")
    assert (await _task(here)).assignee == "sunyue"
    for name in ("jin", "audit", "nobody", ""):
        with pytest.raises(Invalid, match="no-such-steward"):
            await assignments.assign(here.hub, admin, here.task, name)
    with pytest.raises(NotAllowed, match="not-yours-to-give"):
        await assignments.assign(here.hub, await here.user("lihua"), here.task, "lihua")
    with pytest.raises(NotFound):
        await assignments.take(here.hub, await here.user("lihua"), here.hidden)
    assert [(act["actor"], act["to"]) for act in await acts(here.hub, "assign")] == [("admin", "sunyue")]
    assert timedelta(minutes=10) == assignments.HELD_FOR
