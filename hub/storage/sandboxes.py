"""A database is a sandbox's or a live hub's, and says so itself: by which divisions it lets a member have.

Invented divisions begin with 99, which GB/T 2260 gives to no province. A live database refuses them and a sandbox's
refuses all others, whatever process writes and however it was configured.
"""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from hub.errors import HubError
from hub.storage.database import async_url

PROVINCE: Final = "99"
"""What the codes of invented divisions begin with."""
_MARK: Final = "ck_member_in_sandbox"
_MAKE: Final = (
    "ALTER TABLE member DROP CONSTRAINT ck_member_outside_sandbox",
    f"ALTER TABLE member ADD CONSTRAINT {_MARK} CHECK (array_to_string(divisions, ',') ~ '^(99[0-9]{{10}}(,|$))*$')",
)


async def is_sandbox(connection: AsyncConnection) -> bool:
    """Does the database let only invented divisions in?"""
    found = await connection.execute(text("SELECT count(*) FROM pg_constraint WHERE conname = :name"), {"name": _MARK})
    return bool(found.scalar_one())


async def settle(url: str, *, sandbox: bool) -> bool:
    """Make a new database a sandbox's where one is wanted; whether that was done now.

    Raises HubError `live-database` where members are in it already, `sandbox-database` where no sandbox is wanted.
    """
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            if await is_sandbox(connection):
                if not sandbox:
                    raise _of_a_sandbox()
                return False
            if not sandbox:
                return False
            await connection.execute(text("LOCK TABLE member IN ACCESS EXCLUSIVE MODE"))
            if (await connection.execute(text("SELECT count(*) FROM member"))).scalar_one():
                raise _of_a_live_hub()
            for statement in _MAKE:
                await connection.execute(text(statement))
            return True
    finally:
        await engine.dispose()


async def require(connection: AsyncConnection, *, sandbox: bool) -> None:
    """Raises HubError where the database is of the other sort."""
    if await is_sandbox(connection) != sandbox:
        raise _of_a_live_hub() if sandbox else _of_a_sandbox()


def _of_a_live_hub() -> HubError:
    return HubError(
        "live-database",
        "HUB_SANDBOX is set and the database is not a sandbox's: nothing was written. "
        "A sandbox has a database and a HUB_DATA_DIR of its own.",
    )


def _of_a_sandbox() -> HubError:
    return HubError(
        "sandbox-database", "The database is a sandbox's and HUB_SANDBOX is not set: nothing was written. Set it."
    )
