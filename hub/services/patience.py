"""Tries an act again that the database gave up for another: it left no trace, so that the same act may be done anew."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from hub.errors import Conflict

Done = TypeVar("Done")
_TRIES: Final = 4
_FIRST_PAUSE: Final = 0.02
"""Seconds; each further pause is twice as long."""


async def until_free(act: Callable[[], Awaitable[Done]]) -> Done:
    """What `act`, a transaction of its own, answers. Raises Conflict `busy` when it was given up four times."""
    for attempt in range(_TRIES - 1):
        try:
            return await act()
        except Conflict as conflict:
            if conflict.code != "busy":
                raise
        await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
    return await act()
