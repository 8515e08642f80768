"""Stewards who decide while the linkage model changes: each waits for the other, and neither for both."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import text

from hub.runtime import Hub
from hub.services.identity import mdm, merging
from hub.services.identity.mdm import Golden
from hub.services.identity.merging import Asked
from hub.services.identity.steward_acts import Named
from hub.services.sessions import User
from hub.storage import linkage_models, people
from tests.services.test_reviews import World, here
from tests.waiting import until_somebody_waits

__all__ = ["here"]
Act = Callable[[Hub, User, list[people.RecordInfo]], Coroutine[Any, Any, None]]


async def _merge(hub: Hub, user: User, sides: list[people.RecordInfo]) -> None:
    source, target = (Named(id=side.resource_id) for side in sides)
    await merging.merge(hub, user, Asked(source, target))


async def _link(hub: Hub, user: User, sides: list[people.RecordInfo]) -> None:
    await mdm.update_link(hub, user, Golden(sides[0].anchor), Named(id=sides[1].resource_id), mdm.MATCH)


async def _part(hub: Hub, user: User, sides: list[people.RecordInfo]) -> None:
    await mdm.not_duplicate(hub, user, *(Golden(side.anchor) for side in sides))


@pytest.mark.parametrize("act", [_merge, _link, _part])
async def test_who_decides_waits_for_a_change_of_the_model_before_a_record_is_locked(here: World, act: Act) -> None:
    """Otherwise the change, which moves those records' tasks, would wait for the steward, and the steward for it."""
    user = await here.user("lihua")
    async with here.hub.database.begin() as connection:
        await linkage_models.hold_alone(connection)
        infos = await people.info(connection, here.records)
        deciding = asyncio.create_task(act(here.hub, user, [infos[id_] for id_ in here.records]))
        await until_somebody_waits(here.hub)
        free = text("SELECT count(*) FROM (SELECT id FROM source_record FOR UPDATE SKIP LOCKED) AS free")
        assert (await connection.execute(free)).scalar_one() == (await people.counts(connection))["records"]
    await deciding
