"""Waits until another transaction is held back by a lock: what is tested then is the lock, and not how fast a machine is."""

import asyncio

from sqlalchemy import text

from hub.runtime import Hub

_HELD_BACK = text("""
    SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE NOT l.granted AND a.datname = current_database()""")


async def until_somebody_waits(hub: Hub) -> None:
    """Raises AssertionError when nobody does within twenty seconds."""
    async with hub.database.read() as connection:
        for _ in range(2000):
            if (await connection.execute(_HELD_BACK)).scalar_one():
                return
            await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")
