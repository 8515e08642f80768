"""The exchange itself: both counties' registers are filled, their gateways begin to work, and we watch until all is quiet.

Nothing is handed over by the story: what arrives has gone through gateways, hub and worker. Watching ends when every
record is where it ends, or when nothing has moved for a while; then the checks will say what is missing.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.demo.population import Story
from hub.demo.story.children import Children
from hub.demo.story.narration import Step
from hub.demo.story.places import COUNTIES, HUIJI, YONGKANG, Places
from hub.runtime import Hub
from hub.storage import submissions, work
from mappings import vocabulary

_OPEN_KINDS = (vocabulary.PERSON, vocabulary.CONSENT)
_OUT_ENDS = frozenset({"SETTLED", "QUARANTINED", "NOT_SENT", "REFUSED"})
_IN_ENDS = frozenset({"PROCESSED", "BUSINESS_ERROR"})
_LOOK_EVERY = 0.5
_PATIENCE = 75.0

Counts = Mapping[str, Mapping[str, int]]


async def fill_registers(children: Children, places: Places, people: int, seed: int, as_of: str) -> None:
    """Let each county write its own part of the story down, in its own way."""
    which = ("--people", str(people), "--seed", str(seed), "--as-of", as_of)
    await asyncio.gather(
        children.run(
            "fill-yongkang", f"hub.demo.counties.{YONGKANG}", "load", "--state", str(places.register(YONGKANG)), *which
        ),
        children.run("fill-huiji", f"hub.demo.counties.{HUIJI}", "drop", "--folder", str(places.drop), *which),
    )


@dataclass(frozen=True, slots=True)
class GatewayState:
    """What a gateway's status file says: outgoing messages by kind and state, mailbox messages by state."""

    outgoing: Counts
    mailbox: Mapping[str, int]

    def all_of(self, kind: str) -> int:
        return sum(number for state, number in self.outgoing.get(kind, {}).items() if state != "HELD")

    def ended(self, kind: str) -> int:
        return sum(number for state, number in self.outgoing.get(kind, {}).items() if state in _OUT_ENDS)

    @property
    def mailbox_ended(self) -> int:
        return sum(number for state, number in self.mailbox.items() if state in _IN_ENDS)


def gateway_state(places: Places, county: str) -> GatewayState:
    """The newest state; empty while the gateway has not written any."""
    try:
        document: dict[str, Any] = json.loads((places.told(county) / "gateway-status.json").read_bytes())
    except FileNotFoundError:
        document = {"outgoing": {}, "mailbox": {}}
    return GatewayState(document["outgoing"], document["mailbox"])


async def watch(hub: Hub, places: Places, story: Story, step: Step, children: Children) -> bool:
    """Wait until everything the counties have has come to its end; False when it stopped moving before."""
    total = _expected(story)
    seen, moved_at = (-1, -1), time.monotonic()
    while time.monotonic() - moved_at < _PATIENCE:
        if children.failed.done():
            children.failed.result()
        states = {county: gateway_state(places, county) for county in COUNTIES}
        async with hub.database.read() as connection:
            rows = (await submissions.totals(connection))["rows"]
            waiting = await work.waiting(connection)
        sealed = sum(state.ended(kind) for state in states.values() for kind in vocabulary.SEALED_KINDS)
        arrived = sum(state.mailbox_ended for state in states.values())
        step.at(rows + sealed, total)
        if not waiting and all(_is_quiet(state, story, county) for county, state in states.items()):
            return True
        if (rows + sealed + arrived, waiting) != seen:
            seen, moved_at = (rows + sealed + arrived, waiting), time.monotonic()
        await asyncio.sleep(_LOOK_EVERY)
    return False


def _expected(story: Story) -> int:
    return sum(story.truth.expected.rows.values())


def _is_quiet(state: GatewayState, story: Story, county: str) -> bool:
    """Has the gateway read all that the county wrote, and is it done with all of it, and with all that came?"""
    expected = story.truth.expected
    for kind in _OPEN_KINDS:
        if expected.rows.get((county, kind)) and not state.all_of(kind):
            return False
        if state.ended(kind) < state.all_of(kind):
            return False
    if any(state.ended(kind) < expected.rows.get((county, kind), 0) for kind in vocabulary.SEALED_KINDS):
        return False
    return state.mailbox_ended >= arrivals(story, county)


def arrivals(story: Story, county: str) -> int:
    """How many sealed messages the county must be given."""
    expected = story.truth.expected
    reports = sum(
        number for (sender, fate), number in expected.reports.items() if sender != county and fate == "delivered"
    )
    return reports + sum(number for (issuer, _), number in expected.certificates.items() if issuer != county)
