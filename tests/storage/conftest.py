"""A database of its own for what is asked of storage alone."""

from collections.abc import AsyncIterator

import pytest

from hub.storage.database import Database, open_database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool of two connections."""
    opened = open_database(database_url, pool=2)
    yield opened
    await opened.close()
