"""Connections: one transaction an act, and a database that is away is said to be away, never half-used."""

import asyncio
import contextlib

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.errors import Conflict, Invalid, Unavailable
from hub.storage import database as databases
from hub.storage.database import (
    AsyncConnection,
    Database,
    async_url,
    attempt,
    copy_rows,
    driver,
    open_database,
)


async def _cut_off(database: Database, connection: AsyncConnection) -> None:
    """End the server's side of the connection, as an administrator or a crash does."""
    pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with database.begin() as other:
        await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


async def _leaves(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM trust_list"))).scalar_one())


_ADD = "INSERT INTO trust_list (version, document) VALUES (:version, 'x')"


async def test_what_leaves_the_block_is_committed(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text(_ADD), {"version": 1})
    assert await _leaves(database) == 1


async def test_an_error_undoes_all_of_it_whatever_wrote(database: Database) -> None:
    async def act() -> None:
        async with database.begin() as connection:
            await connection.execute(text(_ADD), {"version": 1})
            await copy_rows(connection, "trust_list", ("version", "document"), [(2, b"x")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await act()
    assert await _leaves(database) == 0


async def test_an_attempt_is_undone_alone(database: Database) -> None:
    async def attempted(connection: AsyncConnection, version: int, error: type[Exception] | None) -> None:
        async with attempt(connection):
            await connection.execute(text(_ADD), {"version": version})
            await copy_rows(connection, "trust_list", ("version", "document"), [(version + 1, b"x")])
            if error is not None:
                raise error

    async with database.begin() as connection:
        await connection.execute(text(_ADD), {"version": 1})
        with pytest.raises(ZeroDivisionError):
            await attempted(connection, 2, ZeroDivisionError)
        await attempted(connection, 2, None)
        with pytest.raises(DBAPIError, match="unique"):
            await attempted(connection, 3, None)
    assert await _leaves(database) == 3


async def test_a_connection_that_is_cut_in_an_attempt_is_unavailable(database: Database) -> None:
    async def act() -> None:
        async with database.begin() as connection, attempt(connection):
            await connection.execute(text(_ADD), {"version": 1})
            await _cut_off(database, connection)
            await connection.execute(text("SELECT 1"))

    with pytest.raises(Unavailable):
        await act()
    assert await _leaves(database) == 0


async def test_copy_shares_the_transaction_even_as_its_first_act(database: Database) -> None:
    async def act() -> None:
        async with database.begin() as connection:
            await copy_rows(connection, "trust_list", ("version", "document"), [(2, b"x")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await act()
    assert await _leaves(database) == 0


async def test_reading_cannot_write(database: Database) -> None:
    with pytest.raises(RuntimeError, match="read-only"):
        async with database.read() as connection:
            await connection.execute(text(_ADD), {"version": 1})
    with pytest.raises(RuntimeError, match="read-only"):
        async with database.read() as connection:
            await driver(connection).execute("DELETE FROM trust_list")


@pytest.mark.parametrize(
    "statements",
    [["SET TRANSACTION READ ONLY", "DELETE FROM trust_list"], ["DO $$BEGIN RAISE disk_full; END$$"]],
    ids=["only reads", "no room"],
)
@pytest.mark.parametrize("by_driver", [True, False])
async def test_a_database_that_refuses_is_unavailable(
    database: Database, statements: list[str], by_driver: bool
) -> None:
    async def write() -> None:
        async with database.begin() as connection:
            for one in statements:
                if by_driver:
                    await driver(connection).execute(one)
                else:
                    await connection.execute(text(one))

    with pytest.raises(Unavailable, match="cannot do this at the moment"):
        await write()
    async with database.begin() as connection:
        await connection.execute(text(_ADD), {"version": 1})


async def test_a_cancelled_act_is_undone_and_its_connection_usable(database: Database) -> None:
    begun = asyncio.Event()

    async def act() -> None:
        async with database.begin() as connection:
            await connection.execute(text(_ADD), {"version": 1})
            begun.set()
            await connection.execute(text("SELECT pg_sleep(30)"))

    for _ in range(3):
        begun.clear()
        task = asyncio.create_task(act())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await _leaves(database) == 0


async def test_a_connection_that_is_cut_is_unavailable_and_the_next_one_works(database: Database) -> None:
    async def act() -> None:
        async with database.begin() as connection:
            await connection.execute(text(_ADD), {"version": 1})
            await _cut_off(database, connection)
            await connection.execute(text("SELECT 1"))

    with pytest.raises(Unavailable) as cut:
        await act()
    assert (cut.value.code, cut.value.retry, cut.value.status) == ("unavailable", "NORMAL", 503)
    assert await _leaves(database) == 0


async def test_a_cut_inside_copy_is_unavailable_too(database: Database) -> None:
    async def act() -> None:
        async with database.begin() as connection:
            await _cut_off(database, connection)
            await copy_rows(connection, "trust_list", ("version", "document"), [(2, b"x")])

    with pytest.raises(Unavailable):
        await act()
    assert await _leaves(database) == 0


async def test_connections_that_died_while_idle_are_not_handed_out_as_errors(database: Database) -> None:
    await _leaves(database)
    async with database.begin() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    results = []
    for _ in range(4):
        try:
            results.append(await _leaves(database))
        except Unavailable:
            results.append(-1)
    assert results[-1] == 0
    assert results.count(-1) <= 1


async def test_the_loser_of_a_deadlock_is_told_to_try_again(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE pair (id int PRIMARY KEY, n int)"))
        await connection.execute(text("INSERT INTO pair VALUES (1, 0), (2, 0)"))
    held = asyncio.Barrier(2)

    async def change(*ids: int, beneath: bool) -> None:
        async with database.begin() as connection:
            for at, id_ in enumerate(ids):
                if at:
                    await held.wait()
                if beneath:
                    await driver(connection).execute("UPDATE pair SET n = n + 1 WHERE id = $1", id_)
                else:
                    await connection.execute(text("UPDATE pair SET n = n + 1 WHERE id = :id"), {"id": id_})

    for beneath in (True, False):
        both = (change(1, 2, beneath=beneath), change(2, 1, beneath=beneath))
        failed = [found for found in await asyncio.gather(*both, return_exceptions=True) if found is not None]
        assert [(type(error), getattr(error, "code", "")) for error in failed] == [(Conflict, "busy")]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@/none?host=/nonexistent",
        "postgresql://nobody@127.0.0.1:9/none",
        "postgresql://nobody@no-such-host.invalid/none",
    ],
)
async def test_no_database_at_all_is_unavailable(url: str) -> None:
    nowhere = open_database(url)
    with pytest.raises(Unavailable):
        async with nowhere.read():
            pass
    await nowhere.close()


async def test_a_server_that_takes_nobody_in_is_unavailable(database_url: str) -> None:
    strangers = open_database(database_url.replace("/t", "/no_such_database_t", 1))
    with pytest.raises(Unavailable):
        async with strangers.read():
            pass
    await strangers.close()


async def test_a_pool_that_is_used_up_is_unavailable_not_broken(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "POOL_SECONDS", 0.2)
    narrow = open_database(database_url, pool=1)
    async with narrow.begin():
        with pytest.raises(Unavailable) as waited:
            async with narrow.begin():
                pass
    assert waited.value.retry == "NORMAL"
    await narrow.close()


async def test_errors_of_the_act_itself_are_not_taken_for_the_databases(database: Database) -> None:
    """An act may wait for something else; what that raises is its own affair."""

    async def act(error: Exception) -> None:
        async with database.begin():
            raise error

    for error in (ValueError("x"), FileNotFoundError("x")):
        with pytest.raises(type(error)):
            await act(error)


@pytest.mark.parametrize("wrong", ["a\0b", "a\ud800b"])
async def test_a_text_that_cannot_be_kept_is_refused_however_it_comes(database: Database, wrong: str) -> None:
    async def typed(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT CAST(:given AS text)"), {"given": wrong})

    async def raw(connection: AsyncConnection) -> None:
        await driver(connection).fetch("SELECT $1::text", wrong)

    for act in (typed, raw):
        with pytest.raises(Invalid, match="invalid-content") as caught:
            async with database.begin() as connection:
                await act(connection)
        assert caught.value.__cause__ is None
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://x/y"])
def test_only_postgresql_is_a_database(url: str) -> None:
    with pytest.raises(ValueError, match="postgresql"):
        async_url(url)


async def test_acts_one_after_the_other_share_a_connection_and_nothing_else(database: Database) -> None:
    processes = set()
    for _ in range(5):
        async with database.begin() as connection:
            processes.add((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())
        async with database.singly() as connection:
            assert not connection.in_transaction()
            processes.add(await driver(connection).fetchval("SELECT pg_backend_pid()"))
    assert len(processes) == 1


async def test_acts_cancelled_at_any_moment_lose_no_connection(database: Database) -> None:
    async def act() -> None:
        async with database.begin() as connection:
            await connection.execute(text("SELECT 1"))
            await driver(connection).fetchval("SELECT 1")
        async with database.singly() as connection:
            await connection.execute(text("SELECT 1"))

    for steps in range(40):
        some = [asyncio.create_task(act()) for _ in range(3)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for one in some:
            one.cancel()
        await asyncio.gather(*some, return_exceptions=True)
    async with asyncio.timeout(5), database.begin() as first, database.begin() as second:
        assert {(await connection.execute(text("SELECT 1"))).scalar_one() for connection in (first, second)} == {1}


async def test_an_act_cancelled_at_any_moment_leaves_nothing_to_the_next(database_url: str) -> None:
    database = open_database(database_url, pool=1)  # so that the next act has the same connection
    version = iter(range(1, 1000))

    async def act() -> None:
        async with database.begin() as connection:
            await driver(connection).execute(
                "INSERT INTO trust_list (version, document) VALUES ($1, 'x')", next(version)
            )

    try:
        await act()
        acknowledged = 1
        for steps in range(40):
            begun = asyncio.create_task(act())
            for _ in range(steps):
                await asyncio.sleep(0)
            was_over = not begun.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await begun
            await act()
            acknowledged += 1 + was_over
            other = open_database(database_url, pool=1)
            try:
                assert await _leaves(other) >= acknowledged, f"cancelled after {steps} steps"
            finally:
                await other.close()
    finally:
        await database.close()


async def test_nobody_knows_what_became_of_a_commit_that_was_cut_off(database: Database) -> None:
    async with database.begin() as connection:
        for statement in (
            """CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$""",
            """CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON trust_list DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION cut_off()""",
        ):
            await connection.execute(text(statement))
    with pytest.raises(Unavailable) as told:
        async with database.begin() as connection:
            await connection.execute(text(_ADD), {"version": 1})
    assert told.value.retry == "CHECK_STATUS"
    assert "nothing was stored" not in told.value.detail
    assert await _leaves(database) == 0, "the next act has a connection"
