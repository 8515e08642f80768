"""The day's notices: the digest falls due while two clocks tick, and everything that is queued reaches its receiver.

Its slot is the next full second instead of tomorrow morning; each of the clocks would do it, one does.
"""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from hub.demo.counties.partner.deliveries import Ledger
from hub.demo.story.member import Member
from hub.demo.story.places import Places
from hub.jobs.clock import Clock
from hub.jobs.schedules import digest_at
from hub.runtime import Hub
from hub.storage import deliveries

_DIGEST = "digest"
_CLOCKS = 2
_PATIENCE = 90.0
_LOOK_EVERY = 0.3


@dataclass(frozen=True, slots=True)
class Received:
    """What the receivers were told: the accepted notices, once each, and how many came with a wrong signature or content."""

    bodies: tuple[dict[str, Any], ...]
    wrong: int

    def of(self, topic: str, **content: str) -> list[dict[str, Any]]:
        """The notices about `topic` that say all of `content`."""
        wanted = {"type": f"lianqiao.{topic}", **content}
        return [body for body in self.bodies if wanted.items() <= body.items()]


async def make_digest(hub: Hub) -> tuple[datetime, int]:
    """Let two clocks do what falls due with the next full second; answers that slot and how many of them did it."""
    slot = hub.now().replace(microsecond=0) + timedelta(seconds=1)
    at = slot.astimezone(ZoneInfo(hub.settings.timezone)).time()
    clocks = [Clock(hub, uuid4().hex, [digest_at(at, hub.settings.timezone)]) for _ in range(_CLOCKS)]
    await asyncio.sleep((slot - hub.now()).total_seconds() + 0.05)
    done = await asyncio.gather(*(clock.catch_up(_DIGEST) for clock in clocks))
    return slot, sum(done)


async def await_delivery(hub: Hub, tell: Callable[[int, int], None]) -> None:
    """Wait until no notice is queued any more, or none has moved for a while."""
    left, moved_at = -1, time.monotonic()
    while time.monotonic() - moved_at < _PATIENCE:
        async with hub.database.read() as connection:
            totals = await deliveries.totals(connection)
        queued = sum(number for (_, state), number in totals.items() if state == "QUEUED")
        tell(sum(totals.values()) - queued, sum(totals.values()))
        if not queued:
            return
        if queued != left:
            left, moved_at = queued, time.monotonic()
        await asyncio.sleep(_LOOK_EVERY)


def received(places: Places) -> Received:
    """What the receiver's own ledger says."""
    ledger = Ledger(places.webhooks)
    bodies, summary = tuple(json.loads(body) for body in ledger.bodies()), ledger.summary()
    ledger.close()
    return Received(bodies, summary.refused + summary.conflicting)


async def read_mailbox(partner: Member, slot: datetime) -> int:
    """Read the partner's mailbox to its end, acknowledging all; answers how many digests of the slot were in it."""
    digests = 0
    while items := (await partner.ask("POST", "/mailbox", {"max": 20, "lease_seconds": 30})).body["items"]:
        for item in items:
            body = json.loads(base64.b64decode(item["body"]))
            digests += item["kind"] == _DIGEST and datetime.fromisoformat(body["until"]) == slot
            receipt = {"state": "PROCESSED", "digest": item["digest"]}
            await partner.ask("POST", f"/mailbox/{item['id']}/receipt", receipt)
    return digests
