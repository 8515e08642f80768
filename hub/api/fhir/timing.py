"""Answers about people take the same time whether there is somebody or not: none is given before a floor.

How long the work took would otherwise tell of people whom the caller may not see (SECURITY.md, enumeration).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

FLOOR: Final = 0.005
"""Seconds; what one look-up takes on an idle hub, and a little more."""


@asynccontextmanager
async def even() -> AsyncIterator[None]:
    """Leave no earlier than the floor, whatever happens inside."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    # Set before anything is done: the loop counts whole milliseconds, and what of the floor was left would be rounded to one,
    # so that the answer would tell how long the work took after all.
    timer = loop.call_later(FLOOR, _end, over)
    try:
        yield
    finally:
        try:
            await over
        finally:
            timer.cancel()


def _end(over: asyncio.Future[None]) -> None:
    if not over.done():  # whoever waited may have been cancelled
        over.set_result(None)
