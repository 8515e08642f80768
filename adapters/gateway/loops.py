"""A loop of the gateway: run a cycle, rest when there was nothing to do, back off when it failed, and let its state be seen.

An unexpected error does not end the process: it is counted, told by type and place only (its text might quote a record), and the
cycle is tried again later. Stopping waits for the cycle under way.
"""

import asyncio
import random
import sqlite3
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from adapters.client.backoff import delay
from adapters.client.clock import Clock
from adapters.errors import GatewayError

log = structlog.get_logger("gateway")


@dataclass(slots=True)
class LoopState:
    """What can be seen of a loop from outside."""

    name: str
    cycles: int = 0
    done: int = 0
    failures: int = 0
    failing: int = 0
    last_ok: datetime | None = None
    last_error: str | None = None
    last_error_code: str | None = None
    last_error_at: datetime | None = None
    waiting: float = field(default=0, repr=False)

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "cycles": self.cycles,
            "done": self.done,
            "failures": self.failures,
            "failing_in_a_row": self.failing,
            "last_ok": self.last_ok.isoformat() if self.last_ok else None,
            "last_error": self.last_error if self.failing else None,
            "last_error_code": self.last_error_code if self.failing else None,
            "last_error_at": self.last_error_at.isoformat() if self.last_error_at else None,
        }


class Loop:
    """One named cycle. `idle` seconds of rest after a cycle that found nothing; `cap` bounds the rest after failures."""

    def __init__(
        self, name: str, cycle: Callable[[], Awaitable[int]], *, idle: float, first: float, cap: float, clock: Clock
    ) -> None:
        self.state = LoopState(name)
        self._cycle = cycle
        self._idle = idle
        self._first = first
        self._cap = cap
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set."""
        while not stop.is_set():
            pause = await self.once()
            if pause:
                await _rest(stop, pause)

    async def once(self) -> float:
        """One cycle; the seconds to rest before the next."""
        state = self.state
        state.cycles += 1
        try:
            done = await self._cycle()
        except GatewayError as error:
            return self._failed(error.code, str(error))
        except Exception as error:  # noqa: BLE001 - the edge of the loop: nothing may stop the other loops
            return self._failed("unexpected", describe(error))
        if state.failing:
            log.info("loop recovered", loop=state.name, after=state.failing)
        state.failing = 0
        state.done += done
        state.last_ok = self._clock()
        return 0 if done else self._idle

    def _failed(self, code: str, text: str) -> float:
        state = self.state
        state.failures += 1
        state.failing += 1
        state.last_error, state.last_error_code, state.last_error_at = text, code, self._clock()
        if state.failing in {1, 2, 4, 8} or state.failing % 16 == 0:
            log.warning("loop failed", loop=state.name, code=code, error=text, in_a_row=state.failing)
        return delay(state.failing, first=self._first, cap=self._cap, draw=random.random())  # noqa: S311 - jitter


def describe(error: BaseException) -> str:
    """Type and place of an error, without its text. Database errors speak of tables only and are told in full."""
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames[-4:]))
    text = f": {error}" if isinstance(error, sqlite3.Error | OSError) else ""
    return f"{type(error).__name__}{text} at {place}"


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
