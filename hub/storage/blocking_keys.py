"""Blocking keys: by which records are looked for that may be the same person's, and the locks that keep arrivals apart.

The key space is locked in stripes, by advisory locks, always in ascending order, so that nobody waits in a ring.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hub.storage.database import AsyncConnection, copy_rows, driver, rows_of

_STRIPES: Final = 256
_SPACE: Final = 0x6C6B  # "lk"
_FEW_ROWS: Final = 2_000
"""Blocking keys up to which a round trip costs more than what COPY saves."""


def locking(stripes: int) -> str:
    """In SQL, a row behind whose making the `stripes`, a parameter that is an array, are held, in their order."""
    return f"(SELECT count(pg_advisory_xact_lock({_SPACE}, s)) FROM {rows_of('int', first=stripes)} AS s)"  # noqa: S608


_LOCK: Final = f"SELECT * FROM {locking(1)} AS held"  # noqa: S608 - our own


def stripes(keys: Iterable[int]) -> list[int]:
    """What is locked for `keys`: always in ascending order, so nobody waits in a ring."""
    return sorted({key % _STRIPES for key in keys})


async def lock(connection: AsyncConnection, wanted: Sequence[int]) -> None:
    """Hold `stripes` until the transaction ends."""
    await driver(connection).execute(_LOCK, wanted)


async def lock_all(connection: AsyncConnection) -> None:
    """Hold every stripe: nothing else is compared until the transaction ends."""
    await lock(connection, range(_STRIPES))


_BLOCKS: Final = f"""
    -- blocks: the records behind each key, one more than the limit at most
    SELECT k.key, b.record_id FROM {rows_of("bigint")} AS k(key)
    CROSS JOIN LATERAL (SELECT record_id FROM blocking_key WHERE key = k.key ORDER BY record_id LIMIT $2) AS b"""  # noqa: S608
_MEET: Final = f"""
    WITH kept AS (INSERT INTO blocking_key (key, record_id) SELECT * FROM {rows_of("bigint", "bigint", first=3)})
    {_BLOCKS}"""  # noqa: S608 - our own


async def put(connection: AsyncConnection, keys: Mapping[int, Iterable[int]]) -> None:
    """Store the blocking keys of records {record: keys} that have none."""
    await copy_rows(connection, "blocking_key", ("key", "record_id"), _key_rows(keys))


def _key_rows(keys: Mapping[int, Iterable[int]]) -> list[tuple[int, int]]:
    """(key, record) in the order of the index: neighbours go to one page, which is then found and written once."""
    return sorted((key, id_) for id_, own in keys.items() for key in set(own))


async def meet(connection: AsyncConnection, keys: Mapping[int, Iterable[int]], limit: int) -> dict[int, list[int]]:
    """Store the blocking keys of records {record: keys} that have none; answers whom they meet: `blocks` without themselves."""
    rows = _key_rows(keys)
    if not rows:
        return {}
    wanted = sorted({key for key, _ in rows})
    if len(rows) <= _FEW_ROWS:  # a statement sees nothing of what it writes
        found = await driver(connection).fetch(
            _MEET, wanted, limit + 1, [key for key, _ in rows], [id_ for _, id_ in rows]
        )
        return _by_key(found)
    # Most keys are new, and are then looked for and found missing at once.
    met = await blocks(connection, wanted, limit)
    await copy_rows(connection, "blocking_key", ("key", "record_id"), rows)
    return met


async def blocks(connection: AsyncConnection, keys: Iterable[int], limit: int) -> dict[int, list[int]]:
    """The records stored under each of `keys`, the oldest first, one more than `limit` at most; keys of none are left out."""
    return _by_key(await driver(connection).fetch(_BLOCKS, sorted(set(keys)), limit + 1))


def _by_key(rows: Iterable[Any]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for key, record in rows:
        found.setdefault(key, []).append(record)
    return found
