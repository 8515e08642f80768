"""A sandbox and a live hub never meet: not by settings that are wrong, nor by whatever writes to a database."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hub.errors import HubError, Invalid, Unauthenticated
from hub.runtime import Hub, open_hub
from hub.services import setup
from hub.services.tokens import issue_token_for, member_of
from hub.storage import members
from hub.storage.migrate import upgrade_async
from tests.hubs import Clock, Enrolled, enrol, settings_for
from tests.sandboxes import open_sandbox

LIVE, INVENTED = "330784000000", "990001000000"


async def _force(hub: Hub, name: str, divisions: list[str]) -> None:
    """Past everything that the services ask."""
    async with hub.database.begin() as connection:
        await members.add(connection, name=name, kind="county", display="X", display_zh="某", divisions=divisions)


async def test_divisions_belong_to_one_sort_of_hub(
    hub: Hub, tmp_path: Path, empty_database_url: str, clock: Clock
) -> None:
    async with open_sandbox(tmp_path / "sandbox", empty_database_url, clock) as sandbox:
        for where, code in ((hub, INVENTED), (sandbox, LIVE)):
            with pytest.raises(Invalid) as refused:
                await enrol(where, "x", [code])
            assert refused.value.code == "bad-division"
            for codes in ([code], [LIVE, INVENTED], [INVENTED, LIVE]):
                with pytest.raises(IntegrityError):
                    await _force(where, "x", codes)
        await enrol(sandbox, "x", [INVENTED])
    await enrol(hub, "x", [LIVE])


async def test_a_database_keeps_its_sort(tmp_path: Path, database_url: str, clock: Clock) -> None:
    async with open_sandbox(tmp_path / "sandbox", database_url, clock):
        pass
    assert (await setup.initialise(settings_for(tmp_path / "sandbox", database_url, sandbox=True))).made == ()
    with pytest.raises(HubError) as live:
        await setup.initialise(settings_for(tmp_path / "live", database_url))
    assert live.value.code == "sandbox-database"


async def test_a_live_hub_does_not_become_a_sandbox(hub: Hub, huiji: Enrolled) -> None:
    changed = hub.settings.model_copy(update={"sandbox": True})
    with pytest.raises(HubError) as refused:
        await setup.initialise(changed)
    assert refused.value.code == "live-database"
    with pytest.raises(HubError) as not_opened:
        async with open_hub(changed):
            pass
    assert not_opened.value.code == "live-database"


async def test_a_sandbox_knows_nobody_of_a_database_of_others(
    hub: Hub, huiji: Enrolled, tmp_path: Path, empty_database_url: str, clock: Clock
) -> None:
    """Its own keys make every row of a live hub a forged one, and every token of it a stranger's."""
    async with open_sandbox(tmp_path / "sandbox", empty_database_url, clock) as sandbox:
        token = await issue_token_for(hub, "huiji")
        with pytest.raises(Unauthenticated):
            await member_of(sandbox, token)
        strange = settings_for(tmp_path / "sandbox", hub.settings.database_url)
    async with open_hub(strange, now=clock) as confused, confused.database.read() as connection:
        assert await members.all_members(connection) == []


async def test_the_mark_is_in_the_schema_and_not_in_a_row(database_url: str, tmp_path: Path, clock: Clock) -> None:
    async with open_sandbox(tmp_path / "sandbox", database_url, clock) as sandbox:
        async with sandbox.database.begin() as connection:
            await connection.execute(text("DELETE FROM application"))
        await upgrade_async(database_url)
        with pytest.raises(IntegrityError):
            await _force(sandbox, "x", [LIVE])


@pytest.mark.parametrize("codes", [["99"], ["9900010000000"], ["990001000000,330784000000"], ["990001000000 "]])
async def test_what_is_no_division_at_all(database_url: str, tmp_path: Path, clock: Clock, codes: list[Any]) -> None:
    async with open_sandbox(tmp_path / "sandbox", database_url, clock) as sandbox:
        with pytest.raises(IntegrityError):
            await _force(sandbox, "x", codes)
