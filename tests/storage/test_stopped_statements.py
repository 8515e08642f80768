"""Statements that the database stops by itself: what they were for is undone, and whoever asked may ask again."""

import asyncio

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from hub.errors import Unavailable
from hub.storage.database import Database, driver

_ADD = "INSERT INTO trust_list (version, document) VALUES (:version, 'x')"


async def _stored(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM trust_list"))).scalar_one())


@pytest.mark.parametrize(
    "statements",
    [
        ["SET LOCAL statement_timeout = 50", "SELECT pg_sleep(30)"],
        ["SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(30)"],
    ],
    ids=["too long", "by an operator"],
)
@pytest.mark.parametrize("by_driver", [True, False])
async def test_a_statement_that_is_stopped_is_unavailable(
    database: Database, statements: list[str], by_driver: bool
) -> None:
    async def write() -> None:
        async with database.begin() as connection:
            await connection.execute(text(_ADD), {"version": 1})
            for one in statements:
                if by_driver:
                    await driver(connection).execute(one)
                else:
                    await connection.execute(text(one))

    with capture_logs() as said, pytest.raises(Unavailable, match="nothing was stored") as refused:
        await write()
    assert (refused.value.status, refused.value.code, refused.value.retry) == (503, "unavailable", "NORMAL")
    assert said == [{"event": "database refuses", "error": "QueryCanceledError", "log_level": "error"}]
    assert await _stored(database) == 0
    async with database.begin() as connection:
        await connection.execute(text(_ADD), {"version": 1})
    assert await _stored(database) == 1


async def test_whoever_asked_stops_it_and_no_database_is_blamed(database: Database) -> None:
    async def wait() -> None:
        async with database.begin() as connection:
            await connection.execute(text("SELECT pg_sleep(30)"))

    for seconds in (0.0, 0.05):
        task = asyncio.create_task(wait())
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("by_driver", [True, False])
async def test_a_lock_that_is_not_to_be_had_in_time_is_unavailable(database: Database, by_driver: bool) -> None:
    lock = "LOCK TABLE trust_list IN EXCLUSIVE MODE"

    async def begin() -> None:
        async with database.begin("SET LOCAL lock_timeout = 50", lock):
            pytest.fail("two had one lock")

    async def write() -> None:
        async with database.begin("SET LOCAL lock_timeout = 50") as connection:
            await connection.execute(text(_ADD), {"version": 1})

    async with database.begin(lock):
        with capture_logs() as said, pytest.raises(Unavailable, match="nothing was stored") as refused:
            await (begin() if by_driver else write())
    assert refused.value.retry == "NORMAL"
    assert said == [{"event": "database refuses", "error": "LockNotAvailableError", "log_level": "error"}]
    assert await _stored(database) == 0
    async with database.begin(lock) as connection:
        await connection.execute(text(_ADD), {"version": 1})


async def test_a_statement_outside_a_transaction_that_takes_too_long_is_unavailable(database: Database) -> None:
    async def act() -> None:
        async with database.singly() as connection:
            await driver(connection).execute("SET statement_timeout = 50")
            try:
                await driver(connection).execute(
                    "INSERT INTO trust_list (version, document) SELECT 1, 'x' FROM pg_sleep(30)"
                )
            finally:
                await driver(connection).execute("RESET statement_timeout")

    with pytest.raises(Unavailable):
        await act()
    assert await _stored(database) == 0
