"""The clock: every due moment once however many processes tick, taken over from the dead, made up for after an outage."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from hub.errors import Unavailable
from hub.jobs import clock as clocks
from hub.jobs.clock import ATTEMPTS, LEASE, Clock, last_due
from hub.jobs.schedules import HEARTBEAT, Job, Schedule, schedules
from hub.runtime import Hub
from hub.settings import Settings
from hub.storage import schedules as slots
from tests.hubs import Clock as Time

HOURLY = IntervalTrigger(hours=1, start_date="2020-01-01 00:00:00", timezone="Asia/Shanghai")
SETTINGS = Settings.model_validate({"heartbeat_seconds": 0.1})
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it


class Runs:
    """A job that remembers for which slots it was run, and may fail."""

    def __init__(self) -> None:
        self.done: list[datetime] = []
        self.fail = 0

    async def __call__(self, hub: Hub, due_at: datetime) -> dict[str, Any]:
        self.done.append(due_at)
        await asyncio.sleep(0)
        if self.fail:
            self.fail -= 1
            raise RuntimeError("no")
        return {"ran": True}


def _clock(hub: Hub, name: str, job: Job, trigger: Any = HOURLY) -> Clock:
    return Clock(hub, name, [Schedule("job", trigger, job)])


async def _states(hub: Hub) -> list[tuple[str, int]]:
    async with hub.database.read() as connection:
        rows = await connection.execute(text("SELECT state, attempts FROM schedule_slot ORDER BY due_at"))
        return [(row.state, row.attempts) for row in rows]


# Half seconds, which binary fractions hold exactly: tenths are rounded, the same way in every process.
EXACT = SETTINGS.model_copy(update={"heartbeat_seconds": 0.5})


@given(st.sampled_from([schedule.name for schedule in schedules(EXACT)]), MOMENTS)
def test_the_last_due_moment_is_due_and_none_lies_between_it_and_now(name: str, now: datetime) -> None:
    (schedule,) = [one for one in schedules(EXACT) if one.name == name]
    found = last_due(schedule, now)
    assert found <= now
    # Asked from a little before: an interval's own arithmetic is in floats and may pass over the very moment it is asked at.
    assert schedule.trigger.get_next_fire_time(None, found - timedelta(milliseconds=50)) == found
    following = schedule.trigger.get_next_fire_time(found, found + timedelta(microseconds=1))
    assert following is not None
    assert following > now


@given(MOMENTS, st.integers(0, 99_999))
def test_processes_that_are_not_quite_in_step_name_the_same_slot(now: datetime, apart: int) -> None:
    (beat,) = [one for one in schedules(SETTINGS) if one.name == HEARTBEAT]
    begin = last_due(beat, now)
    assert last_due(beat, begin + timedelta(microseconds=apart)) == begin


def test_a_schedule_that_is_never_due_says_so() -> None:
    async def job(_: Hub, __: datetime) -> dict[str, Any]:
        return {}

    over = Schedule("over", CronTrigger(year=2001, timezone="UTC"), job)
    with pytest.raises(LookupError, match="never due"):
        last_due(over, datetime(2026, 1, 1, tzinfo=UTC))


def test_the_heartbeat_is_off_unless_asked_for() -> None:
    assert HEARTBEAT not in [schedule.name for schedule in schedules(Settings())]


@pytest.mark.parametrize("seconds", [0.01, 0.0999, -1])
def test_a_heartbeat_has_a_least_interval(seconds: float) -> None:
    with pytest.raises(ValueError, match="heartbeat_seconds"):
        Settings.model_validate({"heartbeat_seconds": seconds})


async def test_ten_clocks_do_a_slot_once(hub: Hub) -> None:
    runs = Runs()
    several = [_clock(hub, f"w{number}", runs) for number in range(10)]
    done = await asyncio.gather(*(one.catch_up("job") for one in several))
    assert done.count(True) == 1
    assert len(runs.done) == 1
    assert await _states(hub) == [("DONE", 1)]


async def test_a_hundred_slots_are_done_once_each(hub: Hub, clock: Time) -> None:
    runs = Runs()
    several = [_clock(hub, f"w{number}", runs) for number in range(3)]
    for _ in range(100):
        await asyncio.gather(*(one.catch_up("job") for one in several))
        clock.advance(hours=1)
    assert len(runs.done) == len(set(runs.done)) == 100


async def test_a_job_that_fails_is_tried_again_and_then_given_up(hub: Hub, clock: Time) -> None:
    runs = Runs()
    runs.fail = 100
    one = _clock(hub, "w", runs)
    await one.catch_up("job")
    assert await _states(hub) == [("CLAIMED", 1)]
    assert not await one.take_over()
    for _ in range(10):
        clock.moment += LEASE + timedelta(seconds=1)
        await one.take_over()
    assert len(runs.done) == ATTEMPTS
    assert len(set(runs.done)) == 1
    assert await _states(hub) == [("FAILED", ATTEMPTS)]


async def test_what_a_dead_process_left_is_taken_over_once(hub: Hub, clock: Time) -> None:
    runs = Runs()
    async with hub.database.begin() as connection:
        await slots.claim(connection, "job", clock(), "dead", clock() + LEASE)
    several = [_clock(hub, f"w{number}", runs) for number in range(5)]
    assert not any(await asyncio.gather(*(one.take_over() for one in several)))
    clock.moment += LEASE + timedelta(seconds=1)
    assert (await asyncio.gather(*(one.take_over() for one in several))).count(True) == 1
    assert len(runs.done) == 1
    assert await _states(hub) == [("DONE", 2)]


async def test_a_job_that_kills_every_process_ends_as_failed(hub: Hub, clock: Time) -> None:
    runs = Runs()
    one = _clock(hub, "w", runs)
    async with hub.database.begin() as connection:
        await slots.claim(connection, "job", clock(), "dead", clock() + LEASE)
        await connection.execute(text("UPDATE schedule_slot SET attempts = :n"), {"n": ATTEMPTS})
    clock.moment += LEASE + timedelta(seconds=1)
    assert not await one.take_over()
    assert runs.done == []
    assert await _states(hub) == [("FAILED", ATTEMPTS)]


async def test_a_clock_leaves_slots_of_schedules_it_does_not_know(hub: Hub, clock: Time) -> None:
    async with hub.database.begin() as connection:
        await slots.claim(connection, "of-another-version", clock(), "dead", clock() + LEASE)
    clock.moment += LEASE + timedelta(seconds=1)
    assert not await _clock(hub, "w", Runs()).take_over()
    assert await _states(hub) == [("CLAIMED", 1)]


async def test_a_long_job_keeps_its_slot(hub: Hub, clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "LEASE", timedelta(seconds=0.3))
    lost: list[bool] = []

    async def job(_: Hub, __: datetime) -> dict[str, Any]:
        for _number in range(5):
            await asyncio.sleep(0.15)
            clock.advance(seconds=0.15)
            lost.append(await _clock(hub, "thief", Runs()).take_over())
        return {}

    assert await _clock(hub, "w", job).catch_up("job")
    assert not any(lost)
    assert await _states(hub) == [("DONE", 1)]


@pytest.fixture
async def running(hub: Hub) -> AsyncIterator[Callable[[Clock], Any]]:
    """Starts clocks, and stops them at the end."""
    begun: list[Clock] = []

    async def start(one: Clock) -> None:
        begun.append(one)
        await one.start()

    yield start
    for one in begun:
        await one.stop()


async def test_what_was_due_while_nothing_ran_is_done_at_the_start(
    hub: Hub, clock: Time, running: Callable[[Clock], Any]
) -> None:
    runs = Runs()
    await _clock(hub, "w", runs).catch_up("job")
    clock.advance(hours=30)
    await running(_clock(hub, "w2", runs))
    await asyncio.sleep(0.3)
    assert len(runs.done) == 2
    assert clock() - runs.done[1] < timedelta(hours=1)


async def test_a_new_hub_does_nothing_before_it_is_due(hub: Hub, running: Callable[[Clock], Any]) -> None:
    runs = Runs()
    await running(_clock(hub, "w", runs))
    await asyncio.sleep(0.2)
    assert runs.done == []


async def test_what_was_due_while_the_database_was_away_is_made_up_for(
    hub: Hub, clock: Time, running: Callable[[Clock], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "LEASE", timedelta(seconds=0.4))
    runs = Runs()
    one = _clock(hub, "w", runs)
    await one.catch_up("job")
    claim, away = slots.claim, True

    async def unreachable(*given: Any) -> Any:
        if away:
            raise Unavailable("unavailable", "The database cannot be reached.")
        return await claim(*given)

    monkeypatch.setattr(slots, "claim", unreachable)
    clock.advance(hours=1)
    await running(one)
    await asyncio.sleep(0.5)
    assert len(runs.done) == 1
    away = False
    await asyncio.sleep(0.5)
    assert len(runs.done) == 2


async def test_stopping_leaves_a_job_in_hand_to_its_lease(hub: Hub) -> None:
    begun = asyncio.Event()

    async def job(_: Hub, __: datetime) -> dict[str, Any]:
        begun.set()
        await asyncio.sleep(60)
        return {}

    one = _clock(hub, "w", job, IntervalTrigger(seconds=0.2, start_date="2020-01-01 00:00:00", timezone="UTC"))
    await one.start()
    await asyncio.wait_for(begun.wait(), 10)
    await one.stop()
    await asyncio.sleep(0.05)
    assert [state for state, _ in await _states(hub)] == ["CLAIMED"]
