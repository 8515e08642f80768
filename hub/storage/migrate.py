"""Bring a database to the schema of this version, from nothing or from any earlier one.

One migration runs at a time (advisory lock), in one transaction: it happens wholly or not at all.
"""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hub.storage.database import async_url
from hub.storage.revision import current

_LOCK = 0x6C71_6D69  # "lqmi"


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration without a file."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def _upgrade(connection: Connection, revision: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    command.upgrade(config(connection), revision)


async def upgrade_async(url: str, revision: str = "head") -> None:
    """Upgrade the database at `url` to `revision`."""
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, revision)
    finally:
        await engine.dispose()


async def current_async(url: str) -> str | None:
    """The revision the database is at; None when it is empty."""
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await current(connection)
    finally:
        await engine.dispose()


def upgrade(url: str, revision: str = "head") -> None:
    """`upgrade_async` for callers without an event loop."""
    asyncio.run(upgrade_async(url, revision))
