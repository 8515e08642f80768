"""Claimed work: nobody holds what another holds, who lost it cannot finish it, and what fails too often is set aside."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from hub.errors import Conflict
from hub.storage import work
from hub.storage.database import Database, open_database
from hub.storage.work import Work

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
SECONDS = 10
LATER = NOW + timedelta(seconds=SECONDS + 1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url, pool=12)
    yield opened
    await opened.close()


async def _put(database: Database, count: int = 1, *, priority: int = 5, now: datetime = NOW) -> list[UUID]:
    subjects = [uuid4() for _ in range(count)]
    async with database.begin() as connection:
        for subject in subjects:
            await work.put(connection, "translate", subject, now=now, priority=priority)
    return subjects


async def _claim(database: Database, now: datetime = NOW, *, limit: int = 1) -> list[Work]:
    async with database.begin() as connection:
        return await work.claim(connection, ("translate", "replay"), now, seconds=SECONDS, limit=limit)


async def test_the_most_urgent_goes_first_then_the_oldest(database: Database) -> None:
    ordinary = await _put(database, 2)
    urgent = await _put(database, 1, priority=4)
    found = [(await _claim(database))[0].subject for _ in range(3)]
    assert found == [*urgent, *ordinary]
    assert await _claim(database) == []


async def test_claimers_at_once_never_share(database: Database) -> None:
    await _put(database, 40)
    found = await asyncio.gather(*(_claim(database, limit=7) for _ in range(10)))
    held = Counter(item.id for part in found for item in part)
    assert len(held) == 40
    assert set(held.values()) == {1}


async def test_a_claimer_does_not_wait_for_another(database: Database) -> None:
    """SKIP LOCKED: while one claim is not committed, the next takes the next piece at once."""
    first, second = await _put(database, 2)
    async with database.begin() as slow:
        (held,) = await work.claim(slow, ("translate",), NOW, seconds=SECONDS)
        (other,) = await asyncio.wait_for(_claim(database), 5)
        assert (held.subject, other.subject) == (first, second)


async def test_a_lease_ends_and_passes_on(database: Database) -> None:
    await _put(database)
    (first,) = await _claim(database)
    assert await _claim(database, NOW + timedelta(seconds=SECONDS)) == []
    (second,) = await _claim(database, LATER)
    assert (second.id, second.attempts) == (first.id, 2)
    assert second.lease != first.lease


async def test_renewing_keeps_it(database: Database) -> None:
    await _put(database)
    (held,) = await _claim(database)
    async with database.begin() as connection:
        await work.hold(connection, held, LATER + timedelta(seconds=SECONDS))
    assert await _claim(database, LATER) == []


async def test_laid_down_it_is_free_at_once_and_the_try_is_not_counted(database: Database) -> None:
    await _put(database)
    for _ in range(3):
        (held,) = await _claim(database)
        assert held.attempts == 1
        async with database.begin() as connection:
            await work.lay_down(connection, held)
    (again,) = await _claim(database)
    async with database.begin() as connection:
        await work.progressed(connection, again)
        await work.lay_down(connection, again)
    assert (await _claim(database))[0].attempts == 1


async def test_who_lost_it_can_do_nothing_with_it(database: Database) -> None:
    await _put(database)
    (lost,) = await _claim(database)
    (mine,) = await _claim(database, LATER)
    for act in (
        lambda c: work.hold(c, lost, LATER),
        lambda c: work.finish(c, lost),
        lambda c: work.lay_down(c, lost),
        lambda c: work.fail(c, lost, "x", retry_at=NOW, most=1),
    ):
        with pytest.raises(Conflict) as refused:
            async with database.begin() as connection:
                await act(connection)
        assert refused.value.code == work.LEASE_LOST
    async with database.begin() as connection:
        await work.progressed(connection, lost)  # nothing to it
        await work.hold(connection, mine, LATER)
        await work.finish(connection, mine)


async def test_what_is_held_in_a_transaction_cannot_be_taken_however_late(database: Database) -> None:
    await _put(database)
    (held,) = await _claim(database)
    async with database.begin() as connection:
        await work.hold(connection, held, NOW)
        assert await _claim(database, LATER) == []
        await work.finish(connection, held)
    assert await _claim(database, LATER) == []


async def test_finished_is_gone(database: Database) -> None:
    await _put(database)
    (held,) = await _claim(database)
    async with database.begin() as connection:
        await work.finish(connection, held)
        assert await work.health(connection) == (0, None, 0)


async def test_what_fails_waits_and_is_set_aside_in_the_end(database: Database) -> None:
    await _put(database)
    now, verdicts = NOW, []
    for _ in range(3):
        (held,) = await _claim(database, now)
        retry = now + timedelta(minutes=1)
        async with database.begin() as connection:
            verdicts.append(await work.fail(connection, held, "RuntimeError", retry_at=retry, most=3))
        assert await _claim(database, now + timedelta(seconds=59)) == []
        now = retry
    assert verdicts == [False, False, True]
    assert await _claim(database, now + timedelta(days=1)) == []
    async with database.begin() as connection:
        waiting, since, dead = await work.health(connection)
    assert (waiting, since, dead) == (0, None, 1)


async def test_progress_begins_the_count_anew(database: Database) -> None:
    await _put(database)
    tries = []
    for _ in range(5):
        (held,) = await _claim(database)
        tries.append(held.attempts)
        async with database.begin() as connection:
            await work.progressed(connection, held)
            assert not await work.fail(connection, held, "x", retry_at=NOW, most=2)
    assert tries == [1] * 5


async def test_asking_twice_is_asking_once(database: Database) -> None:
    (subject,) = await _put(database)
    async with database.begin() as connection:
        await work.put(connection, "translate", subject, now=NOW)
        await work.put(connection, "replay", subject, now=NOW)
        assert await work.waiting(connection) == 2


async def test_asking_again_revives_and_takes_away(database: Database) -> None:
    (subject,) = await _put(database)
    (held,) = await _claim(database)
    async with database.begin() as connection:
        await work.put(connection, "translate", subject, now=NOW)
    (again,) = await _claim(database)
    assert (again.subject, again.attempts) == (subject, 1)
    with pytest.raises(Conflict):
        async with database.begin() as connection:
            await work.finish(connection, held)
    async with database.begin() as connection:
        assert await work.fail(connection, again, "x", retry_at=NOW, most=1)
        await work.put(connection, "translate", subject, now=NOW)
    assert len(await _claim(database)) == 1


async def test_one_subject_can_be_claimed_by_name(database: Database) -> None:
    _, wanted, other = await _put(database, 3)

    async def by_name(subject: UUID, now: datetime = NOW) -> Work | None:
        async with database.begin() as connection:
            return await work.claim_subject(connection, "translate", subject, now, seconds=SECONDS)

    found = await asyncio.gather(*(by_name(wanted) for _ in range(5)))
    assert [item for item in found if item] != []
    assert sum(item is not None for item in found) == 1
    assert await by_name(uuid4()) is None
    taken = await by_name(wanted, LATER)
    assert taken is not None
    assert taken.attempts == 1
    assert await by_name(other) is not None


async def test_work_is_ready_by_the_hubs_clock_not_the_databases(database: Database) -> None:
    past = datetime(2001, 1, 1, tzinfo=UTC)
    await _put(database, now=past)
    (held,) = await _claim(database, past)
    assert held.attempts == 1
