"""Numbers in full: of another region's record only when that region agreed, so many a day, and noted for the person."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from hub.errors import Conflict, Invalid, NotAllowed, NotFound, TooMany
from hub.runtime import Hub
from hub.services import auditing, cases, reveals
from hub.services.sessions import User
from hub.storage import access, members
from hub.storage.reveals import Request
from tests.console import people as invented
from tests.console import world
from tests.console.people import HUIJI, YONGKANG

WHY = "check-document"


class World:
    """The pair 陈志强: a record of Yongkang and one of Huiji."""

    def __init__(self, hub: Hub, clock: world.Clock, records: list[int], task: UUID) -> None:
        self.hub, self.clock, self.records, self.task = hub, clock, records, task

    async def user(self, name: str) -> User:
        display, region, roles = world.USERS[name]
        async with self.hub.database.read() as connection:
            member = await members.by_name(connection, region) if region else None
        return User(1, name, display, member.id if member else None, region or "hub", display, display, roles, "zh")

    async def seen_by(self, name: str = "lihua") -> set[str]:
        """Whose numbers this user sees in full."""
        found = await reveals.reveal(self.hub, await self.user(name), self.task, WHY)
        return {getattr(found.case, side).member.name for side in found.sides}

    async def ask(self, name: str = "lihua") -> None:
        await reveals.ask(self.hub, await self.user(name), self.task, WHY)

    async def to_answer(self, name: str = "sunyue") -> tuple[Request, ...]:
        user = await self.user(name)
        return (await reveals.asked(self.hub, user, await cases.view(self.hub, user, self.task))).to_answer

    async def answer(self, request: UUID, name: str = "sunyue", *, approve: bool = True) -> None:
        await reveals.answer(self.hub, await self.user(name), self.task, request, approve=approve)

    async def missed_after(self, change: str) -> int:
        """How many acts miss their look-ups after a statement in the database, and nothing else is wrong."""
        async with self.hub.database.begin() as connection:
            await connection.execute(text(change))
        (finding,) = (await auditing.verify(self.hub)).findings
        return finding.count if finding.code == "look-up-missing" else 0

    async def ledger(self, region: str) -> list[tuple[str, str, str, str]]:
        case = await cases.view(self.hub, await self.user("admin"), self.task)
        record = case.a if case.a.member.name == region else case.b
        async with self.hub.database.begin() as connection:
            found = await access.about(connection, *await cases._side(self.hub, connection, record.id))
        return [(event.actor, event.act, event.purpose, event.outcome) for event in found if event.actor != "admin"]


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world.open_world(database_url, tmp_path) as (hub, clock):
        records = await world.add_records(hub, *invented.two_ids())
        yield World(hub, clock, records, await world.task_of(hub, *records))


async def test_a_foreign_record_is_shown_once_its_region_agreed_and_for_a_time(here: World) -> None:
    assert await here.seen_by() == {YONGKANG}
    await here.ask()
    await here.ask()
    assert await here.seen_by() == {YONGKANG}
    (request,) = await here.to_answer()
    await here.answer(request.id)
    assert await here.seen_by() == {YONGKANG, HUIJI}
    assert await here.seen_by("zhouping") == {YONGKANG}
    assert await here.to_answer() == ()
    assert [line for line in await here.ledger(HUIJI) if line[1] not in ("view", "list")] == [
        ("lihua", "reveal", WHY, "permit"),
        ("sunyue", "answer-reveal", WHY, "approved"),
        ("lihua", "ask-reveal", WHY, "permit"),
    ]
    here.clock.forward(days=reveals.OPEN_FOR.days, seconds=1)
    assert await here.seen_by() == {YONGKANG}


async def test_refused_is_refused_and_a_request_ends_by_itself(here: World) -> None:
    await here.ask()
    (request,) = await here.to_answer()
    await here.answer(request.id, approve=False)
    await here.ask()
    assert await here.to_answer() == ()
    assert await here.seen_by() == {YONGKANG}
    with pytest.raises(Conflict, match="stale"):
        await here.answer(request.id)
    here.clock.forward(days=8)
    await here.ask()
    (request,) = await here.to_answer()
    here.clock.forward(days=8)
    assert await here.to_answer() == ()
    with pytest.raises(NotAllowed, match="not-yours-to-answer"):
        await here.answer(request.id)


async def test_nobody_but_a_steward_of_the_region_asked_answers(here: World) -> None:
    await here.ask()
    (request,) = await here.to_answer()
    for name in ("lihua", "zhouping"):
        with pytest.raises(NotAllowed, match="not-yours-to-answer"):
            await here.answer(request.id, name)
        assert await here.to_answer(name) == ()
    for name in ("audit", "admin"):
        with pytest.raises(NotAllowed, match="role-missing"):
            await here.answer(request.id, name)
    with pytest.raises(NotFound):
        await here.answer(request.id, "jin")
    with pytest.raises(NotAllowed, match="not-yours-to-answer"):
        await here.answer(uuid4())
    with pytest.raises(NotAllowed, match="role-missing"):
        await here.ask("audit")
    with pytest.raises(Invalid, match="purpose-missing"):
        await reveals.ask(here.hub, await here.user("lihua"), here.task, "curiosity")


async def test_an_approval_written_into_the_database_counts_for_nothing(here: World) -> None:
    await here.ask()
    async with here.hub.database.begin() as connection:
        await connection.execute(text("UPDATE reveal_request SET state = 'APPROVED'"))
    assert await here.seen_by() == {YONGKANG}


async def test_a_user_sees_so_many_a_day(here: World) -> None:
    here.hub = replace(here.hub, settings=here.hub.settings.model_copy(update={"reveals_per_day": 2}))
    await here.seen_by()
    await here.ask()
    with pytest.raises(TooMany, match="reveals-used-up"):
        await here.ask()
    with pytest.raises(TooMany) as refused:
        await here.seen_by()
    assert (refused.value.code, refused.value.status) == ("reveals-used-up", 429)
    assert 0 < (refused.value.retry_after or 0) <= 86401
    assert await here.seen_by("sunyue") == {HUIJI}
    here.clock.forward(seconds=refused.value.retry_after or 0)
    assert await here.seen_by() == {YONGKANG}


async def test_a_look_up_taken_out_of_the_ledger_is_missed(here: World) -> None:
    user = await here.user("lihua")
    await cases.view(here.hub, user, here.task)
    await cases.look_ups(here.hub, user, here.task, act="export-look-ups")
    while await auditing.sequence(here.hub):
        pass
    assert (await auditing.verify(here.hub)).findings == ()
    assert await here.missed_after("UPDATE access_event SET actor = 'nobody' WHERE act = 'view'") == 1
    assert await here.missed_after("DELETE FROM access_event") == 2
