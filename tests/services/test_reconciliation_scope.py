"""Which records a run examines, and what its report says to whom."""

from datetime import timedelta

from hub.runtime import Hub
from hub.services import enrolment, reconciliation, reconciliation_reports
from hub.services.sessions import User
from hub.storage.members import Member
from tests.hubs import Clock, Enrolled
from tests.people import arrive, patient

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}
QIAN = {"name": "钱学", "birth": "1962-10-30", "sex": "male", "id": "330784196210300015", "origin": "330784000000"}


def _user(member: Member | None) -> User:
    region = member.name if member else "hub"
    return User(1, "somebody", "某人", member.id if member else None, region, region, region, ("auditor",), "zh")


async def _run(hub: Hub, cause: str, *, whole: bool) -> int:
    return (await reconciliation.run(hub, cause, whole=whole)).examined


async def test_only_what_changed_is_examined_until_it_is_everybodys_turn(
    hub: Hub, huiji: Enrolled, clock: Clock
) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **QIAN)])
    clock.advance(days=1)
    assert await _run(hub, "first", whole=False) == 2, "the first run examines everybody"
    clock.advance(days=1)
    assert await _run(hub, "second", whole=False) == 0
    await arrive(hub, huiji.member, [patient("huiji", "H2", **(QIAN | {"phone": "13900001111"}))])
    clock.advance(days=1)
    assert await _run(hub, "third", whole=False) == 1
    assert await _run(hub, "fourth", whole=True) == 2
    clock.advance(hours=2)
    assert await _run(hub, "fifth", whole=False) == 0
    clock.advance(days=7)
    assert await _run(hub, "sixth", whole=False) == 2
    clock.advance(days=1)
    await enrolment.promise_unique(hub, "huiji", unique=True)
    assert await _run(hub, "seventh", whole=False) == 2, "other rules may judge otherwise"


async def test_what_was_being_stored_while_the_last_run_looked_is_looked_at_again(
    hub: Hub, huiji: Enrolled, clock: Clock
) -> None:
    await _run(hub, "first", whole=False)
    clock.moment -= timedelta(minutes=30)
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI)])
    clock.advance(hours=1)
    assert await _run(hub, "second", whole=False) == 1


async def test_the_report_says_what_changed_and_to_a_region_only_its_own(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled, clock: Clock
) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **LI)])
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI), patient("yongkang", "Y2", **QIAN)])
    clock.advance(days=1)
    await enrolment.promise_unique(hub, "huiji", unique=True)
    done = await reconciliation.run(hub, "tonight")
    whole = await reconciliation_reports.get(hub, _user(None), done.run)
    assert (whole.persons_before, whole.persons_after) == (2, 3)
    assert (whole.examined, whole.parted, whole.joined, whole.twice) == (4, 1, 0, 0)
    assert whole.tasks == {"two-records-of-one-source": 1}
    assert {line.member.name: (line.examined, line.tasks) for line in whole.lines} == {
        "huiji": (2, 1),
        "yongkang": (2, 0),
    }
    own = await reconciliation_reports.get(hub, _user(yongkang.member), done.run)
    assert (own.persons_before, own.persons_after, own.decisions) == (None, None, None)
    assert [line.member.name for line in own.lines] == ["yongkang"]
    assert (own.examined, own.tasks, own.parted) == (2, {}, 0)
    clock.advance(days=1)
    await enrolment.promise_unique(hub, "huiji", unique=False)
    again = await reconciliation.run(hub, "tomorrow")
    after = await reconciliation_reports.get(hub, _user(None), again.run)
    assert (after.joined, after.parted, after.twice) == (1, 0, 1)
    assert [report.run.id for report in await reconciliation_reports.listed(hub, _user(None))] == [again.run, done.run]
