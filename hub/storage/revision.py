"""Which schema this version of the code needs, and which a database has: for whoever asks often and never migrates."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

NEEDED = "0020"
"""The newest revision under `migrations/versions`."""


async def current(connection: AsyncConnection) -> str | None:
    """The revision of the database behind `connection`; None when it is empty."""
    known = (await connection.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL"))).scalar_one()
    if not known:
        return None
    found: str | None = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
    return found
