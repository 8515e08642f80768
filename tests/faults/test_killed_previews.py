"""A preview of a linkage model killed in the middle goes on where it was, and the swap is whole or has not happened."""

import asyncio
import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from hub.runtime import Hub
from hub.services import linking, model_change, shadows
from hub.settings import Settings
from hub.storage import people
from tests.hubs import Enrolled, acts
from tests.models import APPROVER, PROPOSER, arrive_all, projection, register, saved, shifted, staff
from tests.processes import Running, environment, started

STRICT = shifted("strict", 9.0)


async def _cursor(hub: Hub) -> tuple[int, int]:
    async with hub.database.read() as connection:
        rows = await connection.execute(text("SELECT cursor, last_record FROM linkage_model WHERE state = 'SHADOW'"))
        found = rows.one_or_none()
        return (found.cursor, found.last_record) if found else (0, 0)


async def _begun(hub: Hub, running: Running) -> None:
    """Wait until the first records are scored."""
    async with asyncio.timeout(90):
        while not (await _cursor(hub))[0]:
            assert running.process.poll() is None, running.log.read_text()
            await asyncio.sleep(0.005)


async def _filled(hub: Hub, members: dict[str, Enrolled]) -> None:
    await staff(hub)
    await arrive_all(hub, members, register(12, 700), 400)


async def test_a_preview_goes_on_where_it_was_killed(
    hub: Hub, hub_settings: Settings, yongkang: Enrolled, huiji: Enrolled, tmp_path: Path
) -> None:
    members = {"yongkang": yongkang, "huiji": huiji}
    await _filled(hub, members)
    before = await projection(hub)
    file = saved(STRICT, tmp_path)
    with started(hub_settings, tmp_path, "linkage", "preview", str(file), "--by", PROPOSER) as running:
        await _begun(hub, running)
        running.kill()
    cursor, last = await _cursor(hub)
    assert 0 < cursor < last
    assert await projection(hub) == before
    await arrive_all(hub, members, register(13, 40))  # while nobody is at it
    shown = await _hub(hub_settings, "linkage", "preview")
    digest = (await model_change.preview(hub)).difference.digest
    assert f"hub linkage apply {digest} --by NAME" in shown
    assert len(await acts(hub, "propose-model")) == 1
    await model_change.apply(hub, APPROVER, digest)
    after = await projection(hub)
    assert after != before
    async with hub.database.begin() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 100_000)
        assert not (await linking.rescore(hub, connection, ids, hub.now(), cause="reconciliation")).moves


async def test_a_killed_swap_has_not_happened(
    hub: Hub, hub_settings: Settings, yongkang: Enrolled, huiji: Enrolled, tmp_path: Path
) -> None:
    await _filled(hub, {"yongkang": yongkang, "huiji": huiji})
    await shadows.score(hub, await shadows.propose(hub, STRICT, PROPOSER))
    digest = (await model_change.preview(hub)).difference.digest
    before = await projection(hub)
    async with hub.database.begin() as connection:
        # The last thing a swap writes waits for us, so that it dies with everything written and nothing committed.
        await connection.execute(text("LOCK TABLE audit_leaf IN EXCLUSIVE MODE"))
        with started(hub_settings, tmp_path, "linkage", "apply", digest, "--by", APPROVER) as running:
            async with asyncio.timeout(60):
                while not await _waits_for_the_log(hub):
                    assert running.process.poll() is None, running.log.read_text()
                    await asyncio.sleep(0.01)
            running.kill()
    assert await projection(hub) == before
    assert await acts(hub, "apply-model") == []
    await model_change.apply(hub, APPROVER, digest)


async def _waits_for_the_log(hub: Hub) -> bool:
    async with hub.database.read() as connection:
        rows = await connection.execute(
            text("SELECT 1 FROM pg_locks WHERE relation = 'audit_leaf'::regclass AND NOT granted")
        )
        return rows.first() is not None


async def _hub(settings: Settings, *command: str) -> str:
    """What a command says."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "hub", *command],
        env=environment(settings, COLUMNS="200"),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
