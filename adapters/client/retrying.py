"""When the client itself sends again: by retry class, with growing pauses, and never where that could do a thing twice.

NORMAL is sent again unchanged; CHECK_STATUS, and what broke off while the hub had it, only where twice is as good as once;
FIX_FIRST and CONTACT never. A pause is never shorter than the hub's Retry-After: where that is too long, the error is told at once.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, TypeVar

from adapters.client.backoff import delay
from adapters.errors import HubError, HubUnreachable, Retry, SignInRefused

Result = TypeVar("Result")
_NOT_BEGUN: Final = frozenset({429, 503})
"""Statuses that say by themselves that nothing was done."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to try: `attempts` in all; pauses from `first` to `cap`; `total` for everything, in seconds."""

    attempts: int = 6
    first: float = 0.5
    cap: float = 30
    total: float = 120


ONCE: Final = Patience(attempts=1)
"""For whoever keeps what is to be sent and decides itself, as the gateway does."""


async def patiently(
    act: Callable[[], Awaitable[Result]],
    patience: Patience,
    *,
    repeatable: bool,
    draw: Callable[[], float] = random.random,
) -> Result:
    """What `act` gives at last. `repeatable` is whether doing it twice is as good as once. Raises the last HubError."""
    begun = monotonic()
    attempt = 1
    while True:
        try:
            return await act()
        except HubError as error:
            pause = delay(attempt, first=patience.first, cap=patience.cap, draw=draw(), retry_after=error.retry_after)
            is_over = attempt >= patience.attempts or monotonic() - begun + pause > patience.total
            if is_over or not may_repeat(error, repeatable=repeatable):
                raise
        await asyncio.sleep(pause)
        attempt += 1


def may_repeat(error: HubError, *, repeatable: bool) -> bool:
    """Is it right to send the same again?"""
    if isinstance(error, HubUnreachable):
        return repeatable or not error.sent
    if error.retry is Retry.CHECK_STATUS:
        return repeatable and error.status in _NOT_BEGUN  # the hub itself does not know whether it was done
    if error.retry is not Retry.NORMAL:
        return False
    if isinstance(error, SignInRefused):
        return True  # what it was for was not sent
    return repeatable or error.told or error.status in _NOT_BEGUN
