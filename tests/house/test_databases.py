"""The database fixtures give what they promise: a schema, isolation, and an empty one where it is asked for."""

import asyncpg
import pytest

from hub.storage.migrate import current_async
from hub.storage.revision import NEEDED
from tests.databases import Server


async def test_each_test_has_a_migrated_database_to_itself(database_server: Server, migrated_template: str) -> None:
    first, second = (database_server.create(migrated_template) for _ in range(2))
    assert await current_async(database_server.url(first)) == NEEDED
    writer = await asyncpg.connect(database_server.url(first))
    await writer.execute("CREATE TABLE mine (n int)")
    await writer.close()
    reader = await asyncpg.connect(database_server.url(second))
    assert await reader.fetchval("SELECT to_regclass('mine')") is None
    await reader.close()
    database_server.drop(first)
    database_server.drop(second)


async def test_fixture_databases_are_distinct(
    database_url: str, module_database_url: str, empty_database_url: str
) -> None:
    assert len({database_url, module_database_url, empty_database_url}) == 3
    assert await current_async(database_url) == NEEDED
    assert await current_async(module_database_url) == NEEDED
    assert await current_async(empty_database_url) is None


async def test_a_database_can_be_dropped_while_somebody_is_connected(database_server: Server) -> None:
    name = database_server.create()
    connection = await asyncpg.connect(database_server.url(name))
    database_server.drop(name)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(database_server.url(name))
    connection.terminate()
