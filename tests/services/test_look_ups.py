"""The ledger of a person is whole: nothing newer hides what is older, and checks that are alike are one line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hub.runtime import Hub
from hub.services import cases
from hub.services.sessions import User
from hub.storage import access, members
from hub.storage.access import Access
from tests.console import people as invented
from tests.console import world
from tests.console.people import YONGKANG
from tests.console.world import Clock


@dataclass
class World:
    hub: Hub
    clock: Clock
    task: UUID
    person: Any

    async def noted(self, number: int, act: str = "view", fields: tuple[str, ...] = ()) -> None:
        at = self.clock()
        events = [
            Access("lihua", YONGKANG, act, "conflict-review", self.person, None, fields, "permit", at + timedelta(n))
            for n in range(number)
        ]
        async with self.hub.database.begin() as connection:
            await access.note(connection, events)

    async def look_ups(self, name: str = "lihua", **more: Any) -> cases.LookUps:
        display, region, roles = world.USERS[name]
        async with self.hub.database.read() as connection:
            member = await members.by_name(connection, region) if region else None
        id_ = member.id if member else None
        user = User(1, name, display, id_, region or "hub", display, display, roles, "zh")
        return await cases.look_ups(self.hub, user, self.task, **more)


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world.open_world(database_url, tmp_path) as (hub, clock):
        records = await world.add_records(hub, *invented.two_ids())
        person = await world.person_of(hub, records[0])
        yield World(hub, clock, await world.task_of(hub, *records), person)


async def test_nothing_newer_hides_what_is_older(here: World) -> None:
    await here.noted(1, "reveal")
    await here.noted(700)
    assert "reveal" in {line.event.act for line in (await here.look_ups()).lines}
    found, seen = await here.look_ups(limit=300), 0
    total = len(found.lines) + found.more
    acts = []
    while True:
        seen += len(found.lines)
        acts += [line.event.act for line in found.lines]
        assert seen + found.more == total
        if found.older is None:
            break
        found = await here.look_ups(limit=300, start=found.older)
    assert (seen, acts.count("view"), acts[-1]) == (total, 700, "reveal")


async def test_checks_that_are_alike_are_one_line(here: World) -> None:
    await here.noted(300, "verify", ("method",))
    await here.noted(200, "verify", ("number",))
    whole = [line for line in (await here.look_ups("admin")).lines if line.event.act == "verify"]
    assert sorted(line.times for line in whole) == [200, 300]
    assert {line.event.at - line.first_at for line in whole} == {timedelta(199), timedelta(299)}
    (veiled,) = [line for line in (await here.look_ups()).lines if line.body == cases.OF_VERIFIER]
    assert (veiled.times, veiled.event.fields, veiled.event.outcome) == (500, (), "")
