"""Answers about people take the same time whether there is somebody or not: none is given before a floor.

How long the work took would otherwise tell of people whom the caller may not see (SECURITY.md, enumeration).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

FLOOR: Final = 0.005
"""Seconds; what one look-up takes on an idle hub, and a little more."""


@asynccontextmanager
async def even() -> AsyncIterator[None]:
    """Leave no earlier than the floor, whatever happens inside."""
    begun = time.monotonic()
    try:
        yield
    finally:
        await asyncio.sleep(max(0.0, FLOOR - (time.monotonic() - begun)))
