"""Connections: one pool a process, transactions opened by services, the raw driver for bulk paths.

`Database.begin()` is the only way to a transaction that writes. Storage functions take its `AsyncConnection` and never commit.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import asyncpg
import structlog
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hub.errors import Conflict, Invalid, Unavailable
from hub.settings import Settings
from hub.storage.embedded import EmbeddedPostgres

__all__ = [
    "AsyncConnection",
    "Database",
    "Part",
    "async_url",
    "attempt",
    "copy_rows",
    "driver",
    "holds",
    "locate",
    "make_data_dir",
    "open_database",
    "rows_of",
    "write_together",
]


log = structlog.get_logger(__name__)


def async_url(url: str) -> URL:
    """`url` (postgresql://…) for SQLAlchemy's asyncpg dialect. Raises ValueError for another kind of database."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise ValueError("HUB_DATABASE_URL must be a postgresql:// address")
    return parsed.set(drivername="postgresql+asyncpg")


_GIVEN_UP = ("40P01", "40001")  # deadlock_detected, serialization_failure
_WENT_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)
_STOPS = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)
_REFUSES = (asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientResourcesError, *_STOPS)
"""What a server says that only reads or has no room left, and of a statement that took longer than it may or was stopped."""
_LOCKS = "locks"
"""Where a connection keeps what its transaction began with."""
_END_SECONDS: Final = 5.0
_PARAMETER: Final = re.compile(r"\$(\d+)")
POOL_SECONDS = 10.0
"""How long an act waits for a connection of a pool that is used up."""


class Database:
    """The pool, of at most `most` connections. Made with `open_database`, closed with `close`.

    A connection that is not used stays taken from SQLAlchemy's own pool: to take it and to give it back each time costs
    more than most of what is asked here.
    """

    def __init__(self, engine: AsyncEngine, most: int, embedded: EmbeddedPostgres | None) -> None:
        self.engine = engine
        self._embedded = embedded
        self._room = asyncio.Semaphore(most)
        self._unused: list[AsyncConnection] = []

    @asynccontextmanager
    async def begin(self, *locks: str) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed on leaving, rolled back on an error. It begins with `locks`, statements without
        parameters that take them in this order, at no further round trip; who needs one asks whether it is there (`holds`).

        Raises Unavailable when there is no database, of class CHECK_STATUS when it went away while it committed; Conflict
        `busy` when it was given up for another transaction, Invalid `invalid-content` for a text that no database keeps,
        wherever it came through.
        """
        async with self.singly() as connection, _transaction(connection, *locks):
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for reading only; the database refuses to write in it. Raises as `begin`."""
        async with self.singly() as connection, _transaction(connection, readonly=True):
            yield connection

    @asynccontextmanager
    async def singly(self) -> AsyncIterator[AsyncConnection]:
        """A connection for an act that writes in one statement: what that statement does is committed when it ends.

        Two round trips less than a transaction, for acts that are asked for thousands of times a second. Raises as `begin`.
        """
        try:
            async with self._lent() as connection:
                yield connection
        except (OperationalError, InterfaceError, ConnectionError, TimeoutError) as error:
            raise Unavailable("unavailable", "The database cannot be reached; nothing was stored.") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise _gone() from error
            if getattr(error.orig, "sqlstate", None) in _GIVEN_UP:
                raise _busy() from error
            if _is_of(error, *_REFUSES):
                raise _refuses(error) from error
            if _no_text(error):
                raise _not_kept() from None
            raise
        except _WENT_AWAY as error:
            raise _gone() from error
        except _REFUSES as error:
            raise _refuses(error) from error
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError) as error:
            raise _busy() from error
        except asyncpg.DataError as error:
            if _no_text(error):
                raise _not_kept() from None
            raise

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[AsyncConnection]:
        """A connection for one act. Raises Unavailable when there is none to be had, ConnectionError when it was cut off."""
        await self._wait()
        try:
            connection = await self._connected()
        except BaseException:
            self._room.release()
            raise
        raw = driver(connection)
        try:
            yield connection
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:  # the latter when COPY is cut off
            if raw.is_closed():
                raise ConnectionError("the connection to the database was closed") from error
            raise
        finally:
            if connection.in_transaction() or raw.is_closed() or raw.is_in_transaction():
                await asyncio.shield(self._put_in_order(connection, raw))
            else:
                self._unused.append(connection)
                self._room.release()

    async def _put_in_order(self, connection: AsyncConnection, raw: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Let go of one that was cut off, or for whose transaction's end nobody waited; of others the next act sees nothing."""
        try:
            if raw.is_closed() or raw.is_in_transaction():
                if not connection.invalidated:
                    await connection.invalidate()
                await connection.close()
            else:
                await connection.rollback()  # of what SQLAlchemy calls a transaction: having asked anything
                self._unused.append(connection)
        finally:
            self._room.release()

    async def _wait(self) -> None:
        """Wait for a connection that others use. Raises Unavailable."""
        if not self._room.locked():
            await self._room.acquire()  # at once
            return
        try:
            async with asyncio.timeout(POOL_SECONDS):
                await self._room.acquire()
        except TimeoutError as error:
            raise Unavailable("too-many", "The hub is busy; send it again.", retry_after=1) from error

    async def _connected(self) -> AsyncConnection:
        """The connection that was used last, or a new one. Raises Unavailable."""
        while self._unused:
            connection = self._unused.pop()
            if not driver(connection).is_closed():
                return connection
            await connection.close()  # it was cut off while it lay idle
        try:
            connection = await self.engine.connect()
            if driver(connection).is_closed():
                await connection.invalidate()
                await connection.get_raw_connection()
            return connection
        except (OSError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # A socket that is not there, a server that is starting, one that takes no more connections.
            raise Unavailable("unavailable", "The database cannot be reached; nothing was stored.") from error

    async def close(self) -> None:
        """Close every connection, and let go of the embedded server if there is one."""
        while self._unused:
            await self._unused.pop().close()
        await self.engine.dispose()
        if self._embedded is not None:
            self._embedded.close()


def _is_of(error: BaseException, *kinds: type[Exception]) -> bool:
    """Is it, or is what SQLAlchemy made its own error of, of `kinds`?"""
    return isinstance(_original(error), kinds)


def _original(error: BaseException) -> BaseException | None:
    return error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig is not None else error


def _no_text(error: BaseException | None) -> bool:
    """Is it about NUL or half a surrogate pair in a text?"""
    while error is not None:
        if isinstance(error, asyncpg.CharacterNotInRepertoireError | UnicodeEncodeError):
            return True
        error = error.__cause__
    return False


def _not_kept() -> Invalid:
    return Invalid("invalid-content", "A text holds a character that cannot be kept; nothing was stored.")


def _gone() -> Unavailable:
    return Unavailable("unavailable", "The database went away; send it again.")


def _refuses(error: Exception) -> Unavailable:
    log.error("database refuses", error=type(_original(error)).__name__)
    return Unavailable(
        "unavailable", "The database cannot do this at the moment; nothing was stored. Send it again later."
    )


def _unsettled() -> Unavailable:
    """The commit was asked for, and nobody heard the answer."""
    return Unavailable(
        "unavailable",
        "The database went away while this was being stored: it may be there. Look before you send it again; what has a "
        "Message-Id or a condition of its own may be sent again unchanged.",
        retry="CHECK_STATUS",
    )


def _busy() -> Conflict:
    return Conflict("busy", "Others are changing the same records; nothing was stored. Send it again.", retry="NORMAL")


def locate(settings: Settings) -> tuple[str, EmbeddedPostgres | None]:
    """The database's address, starting the embedded server when none is configured."""
    if settings.database_url:
        return settings.database_url, None
    make_data_dir(settings.data_dir)
    embedded = EmbeddedPostgres(Path(settings.data_dir))
    if os.geteuid() == 0:
        # The server does not run as root and has to pass through the folder; its library opens it to readers as well.
        settings.data_dir.chmod(0o711)
    return embedded.url, embedded


def make_data_dir(folder: Path) -> None:
    """Make the data folder, for its owner only; one that is there stays as its owner has it."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)


def open_database(
    url: str,
    *,
    pool: int = 10,
    embedded: EmbeddedPostgres | None = None,
    options: Mapping[str, Any] | None = None,
) -> Database:
    """A pool on `url`; connections are made when first needed. `options` travel with them (`storage.seals`)."""
    engine = create_async_engine(
        async_url(url),
        pool_size=pool,
        max_overflow=0,
        hide_parameters=True,
        execution_options=dict(options or {}),
        isolation_level="AUTOCOMMIT",  # transactions are our own: `_transaction`
        connect_args={"server_settings": {"timezone": "UTC", "application_name": "hub"}},
    )
    return Database(engine, pool, embedded)


@asynccontextmanager
async def _transaction(connection: AsyncConnection, *locks: str, readonly: bool = False) -> AsyncIterator[None]:
    """A transaction in two round trips, with its first locks: SQLAlchemy's takes a third, and the driver's one for each lock."""
    raw, kept = driver(connection), connection.info
    try:
        await raw.execute("; ".join(("BEGIN READ ONLY" if readonly else "BEGIN", *locks)))
    except BaseException:
        await _ended(raw)
        raise
    kept[_LOCKS] = locks
    try:
        yield
    except BaseException as error:
        if not raw.is_closed():
            await raw.execute("ROLLBACK")
        if readonly and _is_of(error, asyncpg.ReadOnlySQLTransactionError):
            raise RuntimeError("something was written in a read-only transaction") from error
        raise
    finally:
        kept[_LOCKS] = ()
    try:
        done = await raw.execute("COMMIT")
    except (*_WENT_AWAY, asyncpg.InterfaceError, OSError) as error:
        if readonly:
            raise
        raise _unsettled() from error
    if not readonly and done != "COMMIT":
        raise RuntimeError("an error was passed over: the transaction was not committed")


async def _ended(raw: "asyncpg.Connection[asyncpg.Record]") -> None:
    """End what the server may have begun, or still waits to begin: the next act would be a part of it, which nobody would commit."""
    try:
        await asyncio.shield(raw.execute("ROLLBACK", timeout=_END_SECONDS))
    except BaseException:  # noqa: BLE001 - that it could not begin is raised by whoever asked
        raw.terminate()


def holds(connection: AsyncConnection, lock: str) -> bool:
    """Has the transaction under way begun with `lock`?"""
    return lock in connection.info.get(_LOCKS, ())


@asynccontextmanager
async def attempt(connection: AsyncConnection) -> AsyncIterator[None]:
    """A part of the transaction under way: an error undoes it alone, and what came before it stays to go on from."""
    raw = driver(connection)
    await raw.execute("SAVEPOINT attempt")
    try:
        yield
    except BaseException:
        if not raw.is_closed():
            await raw.execute("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")
        raise
    await raw.execute("RELEASE SAVEPOINT attempt")


def driver(connection: AsyncConnection) -> "asyncpg.Connection[asyncpg.Record]":
    """The asyncpg connection beneath, inside the same transaction, for COPY, unnest and what every request asks."""
    raw = connection.sync_connection.connection.driver_connection if connection.sync_connection else None
    if not isinstance(raw, asyncpg.Connection):
        raise TypeError(f"expected an asyncpg connection, got {type(raw).__name__}")
    return raw


Part = tuple[str, Sequence[Any]]
"""A statement that writes (INSERT, UPDATE, DELETE, without a WITH in front) and answers nothing, and its parameters.

Nothing in it but a parameter looks like one ($1).
"""


async def write_together(connection: AsyncConnection, *parts: Part) -> None:
    """Do statements as one, at one round trip. None of them sees what another writes."""
    if parts:
        statement = _together(tuple(statement for statement, _ in parts), tuple(len(given) for _, given in parts))
        await driver(connection).execute(statement, *chain.from_iterable(given for _, given in parts))


@lru_cache(maxsize=256)
def _together(statements: tuple[str, ...], counts: tuple[int, ...]) -> str:
    """One statement of several, whose parameters follow each other."""
    made, first = [], 0
    for statement, count in zip(statements, counts, strict=True):
        made.append(_PARAMETER.sub(lambda found, first=first: f"${int(found[1]) + first}", statement))  # type: ignore[misc]
        first += count
    *before, last = made
    parts = ", ".join(f"part{at} AS ({one}\n)" for at, one in enumerate(before))
    return f"WITH {parts} {last}" if parts else last


def rows_of(*types: str, first: int = 1) -> str:
    """Rows from one array of each of `types`, which are the parameters from `first` on, for FROM.

    A subquery hides from the planner how long the arrays are: it would plan anew each time for just so many, which takes
    longer than what these statements do.
    """
    return f"unnest({', '.join(f'(SELECT ${at}::{type_}[])' for at, type_ in enumerate(types, first))})"


async def copy_rows(
    connection: AsyncConnection, table: str, columns: Sequence[str], records: Iterable[Sequence[Any]]
) -> None:
    """COPY `records` into `table` in the connection's transaction."""
    raw = driver(connection)
    await raw.copy_records_to_table(table, columns=list(columns), records=records)
