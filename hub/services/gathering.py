"""Gathers what is asked at the same time into one act: one transaction, one calculation, one write to the log.

Nobody waits for company longer than it takes to look round for it: whoever comes while nothing is going on begins after a few
turns of the event loop, and who comes meanwhile goes with the next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from hub.errors import Unavailable

_TURNS: Final = 6
"""Of the event loop before an act begins: a tenth of a millisecond where it has nothing else to do. Those who were answered
together ask again together, and would go on to be two halves: the one that is under way and the one that waits for it.
"""
_TICK: Final = 0.001
"""What loops count time in, at most."""
Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Gathering(Generic[Asked, Answered]):
    """Calls `act` with at most `most` of what was asked, in `at_once` acts at a time; one answer for each, in order.

    An act that breaks has done nothing: what was gathered in it is then asked one by one, and fails by itself only. With
    one act at a time, an act that has to wait before it begins may let those `join` who came in the meantime. Beside one
    that is going on another begins once none has begun for `patience` seconds: fewer acts do more each.
    """

    def __init__(
        self,
        act: Callable[[Sequence[Asked]], Awaitable[Sequence[Answered]]],
        *,
        most: int = 32,
        at_once: int = 2,
        patience: float = 0.0,
    ) -> None:
        self._act, self._most, self._at_once, self._free = act, most, at_once, at_once
        self._patience, self._begun_at = patience, 0.0
        self._impatient: asyncio.TimerHandle | None = None
        self._waiting: list[tuple[Asked, asyncio.Future[Answered]]] = []
        self._going: set[asyncio.Task[None]] = set()
        self._boarding: list[tuple[Asked, asyncio.Future[Answered]]] = []

    async def ask(self, asked: Asked) -> Answered:
        """The answer to `asked`. Raises what the act raises for it."""
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._free == self._at_once or (self._free and not self._patience):
            self._begin()
        elif self._free and self._impatient is None:
            self._look_again()
        return await answer

    def _begin(self) -> None:
        self._free -= 1
        self._begun_at = asyncio.get_running_loop().time()
        task = asyncio.create_task(self._work())
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    def _look_again(self) -> None:
        """See whether somebody still waits once the act that began last has taken its time."""
        loop = asyncio.get_running_loop()
        self._impatient = loop.call_at(self._begun_at + self._patience, self._hurry, loop)

    def _hurry(self, loop: asyncio.AbstractEventLoop) -> None:
        self._impatient = None
        if self._waiting and self._free:
            if self._begun_at + self._patience - loop.time() > _TICK / 2:
                self._look_again()
            else:
                self._begin()

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._look_round()
                self._begun_at = asyncio.get_running_loop().time()
                some, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                self._boarding = [one for one in some if not one[1].done()]
                if self._boarding:  # all may have gone, or been taken by another act
                    await self._answer(self._boarding)
        finally:
            self._free += 1

    async def _look_round(self) -> None:
        for _ in range(_TURNS):
            if len(self._waiting) >= self._most:
                return
            await asyncio.sleep(0)

    def join(self) -> Sequence[Asked]:
        """What was asked since the act that is going on was called: it is to answer that too, behind the others."""
        free = self._most - len(self._boarding)
        some, self._waiting = self._waiting[:free], self._waiting[free:]
        more = [one for one in some if not one[1].done()]
        self._boarding += more
        return [asked for asked, _ in more]

    async def _answer(self, some: Sequence[tuple[Asked, asyncio.Future[Answered]]]) -> None:
        try:
            answers = await self._act([asked for asked, _ in some])
        except Exception as error:  # noqa: BLE001 - it is raised again where it was asked
            if len(some) > 1 and not isinstance(error, Unavailable):  # which is nobody's own, and may take its time
                for one in some:
                    self._boarding = [one]
                    await self._answer(self._boarding)
                return
            for _, future in some:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(some, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
