"""An act that waits before it begins takes those along who come in the meantime, each once, and as many as there is room for."""

import asyncio
from collections.abc import Sequence

import pytest

from hub.errors import Unavailable
from hub.services.gathering import Gathering


class _Door:
    """An act that begins when it is opened; a number that is `odd` breaks what it is in."""

    def __init__(self, most: int = 32, odd: int | None = None) -> None:
        self.open = asyncio.Event()
        self.acts: list[list[int]] = []
        self.gathering: Gathering[int, int] = Gathering(self._act, most=most, at_once=1)
        self._odd = odd

    async def _act(self, asked: Sequence[int]) -> Sequence[int]:
        await self.open.wait()
        every = [*asked, *self.gathering.join()]
        self.acts.append(every)
        if self._odd in every:
            raise ValueError(self._odd)
        return [number * 10 for number in every]

    async def ask_one_after_the_other(self, numbers: Sequence[int]) -> list[asyncio.Task[int]]:
        """Each when the one before waits."""
        asked = []
        for number in numbers:
            asked.append(asyncio.create_task(self.gathering.ask(number)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return asked


async def test_who_comes_while_an_act_waits_goes_with_it() -> None:
    door = _Door()
    asked = await door.ask_one_after_the_other(range(5))
    door.open.set()
    assert await asyncio.gather(*asked) == [0, 10, 20, 30, 40]
    assert door.acts == [[0, 1, 2, 3, 4]]


async def test_no_more_join_than_there_is_room_for() -> None:
    door = _Door(most=3)
    asked = await door.ask_one_after_the_other(range(5))
    door.open.set()
    assert await asyncio.gather(*asked) == [0, 10, 20, 30, 40]
    assert door.acts == [[0, 1, 2], [3, 4]]


async def test_who_has_gone_is_not_taken_along() -> None:
    door = _Door()
    asked = await door.ask_one_after_the_other(range(3))
    asked[1].cancel()
    await asyncio.sleep(0)
    door.open.set()
    assert [await asked[0], await asked[2]] == [0, 20]
    assert door.acts == [[0, 2]]


async def test_one_that_breaks_the_act_breaks_no_other() -> None:
    door = _Door(odd=2)
    asked = await door.ask_one_after_the_other(range(4))
    door.open.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [one for one in answers if not isinstance(one, BaseException)] == [0, 10, 30]
    with pytest.raises(ValueError, match="2"):
        await asked[2]


async def test_what_is_not_there_is_not_asked_for_again_by_each() -> None:
    acts = []

    async def act(asked: Sequence[int]) -> Sequence[int]:
        acts.append(list(asked))
        raise Unavailable("unavailable", "The database cannot be reached.")

    gathering: Gathering[int, int] = Gathering(act, at_once=1)
    answers = await asyncio.gather(*(gathering.ask(number) for number in range(3)), return_exceptions=True)
    assert [type(one) for one in answers] == [Unavailable] * 3
    assert acts == [[0, 1, 2]]


async def _let_go_on() -> None:
    """Whatever can go on does."""
    for _ in range(20):
        await asyncio.sleep(0)


class Clock:
    """The time of the running loop, which passes only when it is put `forward`."""

    def __init__(self) -> None:
        self.at = 0.0

    async def forward(self, seconds: float) -> None:
        self.at += seconds
        await _let_go_on()


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: found.at)
    return found


class _Doors:
    """Acts that end one by one, as `ends` says; another begins beside one that takes more than `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self.acts: list[list[int]] = []
        self.ends = asyncio.Semaphore(0)
        self.gathering: Gathering[int, int] = Gathering(self._act, patience=patience)

    async def _act(self, asked: Sequence[int]) -> Sequence[int]:
        self.acts.append(list(asked))
        await self.ends.acquire()
        return [number * 10 for number in asked]

    async def ask(self, *numbers: int) -> list[asyncio.Task[int]]:
        asked = [asyncio.create_task(self.gathering.ask(number)) for number in numbers]
        await _let_go_on()
        return asked


async def test_who_is_there_within_a_moment_goes_along() -> None:
    doors = _Doors(patience=3600)
    asked = []
    for number in range(3):
        asked.append(asyncio.create_task(doors.gathering.ask(number)))
        await asyncio.sleep(0)
    await _let_go_on()
    assert doors.acts == [[0, 1, 2]]
    doors.ends.release()
    assert await asyncio.gather(*asked) == [0, 10, 20]


@pytest.mark.parametrize("turns", range(1, 12))
async def test_who_comes_just_behind_the_first_waits_for_it_too(clock: Clock, turns: int) -> None:
    doors = _Doors(patience=1.0)
    await clock.forward(5)
    asked = [asyncio.create_task(doors.gathering.ask(number)) for number in (0, 1)]
    for _ in range(turns):
        await asyncio.sleep(0)
    asked += await doors.ask(2)
    begun = len(doors.acts)
    await clock.forward(0.9)
    assert len(doors.acts) == begun == 1
    doors.ends.release()
    doors.ends.release()
    assert await asyncio.gather(*asked) == [0, 10, 20]


async def test_who_is_gone_before_it_begins_has_nothing_done() -> None:
    doors = _Doors(patience=0)
    asked = asyncio.create_task(doors.gathering.ask(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked.cancel()
    await _let_go_on()
    assert doors.acts == []
    asked = (await doors.ask(1))[0]
    doors.ends.release()
    assert await asked == 10


async def test_when_no_more_fit_nobody_is_waited_for() -> None:
    door = _Door(most=3)
    door.open.set()
    asked = [asyncio.create_task(door.gathering.ask(number)) for number in range(3)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert door.acts == [[0, 1, 2]]
    assert await asyncio.gather(*asked) == [0, 10, 20]


async def test_behind_an_act_that_is_short_all_go_together() -> None:
    doors = _Doors(patience=3600)
    asked = await doors.ask(0) + await doors.ask(1) + await doors.ask(2)
    assert doors.acts == [[0]]
    doors.ends.release()
    doors.ends.release()
    assert await asyncio.gather(*asked) == [0, 10, 20]
    assert doors.acts == [[0], [1, 2]]
    # Nothing is going on: whoever comes begins.
    asked = await doors.ask(3)
    assert doors.acts[2:] == [[3]]
    doors.ends.release()
    assert await asked[0] == 30


async def test_beside_an_act_that_takes_long_another_begins(clock: Clock) -> None:
    doors = _Doors(patience=1.0)
    asked = await doors.ask(0) + await doors.ask(1) + await doors.ask(2)
    await clock.forward(0.9)
    assert doors.acts == [[0]]
    await clock.forward(0.2)
    assert doors.acts == [[0], [1, 2]]
    # There are two at once, and no more.
    asked += await doors.ask(3)
    await clock.forward(9)
    assert doors.acts == [[0], [1, 2]]
    for _ in range(3):
        doors.ends.release()
    assert await asyncio.gather(*asked) == [0, 10, 20, 30]
    assert doors.acts == [[0], [1, 2], [3]]


async def test_the_next_act_has_its_own_time_before_another_begins_beside_it(clock: Clock) -> None:
    doors = _Doors(patience=1.0)
    asked = await doors.ask(0) + await doors.ask(1)
    await clock.forward(0.9)
    doors.ends.release()  # the second begins now
    await _let_go_on()
    asked += await doors.ask(2)
    await clock.forward(0.9)
    assert doors.acts == [[0], [1]]
    await clock.forward(0.2)
    assert doors.acts == [[0], [1], [2]]
    for _ in range(2):
        doors.ends.release()
    assert await asyncio.gather(*asked) == [0, 10, 20]
