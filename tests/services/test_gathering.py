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
