"""Whose request is worked on next, in one process: each member has a bounded share, and the waiting take turns by member.

However many requests of one member wait, another's next one is behind one of them at most. A request that only waits for
something to come (a long poll, a body that is slow) steps aside meanwhile.
"""

import asyncio
import random
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from fastapi import Request

from hub.errors import TooMany

QUEUE: Final = 16
"""Requests of a member that wait for a turn, in times of its share; as many may step aside."""
PATIENCE: Final = 10.0
"""Seconds for which a request waits for its turn."""
HOLD: Final = 0.5
"""Seconds for which a refusal is kept back, half of that more or less, so that those of one moment do not come back together;
and of how many of a member: whoever sends again at once sends no faster."""
HELD: Final = 64
GRACE: Final = 0.1
"""Seconds for which a caller is waited for with a turn: for a part of its body, or until it takes one of the answer."""
_KEY: Final = "turn"
Part = TypeVar("Part")


class Turns:
    """The turns of one process: at most `at_once` are taken, and never more than `most` by one member."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self.most = max(1, at_once - max(1, at_once // 4))
        self._taken: dict[int, int] = {}
        self._aside: dict[int, int] = {}
        self._held: Counter[int] = Counter()
        self._waiting: OrderedDict[int, deque[tuple[asyncio.Future[None], int]]] = OrderedDict()

    async def take(self, member: int, share: int) -> "Turn":
        """A turn of the member, of which it has at most `share`. Raises TooMany after too long, or behind too many."""
        if (now := self.take_at_once(member, share)) is not None:
            return now
        share = min(share, self.most)
        queue = self._waiting.setdefault(member, deque())
        if len(queue) >= QUEUE * share:
            raise _busy(share)
        turn = asyncio.get_running_loop().create_future()
        queue.append((turn, share))
        begun = False
        try:
            async with asyncio.timeout(PATIENCE):
                await turn
            begun = True
        except TimeoutError:
            raise _busy(share) from None
        finally:
            if not begun:
                self._leave(member, turn)
        return Turn(self, member, share)

    def take_at_once(self, member: int, share: int) -> "Turn | None":
        """The same, if it need not be waited for."""
        share = min(share, self.most)
        if not self._free or self._waiting.get(member) or self._taken.get(member, 0) >= share:
            return None
        self._begin(member)
        return Turn(self, member, share)

    def _begin(self, member: int) -> None:
        self._free -= 1
        self._taken[member] = self._taken.get(member, 0) + 1

    def give(self, member: int) -> None:
        """A turn is over: the next in line begins."""
        self._free += 1
        self._taken[member] -= 1
        if not self._taken[member]:
            del self._taken[member]
        self._go_on()

    def _go_on(self) -> None:
        """Let those begin who may, the member first whose turn is longest ago."""
        for member in list(self._waiting):
            if not self._free:
                return
            queue = self._waiting[member]
            while queue and queue[0][0].cancelled():  # it is about to leave
                queue.popleft()
            if queue and self._taken.get(member, 0) < queue[0][1]:
                queue.popleft()[0].set_result(None)
                self._begin(member)
                self._waiting.move_to_end(member)
            if not queue:
                del self._waiting[member]

    def _leave(self, member: int, turn: "asyncio.Future[None]") -> None:
        """Whoever waited does not come: its place, or the turn that it was given meanwhile, is another's."""
        if turn.done() and not turn.cancelled():
            self.give(member)
            return
        kept = deque(one for one in self._waiting.get(member, ()) if one[0] is not turn)
        if kept:
            self._waiting[member] = kept
        else:
            self._waiting.pop(member, None)

    async def hold(self, member: int) -> None:
        """Keep a refusal back, unless so many are that another would only be one connection more."""
        if self._held[member] >= HELD:
            return
        self._held[member] += 1
        try:
            await asyncio.sleep(HOLD * (0.5 + random.random()))  # noqa: S311 - nothing is kept secret by it
        finally:
            self._held[member] -= 1

    def step_aside(self, member: int, most: int) -> bool:
        """Give the turn back for a while, unless as many have as may."""
        if self._aside.get(member, 0) >= most:
            return False
        self._aside[member] = self._aside.get(member, 0) + 1
        self.give(member)
        return True

    def step_back(self, member: int) -> None:
        """It is not aside any more, whether it has a turn again or not."""
        self._aside[member] -= 1
        if not self._aside[member]:
            del self._aside[member]


class Turn:
    """One request's turn, ended exactly once."""

    def __init__(self, turns: Turns, member: int, share: int) -> None:
        self._turns, self._member, self._share = turns, member, share
        self._has = True

    def end(self) -> None:
        """The request is answered."""
        if self._has:
            self._has = False
            self._turns.give(self._member)

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Wait for something without a turn; with one where too many do so already. Raises TooMany."""
        if not self._turns.step_aside(self._member, QUEUE * self._share):
            yield
            return
        self._has = False
        try:
            yield
        finally:
            self._turns.step_back(self._member)
        await self._turns.take(self._member, self._share)
        self._has = True

    async def while_waiting(self, part: Awaitable[Part]) -> Part:
        """What comes of a part that is read or sent, without a turn where the caller takes its time.

        Raises TooMany where too many do so already, and where there is no turn afterwards.
        """
        is_aside, loop = False, asyncio.get_running_loop()

        def step_aside() -> None:
            nonlocal is_aside
            if not self._has:  # another part is waited for already, and the turn is given once
                return
            is_aside = self._turns.step_aside(self._member, QUEUE * self._share)
            self._has = not is_aside
            if not is_aside:
                patience.reschedule(loop.time())

        try:
            async with asyncio.timeout(None) as patience:
                timer = loop.call_later(GRACE, step_aside)
                try:
                    found = await part
                finally:
                    timer.cancel()
        except TimeoutError:
            raise _busy(self._share) from None
        finally:
            if is_aside:
                self._turns.step_back(self._member)
        if is_aside:
            await self._turns.take(self._member, self._share)
            self._has = True
        return found


def put(state: dict[str, object], turn: Turn) -> None:
    """Let the request's handler know its turn."""
    state[_KEY] = turn


@asynccontextmanager
async def aside(request: Request) -> AsyncIterator[None]:
    """Wait for something to come while others work. Raises TooMany where there is no turn afterwards."""
    turn = request.scope.get("state", {}).get(_KEY)
    if turn is None:
        yield
        return
    async with turn.aside():
        yield


def _busy(share: int) -> TooMany:
    return TooMany(
        f"More requests wait than are worked on at the same time ({share}). Nothing was stored; send it again after the "
        "seconds of Retry-After, and fewer at once.",
        retry_after=1,
        policy="at-once",
    )
