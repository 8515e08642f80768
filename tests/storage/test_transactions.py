"""Transactions: they begin with their locks, statements are done as one, and what an error undid is not taken for stored."""

import asyncio
import contextlib

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.storage.database import AsyncConnection, Database, driver, holds, write_together

_ADD = "INSERT INTO trust_list (version, document) VALUES (:version, 'x')"


async def _leaves(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM trust_list"))).scalar_one())


async def _is_free(database: Database, lock: int) -> bool:
    async with database.read() as connection:
        return bool(await driver(connection).fetchval("SELECT pg_try_advisory_xact_lock_shared($1)", lock))


async def test_a_transaction_begins_with_its_locks(database: Database) -> None:
    first, second = "SELECT pg_advisory_xact_lock(71)", "SELECT pg_advisory_xact_lock(72)"
    async with database.begin(first, second) as connection:
        assert holds(connection, first)
        assert holds(connection, second)
        assert not await _is_free(database, 71)
        assert not await _is_free(database, 72)
    async with database.begin(second) as connection:
        assert not holds(connection, first)
        assert await _is_free(database, 71)


async def test_statements_are_done_as_one_with_the_parameters_of_each(database: Database) -> None:
    add = "INSERT INTO trust_list (version, document) VALUES ($1, $2)"
    change = (
        "-- change: two of them\nUPDATE trust_list SET document = $2 WHERE version = ANY($1::int[]) AND document = $3"
    )
    async with database.begin() as connection:
        await write_together(connection)
        await write_together(connection, (add, (1, b"a")), (add, (2, b"b")), (add, (3, b"b")))
        await write_together(connection, (change, ([1, 2], b"c", b"b")), (add, (4, b"d")), (change, ([3], b"e", b"b")))
    async with database.read() as connection:
        rows = await driver(connection).fetch("SELECT version, document FROM trust_list ORDER BY version")
    assert [tuple(row) for row in rows] == [(1, b"a"), (2, b"c"), (3, b"e"), (4, b"d")]


async def test_what_an_error_undid_is_not_taken_for_stored(database: Database) -> None:
    async def act() -> None:
        async with database.begin() as connection:
            await connection.execute(text(_ADD), {"version": 1})
            with contextlib.suppress(DBAPIError):  # which the server does not forgive
                await connection.execute(text(_ADD), {"version": 1})

    with pytest.raises(RuntimeError, match="not committed"):
        await act()
    assert await _leaves(database) == 0


async def test_who_is_cancelled_while_it_waits_for_its_locks_waits_no_more(database: Database) -> None:
    lock = "SELECT pg_advisory_xact_lock(73)"
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"

    async def act() -> None:
        async with database.begin(lock):
            pytest.fail("it cannot have the lock")

    async def waits(connection: AsyncConnection) -> bool:
        await driver(connection).execute(
            "SELECT pg_stat_clear_snapshot()"
        )  # else it is what it was in this transaction
        return bool(await driver(connection).fetchval(waiting))

    async with database.begin(lock) as connection:
        task = asyncio.create_task(act())
        async with asyncio.timeout(10):
            while not await waits(connection):  # noqa: ASYNC110 - the database has no event for it
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not await waits(connection)
    async with database.begin(lock) as connection:  # of the same two connections
        assert await driver(connection).fetchval("SELECT 1") == 1
