"""Review tasks as linkage opens and closes them: what a pair's scores give rise to, and what gives none any more."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.domain import ordering
from hub.domain.ordering import Stakes
from hub.storage.database import driver
from hub.storage.linkage_models import OF_MODEL_IN_FORCE

_OPEN = """
    -- open_tasks: one row a pair; of those known already only the withdrawn are opened again
    INSERT INTO review_task (id, a, b, reason, weight, state, member_ids, opened_at, priority, ordering)
    SELECT gen_random_uuid(), t.a, t.b, t.reason, t.weight, 'REVIEW',
           CASE WHEN t.one = t.other THEN ARRAY[t.one] ELSE ARRAY[LEAST(t.one, t.other), GREATEST(t.one, t.other)] END,
           $7, t.priority, t.ordering
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::real[], $5::bigint[], $6::bigint[], $8::int[], $9::jsonb[])
         AS t(a, b, reason, weight, one, other, priority, ordering)
    ON CONFLICT (a, b) DO UPDATE SET priority = excluded.priority, ordering = excluded.ordering,
        ordered_at = NULL, reason = excluded.reason, weight = excluded.weight,
        member_ids = excluded.member_ids, version = review_task.version + 1, opened_at = excluded.opened_at,
        state = CASE WHEN $10 AND review_task.deferred_until > $7 THEN 'DEFERRED' ELSE 'REVIEW' END,
        deferred_until = CASE WHEN $10 AND review_task.deferred_until > $7 THEN review_task.deferred_until END,
        expires_at = NULL, proposed = NULL, decided_by = NULL, approved_by = NULL
    WHERE review_task.state = 'WITHDRAWN' RETURNING id"""


async def open_tasks(
    connection: AsyncConnection,
    tasks: Sequence[tuple[int, int, str, float, Sequence[int]]],
    now: datetime,
    *,
    keep_deferred: bool = False,
) -> int:
    """Open tasks (a, b, reason, weight, member ids) for pairs that have none; a withdrawn one is opened again.

    Somebody may have put that off: new evidence ends it, unless `keep_deferred`.
    """
    if not tasks:
        return 0
    # What hangs on the persons is looked up later (services.ordering); until then the pair alone says where it stands.
    orders = [ordering.of(Stakes(weight, reason)) for _, _, reason, weight, _ in tasks]
    raw = driver(connection)
    opened = await raw.fetch(
        _OPEN,
        [a for a, _, _, _, _ in tasks],
        [b for _, b, _, _, _ in tasks],
        [reason for _, _, reason, _, _ in tasks],
        [weight for _, _, _, weight, _ in tasks],
        [members[0] for _, _, _, _, members in tasks],
        [members[-1] for _, _, _, _, members in tasks],
        now,
        [order.priority for order in orders],
        [orjson.dumps(order.why).decode() for order in orders],
        keep_deferred,
    )
    return len(opened)


async def withdraw(connection: AsyncConnection, pairs: Sequence[tuple[int, int]]) -> None:
    """Close open tasks of pairs that need no decision any more; what new evidence reopened, or somebody proposed, stays."""
    if not pairs:
        return
    raw = driver(connection)
    await raw.execute(
        """
        -- withdraw: tasks nobody has to decide now
        UPDATE review_task SET state = 'WITHDRAWN', version = version + 1
        FROM unnest($1::bigint[], $2::bigint[]) AS p(a, b)
        WHERE review_task.a = p.a AND review_task.b = p.b AND state IN ('REVIEW', 'DEFERRED')
          AND reopened_seq IS NULL""",
        [a for a, _ in pairs],
        [b for _, b in pairs],
    )


async def withdraw_unfounded(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Close open tasks about the records `ids` whose pair no longer speaks for one person at all. What somebody proposed
    stays: it may have been asked for against what speaks for it, and ends by approval, refusal or lapse.
    """
    raw = driver(connection)
    await raw.execute(
        f"""
        -- withdraw_unfounded: open tasks without a score behind them
        UPDATE review_task t SET state = 'WITHDRAWN', version = version + 1
        WHERE state IN ('REVIEW', 'DEFERRED') AND reopened_seq IS NULL AND (a = ANY($1::bigint[]) OR b = ANY($1::bigint[]))
          AND NOT EXISTS (SELECT 1 FROM pair_score p WHERE p.model = {OF_MODEL_IN_FORCE} AND p.a = t.a AND p.b = t.b)""",  # noqa: S608
        list(ids),
    )
