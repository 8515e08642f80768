"""Migrations: from nothing and from every earlier revision to exactly what the tables say, once, whoever else tries."""

import asyncio
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hub.errors import Unavailable
from hub.runtime import open_hub
from hub.services import overview, setup
from hub.storage import members, seals
from hub.storage.database import async_url
from hub.storage.migrate import config, current_async, upgrade_async
from hub.storage.revision import NEEDED
from hub.storage.tables import metadata
from tests.databases import Server
from tests.hubs import acts, settings_for

REVISIONS = [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()][::-1]

_SCHEMA = {
    "columns": """
        SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, is_identity, identity_generation
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
        ORDER BY table_name, column_name""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND conrelid::regclass::text <> 'alembic_version'
        ORDER BY 1, 2""",
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2""",
    "sequences": "SELECT sequence_name, data_type FROM information_schema.sequences ORDER BY 1",
    "storage": """
        SELECT c.relname, a.attname, a.attstorage::text, c.relpersistence::text, c.reloptions::text FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'alembic_version' ORDER BY 1, 2""",
}


async def _in(url: str, act: Any, *given: Any) -> Any:
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(act, *given)
    finally:
        await engine.dispose()


def _schema(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {name: [tuple(row) for row in connection.execute(text(query))] for name, query in _SCHEMA.items()}


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
    found: list[Any] = compare_metadata(context, metadata)
    return found


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(text(statement))


async def test_from_nothing_to_exactly_the_tables(empty_database_url: str, database_server: Server) -> None:
    assert await current_async(empty_database_url) is None
    await upgrade_async(empty_database_url)
    assert await current_async(empty_database_url) == NEEDED == REVISIONS[-1]
    assert await _in(empty_database_url, _differences) == []
    made = database_server.create()
    try:
        await _in(database_server.url(made), metadata.create_all)
        migrated, wanted = await _in(empty_database_url, _schema), await _in(database_server.url(made), _schema)
    finally:
        database_server.drop(made)
    for name, rows in wanted.items():
        assert migrated[name] == rows, name


async def test_upgrading_again_changes_nothing(database_url: str) -> None:
    before = await _in(database_url, _schema)
    await upgrade_async(database_url)
    assert await _in(database_url, _schema) == before


async def test_several_at_once_are_one(empty_database_url: str) -> None:
    await asyncio.gather(*(upgrade_async(empty_database_url) for _ in range(4)))
    assert await current_async(empty_database_url) == NEEDED
    assert await _in(empty_database_url, _differences) == []


async def test_an_upgrade_happens_wholly_or_not_at_all(empty_database_url: str) -> None:
    await _in(empty_database_url, _run, "CREATE TABLE work_item (in_the_way int)")
    with pytest.raises(Exception, match="already exists"):
        await upgrade_async(empty_database_url)
    assert await current_async(empty_database_url) is None
    await _in(empty_database_url, _run, "DROP TABLE work_item")
    await upgrade_async(empty_database_url)
    assert await current_async(empty_database_url) == NEEDED


_ROWS = (
    """INSERT INTO member (name, kind, display, display_zh, divisions)
       VALUES ('huiji', 'county', 'Huiji', '惠济区', '{410108000000}')""",
    """INSERT INTO submission (id, member_id, message_id, kind, media_type, digest, size, state, acknowledgement, leaf,
                               received_at, state_at)
       SELECT gen_random_uuid(), id, gen_random_uuid(), 'person', 'text/csv', 'd', 1, 'ACCEPTED', 'a', 'l', now(), now()
       FROM member""",
    "INSERT INTO submission_part (submission_id, seq, body) SELECT id, 0, 'b' FROM submission",
    "INSERT INTO work_item (kind, subject) SELECT 'translate', id FROM submission",
    "INSERT INTO audit_leaf (act, actor, hash, at) VALUES ('receive', 'huiji', 'h', now())",
)
"""What every hub holds; columns that came later must have defaults, or the migration fills them."""


@pytest.mark.parametrize("revision", REVISIONS)
async def test_rows_survive_from_every_revision(empty_database_url: str, revision: str) -> None:
    await upgrade_async(empty_database_url, revision)
    assert await current_async(empty_database_url) == revision
    await _in(empty_database_url, _run, *_ROWS)
    await upgrade_async(empty_database_url)
    assert await current_async(empty_database_url) == NEEDED
    assert await _in(empty_database_url, _differences) == []
    for table in ("member", "submission", "submission_part", "work_item", "audit_leaf"):
        found = await _in(empty_database_url, lambda c, t=table: c.execute(text(f"SELECT count(*) FROM {t}")).scalar())  # noqa: S608
        assert found == 1, table


async def test_versions_are_told_whose_they_are(empty_database_url: str) -> None:
    await upgrade_async(empty_database_url, "0012")
    of_resource = (
        """INSERT INTO resource (id, type, member_id, record_key, version, digest, updated_at)
           SELECT gen_random_uuid(), 'Location', id, 'k', 1, 'd', now() FROM member""",
        """INSERT INTO resource_version (resource_id, version, body, digest, recorded_at)
           SELECT id, 1, 'b', 'd', now() FROM resource""",
        "INSERT INTO search_pending SELECT id FROM resource UNION SELECT gen_random_uuid()",
    )
    await _in(empty_database_url, _run, _ROWS[0], *of_resource)
    await upgrade_async(empty_database_url)
    for table in ("resource_version", "search_pending"):
        found = await _in(
            empty_database_url,
            lambda c, t=table: c.execute(
                text(f"SELECT v.type, m.name FROM {t} v JOIN member m ON m.id = v.member_id")  # noqa: S608
            ).all(),
        )
        assert [tuple(row) for row in found] == [("Location", "huiji")], table


def test_revisions_are_one_line_and_each_says_what_it_does() -> None:
    scripts = list(ScriptDirectory.from_config(config()).walk_revisions())
    assert [script.revision for script in scripts][::-1] == [f"{number:04}" for number in range(1, len(scripts) + 1)]
    assert all(script.doc for script in scripts)


async def test_a_database_of_a_newer_version_is_not_served(database_url: str, tmp_path: Any) -> None:
    settings = settings_for(tmp_path / "hub", database_url)
    await setup.initialise(settings)
    await _in(database_url, _run, "UPDATE alembic_version SET version_num = '9999'")
    async with open_hub(settings) as hub:
        with pytest.raises(Unavailable) as refused:
            await overview.check_ready(hub)
    assert refused.value.code == "schema-outdated"


async def test_rows_from_before_there_were_seals_are_sealed_once(empty_database_url: str, tmp_path: Any) -> None:
    settings = settings_for(tmp_path / "hub", empty_database_url)
    await upgrade_async(empty_database_url, "0003")
    await _in(empty_database_url, _run, *_ROWS[:1])
    await setup.initialise(settings)
    async with open_hub(settings) as hub:
        assert [act["rows"] for act in await acts(hub, "seal-rows")] == [{"member": 1}]
        async with hub.database.read() as connection:
            assert [member.name for member in await members.all_members(connection)] == ["hub", "huiji"]
    await _in(empty_database_url, _run, "UPDATE member SET seal = NULL, name = 'forged' WHERE name = 'huiji'")
    await setup.initialise(settings)
    (settings.data_dir / "rows-sealed").unlink()  # as on a machine that joins the hub now
    await setup.initialise(settings)
    async with open_hub(settings) as hub, hub.database.read() as connection:
        assert [member.name for member in await members.all_members(connection)] == ["hub"]
        assert len(await seals.forged(connection)) == 1
