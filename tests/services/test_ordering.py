"""The order of the queue on a real database: what waits for a person brings its conflict forward, pages stay whole."""

from uuid import UUID

from sqlalchemy import text

from hub.domain import ordering as rules
from hub.jobs.schedules import schedules
from hub.services import ordering, reviews
from hub.services.blinds import subject_of
from hub.storage import reviews as tasks
from hub.storage.reviews import Review
from tests.console import people as invented
from tests.console import traffic, world
from tests.services.test_reviews import World, here

__all__ = ["here"]


async def _order(here: World) -> list[UUID]:
    found = await reviews.queue(here.hub, await here.user("admin"), limit=100)
    return [row.task.id for row in found.rows]


async def test_a_waiting_message_brings_the_conflict_forward_and_says_so(here: World) -> None:
    records = await world.add_records(here.hub, *invented.no_id())
    task = await world.task_of(here.hub, *records)
    assert (await _order(here))[-1] == task
    assert await ordering.refresh(here.hub) == 3
    subject = subject_of(here.hub, invented.YONGKANG, "YK-0031980")
    for _ in range(3):
        await traffic.sealed_about(here.hub, subject, invented.YONGKANG, invented.HUIJI)
    assert await ordering.refresh(here.hub) == 0, "ordered a moment ago"
    here.clock.forward(minutes=31)
    (job,) = [schedule.job for schedule in schedules(here.hub.settings) if schedule.name == "review-order"]
    assert await job(here.hub, here.clock()) == {"ordered": 3}
    assert (await _order(here))[0] == task
    async with here.hub.database.read() as connection:
        found = await tasks.get(connection, task, None)
    assert found is not None
    assert found.ordering["waits"]
    assert found.ordering["harms"] == ["papers"]
    assert found.priority == rules.of(rules.Stakes(found.weight, "uncertain", papers=3, deliveries=3)).priority
    assert found.version == 1, "a view of it is not old by that"


async def test_pages_of_many_alike_hold_each_once(here: World) -> None:
    async with here.hub.database.begin() as connection:
        await connection.execute(
            text("""
                INSERT INTO review_task (id, a, b, reason, weight, state, member_ids, opened_at, priority)
                SELECT gen_random_uuid(), n, n + 100000, 'uncertain', 1, 'REVIEW', ARRAY[1], now(), 700
                FROM generate_series(1, 40) AS n""")
        )
        await connection.execute(text("UPDATE review_task SET priority = 700"))
    admin = await here.user("admin")
    pages = [await reviews.queue(here.hub, admin, limit=7, offset=offset) for offset in range(0, 42, 7)]
    seen = [row.task.id for page in pages for row in page.rows]
    assert len(seen) == len(set(seen)) == 42
    walked: list[UUID] = []
    at: Review | None = pages[0].rows[0].task
    while at is not None:
        walked.append(at.id)
        _, following = await reviews.neighbours(here.hub, admin, at)
        async with here.hub.database.read() as connection:
            at = await tasks.get(connection, following, None) if following else None
    assert walked == seen
