"""What is forgotten when: every growing table has its rule here.

Kept for good: resource versions, decisions, memberships and their history, audit leaves, certificates. Bodies of
settled messages, timelines, used nonces, sessions and slots go when their time is over.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from hub.storage.database import AsyncConnection

_BATCH: Final = 5000

_RULES: Final = {
    "submission_part": """
        DELETE FROM submission_part WHERE (submission_id, seq) IN (
            SELECT p.submission_id, p.seq FROM submission_part p JOIN submission s ON s.id = p.submission_id
            WHERE s.state IN ('PROCESSED', 'REJECTED', 'BUSINESS_ERROR', 'VOIDED', 'EXPIRED', 'SUPERSEDED', 'DEAD')
              AND s.state_at < :before
              AND NOT EXISTS (SELECT 1 FROM quarantined_row q WHERE q.submission_id = s.id AND q.state = 'held')
            LIMIT :batch)""",
    "submission_issue": """
        DELETE FROM submission_issue WHERE id IN (
            SELECT i.id FROM submission_issue i JOIN submission s ON s.id = i.submission_id
            WHERE s.state_at < :before LIMIT :batch)""",
    "delivery": """
        DELETE FROM delivery WHERE id IN (
            SELECT id FROM delivery WHERE state <> 'QUEUED' AND created_at < :before LIMIT :batch)""",
    "assertion_seen": "DELETE FROM assertion_seen WHERE expires_at < :now",
    "presentation_challenge": "DELETE FROM presentation_challenge WHERE expires_at < :day",
    "login_session": "DELETE FROM login_session WHERE expires_at < :now",
    "sign_in_link": "DELETE FROM sign_in_link WHERE expires_at < :now",
    "schedule_slot": "DELETE FROM schedule_slot WHERE due_at < :before AND state <> 'CLAIMED'",
    "quarantined_row": """
        DELETE FROM quarantined_row WHERE id IN (
            SELECT id FROM quarantined_row WHERE state = 'released' AND released_at < :before LIMIT :batch)""",
}


async def forget(connection: AsyncConnection, *, now: datetime, day: datetime, before: datetime) -> dict[str, int]:
    """Apply every rule once: `before` is where retention ends, `day` a day ago; answers rows deleted by table."""
    deleted = {}
    for table, statement in _RULES.items():
        wanted = {"now": now, "day": day, "before": before, "batch": _BATCH}
        values = {name: value for name, value in wanted.items() if f":{name}" in statement}
        done = await connection.execute(text(statement), values)
        if done.rowcount:
            deleted[table] = done.rowcount
    return deleted
