"""The hub, its worker and the gateways are killed ten times at random moments of the story: the table says the same."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from hub.demo.story import lookups, notifications
from hub.demo.story.places import COUNTIES, Places
from tests.acceptance.demo import Demo, demo

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1700)]

STORY = ("--people", "12000", "--seed", "3", "--once")
KILLS = 10
VICTIMS = ("hub", "worker", "gateway-yongkang", "gateway-huiji")


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[Demo]:
    """The story without any disturbance."""
    with demo(*STORY) as running:
        assert running.process.wait(900) == 0, running.said()
        yield running


def numbers(told: Demo) -> dict[str, tuple[str, str]]:
    return {line["what"]: (line["expected"], line["found"]) for line in told.table()}


def disturb(running: Demo, draws: random.Random) -> list[str]:
    """Kill one of the victims again and again, each time after a random while; answers who died."""
    killed: list[str] = []
    while len(killed) < KILLS and running.process.poll() is None:
        time.sleep(draws.uniform(0.3, 6.0))
        name = draws.choice(VICTIMS)
        pid = running.running().get(name)
        if pid is not None and running.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(name)
    return killed


@pytest.mark.parametrize("seed", range(2))
def test_ten_deaths_change_no_number(seed: int, undisturbed: Demo) -> None:
    with demo(*STORY) as running:
        running.wait_for("exchanging records", 300)
        killed = disturb(running, random.Random(seed))
        assert running.process.wait(900) == 0, running.said()
        check(running, killed, undisturbed)


def check(running: Demo, killed: list[str], undisturbed: Demo) -> None:
    assert len(killed) == KILLS, f"only {killed} died before the story was over"
    assert f"Started again after they died: {KILLS}" in running.said()
    assert numbers(running) == numbers(undisturbed)
    assert running.left_behind() == []
    assert_nothing_came_twice(Places(running.data))


def assert_nothing_came_twice(places: Places) -> None:
    """Each paper is in the receiving county's hands once, and each notice at its receiver once."""
    for county in COUNTIES:
        arrived = lookups.arrived(places, county)
        assert arrived.conflicting == 0
        for numbers_ in arrived.numbers.values():
            assert [number for number, times in Counter(numbers_).items() if times > 1] == []
    received = notifications.received(places)
    assert received.wrong == 0
    messages = Counter(body["message_id"] for body in received.of("mailbox"))
    assert [message for message, times in messages.items() if times > 1] == []
