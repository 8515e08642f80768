"""Tasks about what was decided or linked before: opened when evidence speaks against it, closed when it no longer does."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.domain.ordering import NEW_EVIDENCE
from hub.storage.database import driver
from hub.storage.decisions import Decision


async def reopen(
    connection: AsyncConnection,
    found: Sequence[tuple[int, int, int | None, float, Sequence[int]]],
    *,
    reason: str,
    now: datetime,
) -> list[tuple[UUID, int | None]]:
    """Open the tasks of pairs (a, b, seq of the decision, weight, member ids) again; answers (task, seq).

    Without a decision it is the machine's own link that is called into question. A task that is open already, for
    whatever reason, stays as it is.
    """
    if not found:
        return []
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- reopen: what was decided is called into question; the decision itself stays in force
        INSERT INTO review_task (id, a, b, reason, weight, state, member_ids, opened_at, reopened_seq, decision_seq)
        SELECT gen_random_uuid(), t.a, t.b, $7, t.weight, 'REVIEW',
               CASE WHEN t.one = t.other THEN ARRAY[t.one] ELSE ARRAY[LEAST(t.one, t.other), GREATEST(t.one, t.other)] END,
               $8, coalesce(t.seq, 0), t.seq
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::real[], $5::bigint[], $6::bigint[])
             AS t(a, b, seq, weight, one, other)
        ON CONFLICT (a, b) DO UPDATE SET state = 'REVIEW', reason = excluded.reason, weight = excluded.weight,
            version = review_task.version + 1, opened_at = excluded.opened_at, reopened_seq = excluded.reopened_seq,
            bulk_id = NULL, deferred_until = NULL, ordered_at = NULL, proposed = NULL, expires_at = NULL,
            decision_seq = coalesce(excluded.decision_seq, review_task.decision_seq)
        WHERE review_task.state IN ('CONFIRMED', 'REJECTED', 'WITHDRAWN') RETURNING id, NULLIF(reopened_seq, 0) AS seq""",
        [a for a, _, _, _, _ in found],
        [b for _, b, _, _, _ in found],
        [seq for _, _, seq, _, _ in found],
        [weight for _, _, _, weight, _ in found],
        [members[0] for *_, members in found],
        [members[-1] for *_, members in found],
        reason,
        now,
    )
    return [(row["id"], row["seq"]) for row in rows]


async def close_again(connection: AsyncConnection, decided: Sequence[Decision]) -> list[tuple[UUID, int]]:
    """The evidence against these decisions is gone: the tasks that it opened are as they were. Answers (task, seq).

    What a person's judgement called into question stays open.
    """
    if not decided:
        return []
    raw = driver(connection)
    rows = await raw.fetch(
        """
        -- close_again: back to what was decided
        UPDATE review_task t SET version = version + 1, reopened_seq = NULL, decision_seq = d.seq, reason = d.why,
            state = CASE d.kind WHEN 'MUST_LINK' THEN 'CONFIRMED' ELSE 'REJECTED' END, deferred_until = NULL,
            decided_by = d.actor, approved_by = d.approver, decided_at = d.at
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
             AS d(seq, kind, actor, approver, why, at)
        WHERE t.reopened_seq = d.seq AND t.state IN ('REVIEW', 'DEFERRED') AND t.reason = $7
        RETURNING t.id, d.seq""",
        [d.seq for d in decided],
        [d.kind for d in decided],
        [d.actor for d in decided],
        [d.approver for d in decided],
        [d.evidence.get("why", "uncertain") for d in decided],
        [d.at for d in decided],
        NEW_EVIDENCE,
    )
    return [(row["id"], row["seq"]) for row in rows]
