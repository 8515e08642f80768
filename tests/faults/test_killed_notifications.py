"""Workers killed with SIGKILL while they tell subscribers: each event keeps its number, and every number arrives."""

import asyncio
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import text

from hub.api import fhir
from hub.runtime import Hub, open_hub
from hub.services import tokens
from hub.services.notifying import pushing
from hub.settings import Settings
from tests.api.fhir.conftest import Client
from tests.hubs import enrol, serve
from tests.processes import Running, started
from tests.receiving import Receiver, receiving
from tests.subscribing import asked, new_patient, register, told

COUNT = 20


async def _until(running: Running, holds: Callable[[], bool]) -> None:
    """Wait until it holds, as long as the worker is there."""
    async with asyncio.timeout(90):
        while not holds():
            assert running.process.poll() is None, running.log.read_text()
            await asyncio.sleep(0.02)


def _came(receiver: Receiver, least: int) -> bool:
    return len(receiver.got) >= least


async def _let_time_pass(hub: Hub) -> None:
    """What was under way when its worker died is due again, as it is when the time of the claim is over."""
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE subscription SET next_at = now() WHERE state = 'active'"))


async def test_every_event_arrives_in_order_whoever_dies_over_it(hub_settings: Settings, tmp_path: Path) -> None:
    private = hub_settings.model_copy(update={"webhook_private": True})
    draw = random.Random(29)
    async with open_hub(private) as hub, receiving() as receiver, serve(hub, fhir.router) as http:
        huiji = await enrol(hub, "huiji", ["410108000000"])
        await register(hub, huiji, receiver.url)
        caller = Client(http, await tokens.issue_token(hub, huiji.member))
        made = await caller("POST", "/fhir/Subscription", json=asked(receiver.url, max_count=2))
        await pushing.push(hub)  # the handshake
        assert (await caller("GET", f"/fhir/Subscription/{made.json()['id']}")).json()["status"] == "active"
        receiver.delay = 0.02
        focuses = [await new_patient(caller, str(number)) for number in range(COUNT)]
        for _ in range(2):
            least = len(receiver.got) + draw.randrange(1, 4)
            with started(hub_settings, tmp_path, "work", HUB_WEBHOOK_PRIVATE="true") as running:
                await _until(running, partial(_came, receiver, least))
                running.kill()
            await _let_time_pass(hub)
        with started(hub_settings, tmp_path, "work", HUB_WEBHOOK_PRIVATE="true") as running:
            await _until(running, lambda: told(receiver)[-1]["events"][-1][0] == COUNT)
        numbers = [[number for number, _ in said["events"]] for said in told(receiver)]
        firsts = [first for first, *_ in numbers]
        assert firsts == sorted(firsts)
        assert sorted({number for some in numbers for number in some}) == list(range(1, COUNT + 1))
        shown = {number: focus for said in told(receiver) for number, focus in said["events"]}
        assert [(shown[number] or "")[-36:] for number in range(1, COUNT + 1)] == focuses
