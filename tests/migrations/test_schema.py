"""The migrations give the schema that the code describes, from an empty database and from every earlier revision."""

import asyncio

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from hub.storage import migrate
from hub.storage.database import async_url
from hub.storage.tables import metadata


def _differences(connection: Connection) -> list[object]:
    found = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
    return list(found)


async def _compare(url: str) -> list[object]:
    engine = create_async_engine(async_url(url))
    async with engine.connect() as connection:
        found = await connection.run_sync(_differences)
    await engine.dispose()
    return found


async def test_an_empty_database_comes_to_the_schema_of_the_tables(empty_database_url: str) -> None:
    assert await migrate.current_async(empty_database_url) is None
    await migrate.upgrade_async(empty_database_url)
    assert await migrate.current_async(empty_database_url) == migrate.head()
    assert await _compare(empty_database_url) == []


async def test_every_revision_leads_to_the_next_and_keeps_what_is_stored(empty_database_url: str) -> None:
    revisions = [r.revision for r in ScriptDirectory.from_config(migrate.config()).walk_revisions()][::-1]
    assert revisions
    await migrate.upgrade_async(empty_database_url, revisions[0])
    engine = create_async_engine(async_url(empty_database_url))
    async with engine.begin() as connection:
        insert = (
            "INSERT INTO member (name, kind, display, display_zh, divisions) VALUES ('m', 'county', 'M', '某', '{}')"
        )
        await connection.execute(text(insert))
    for revision in revisions[1:]:
        await migrate.upgrade_async(empty_database_url, revision)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT display_zh FROM member"))).scalar_one() == "某"
    await engine.dispose()
    assert await _compare(empty_database_url) == []


async def test_two_processes_that_migrate_at_once_do_it_once(empty_database_url: str) -> None:
    await asyncio.gather(*(migrate.upgrade_async(empty_database_url) for _ in range(3)))
    assert await migrate.current_async(empty_database_url) == migrate.head()
