"""Two workers, one fast schedule: each due moment is done once, counted where it was done."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

from sqlalchemy import text

from hub.runtime import Hub
from hub.services import diagnosis
from hub.settings import Settings
from tests.processes import started, wait_until

TICKS = 100


async def _slots(hub: Hub) -> dict[str, str]:
    async with hub.database.read() as connection:
        rows = await connection.execute(text("SELECT due_at, state FROM schedule_slot WHERE schedule = 'heartbeat'"))
        return {row.due_at.isoformat(): row.state for row in rows}


async def test_two_workers_do_each_slot_of_a_fast_schedule_once(
    hub: Hub, hub_settings: Settings, tmp_path: Path
) -> None:
    every = {"HUB_HEARTBEAT_SECONDS": "0.1"}
    with (
        started(hub_settings, tmp_path, "work", **every) as one,
        started(hub_settings, tmp_path, "work", **every) as two,
    ):
        await asyncio.to_thread(
            wait_until, lambda: len(one.lines("heartbeat")) + len(two.lines("heartbeat")) >= TICKS, 90
        )
        beating = hub_settings.model_copy(update={"heartbeat_seconds": 0.1})
        findings = await asyncio.to_thread(diagnosis.examine, beating)
        for process in (one.process, two.process):
            process.send_signal(signal.SIGTERM)
        for process in (one.process, two.process):
            assert await asyncio.to_thread(process.wait, 30) == 0
        runs = Counter(line["due_at"] for log in (one, two) for line in log.lines("heartbeat"))
    assert len(runs) >= TICKS
    assert set(runs.values()) == {1}
    slots = await _slots(hub)
    assert set(runs) <= set(slots)
    # What was claimed when the process was told to end may be left to its lease.
    unfinished = [due for due, state in slots.items() if state != "DONE"]
    assert len(unfinished) <= 2
    assert set(slots) - set(unfinished) <= set(runs)
    (schedules,) = [finding for finding in findings if finding.what == "schedules"]
    assert schedules.ok
    assert "the last heartbeat" in schedules.text
