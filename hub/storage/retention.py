"""What is forgotten when: every table has its rule here, or is kept for good.

Bodies and timelines of settled messages, used nonces, sessions and slots go when their time is over. What waits, what is
held in quarantine and what proves something stays.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from hub.storage.database import AsyncConnection

BATCH: Final = 5000

# What was received and never answered is the recipient's by then, and its answer is taken without the bytes.
_OVER: Final = """s.state IN ('RECEIVED', 'PROCESSED', 'REJECTED', 'BUSINESS_ERROR', 'VOIDED', 'EXPIRED', 'SUPERSEDED', 'DEAD')
              AND s.state_at < :before
              AND NOT EXISTS (SELECT 1 FROM work_item w WHERE w.subject = s.id)
              AND NOT EXISTS (SELECT 1 FROM mailbox_item m WHERE m.submission_id = s.id
                              AND m.state = 'RECEIVED' AND m.expires_at > :now)
              AND NOT EXISTS (SELECT 1 FROM quarantined_row q WHERE q.submission_id = s.id AND q.state = 'held')"""

_RULES: Final = {
    "submission_part": """
        DELETE FROM submission_part WHERE (submission_id, seq) IN (
            SELECT p.submission_id, p.seq FROM submission_part p JOIN submission s ON s.id = p.submission_id
            WHERE $over LIMIT :batch)""",
    "submission_issue": """
        DELETE FROM submission_issue WHERE id IN (
            SELECT i.id FROM submission_issue i JOIN submission s ON s.id = i.submission_id
            WHERE $over LIMIT :batch)""",
    # The last line of a timeline says how it ended, and stays.
    "submission_event": """
        DELETE FROM submission_event WHERE id IN (
            SELECT e.id FROM submission_event e JOIN submission s ON s.id = e.submission_id
            WHERE $over
              AND e.id < (SELECT max(l.id) FROM submission_event l WHERE l.submission_id = s.id) LIMIT :batch)""",
    "delivery": """
        DELETE FROM delivery WHERE id IN (
            SELECT d.id FROM delivery d JOIN endpoint e ON e.id = d.endpoint_id
            WHERE (d.state <> 'QUEUED' OR e.state = 'disabled') AND d.created_at < :before LIMIT :batch)""",
    "assertion_seen": "DELETE FROM assertion_seen WHERE expires_at < :now",
    "presentation_challenge": "DELETE FROM presentation_challenge WHERE expires_at < :now",
    "bulk_export_file": """
        DELETE FROM bulk_export_file WHERE (export_id, number) IN (
            SELECT f.export_id, f.number FROM bulk_export_file f JOIN bulk_export e ON e.id = f.export_id
            WHERE e.expires_at < :now LIMIT :batch)""",
    "bulk_export": """
        DELETE FROM bulk_export WHERE id IN (
            SELECT e.id FROM bulk_export e WHERE e.expires_at < :now
              AND NOT EXISTS (SELECT 1 FROM bulk_export_file f WHERE f.export_id = e.id) LIMIT :batch)""",
    "subscription_event": """
        DELETE FROM subscription_event WHERE (subscription_id, number) IN (
            SELECT subscription_id, number FROM subscription_event WHERE at < :before LIMIT :batch)""",
    # Those that were admitted end with their member's leave of the sandbox (services.applications).
    "application": """
        DELETE FROM application WHERE id IN (
            SELECT id FROM application WHERE state <> 'ADMITTED' AND expires_at < :now LIMIT :batch)""",
    "rehearsal": """
        DELETE FROM rehearsal WHERE member_id IN (
            SELECT r.member_id FROM rehearsal r
            WHERE NOT EXISTS (SELECT 1 FROM application a WHERE a.member_id = r.member_id) LIMIT :batch)""",
    "promotion": "DELETE FROM promotion WHERE expires_at < :now",
    "login_session": "DELETE FROM login_session WHERE expires_at < :now",
    "sign_in_link": "DELETE FROM sign_in_link WHERE expires_at < :now",
    "schedule_slot": "DELETE FROM schedule_slot WHERE due_at < :before AND state <> 'CLAIMED'",
    # Two years of weeks.
    "drift_profile": """
        DELETE FROM drift_profile WHERE id IN (
            SELECT id FROM drift_profile ORDER BY measured_at DESC OFFSET 104 LIMIT :batch)""",
    "quarantined_row": """
        DELETE FROM quarantined_row WHERE id IN (
            SELECT id FROM quarantined_row WHERE state = 'released' AND released_at < :before LIMIT :batch)""",
    # What a retired linkage model made of pairs.
    "pair_score": """
        DELETE FROM pair_score WHERE (model, a, b) IN (
            SELECT p.model, p.a, p.b FROM linkage_model m JOIN pair_score p ON p.model = m.id
            WHERE m.state = 'RETIRED' LIMIT :batch)""",
}

KEPT: Final = frozenset(
    {
        # who takes part and on what terms
        "agreement", "consent", "endpoint", "exchange_case", "member", "member_bucket", "member_key", "member_quota", "trust_list",
        "user_account",
        # goes on counting as long as its resource has a history
        "subscription",
        # what was received and delivered: message ids are never used twice
        "submission", "mailbox_item", "notice",
        # records, persons and decisions
        "blocking_key", "decision_event", "link_constraint", "linkage_model", "membership", "membership_history",
        "person_event", "reconciliation_run", "reveal_request", "resource", "resource_alias", "resource_identifier",
        "resource_search", "resource_version",
        "review_lot", "review_task", "sample_pair", "sample_round", "source_link", "source_record",
        # evidence
        "access_event", "audit_leaf", "audit_node", "certificate", "checkpoint", "status_list",
        # goes when it is done
        "search_pending", "subscription_pending", "work_item",
    }
)  # fmt: skip
"""Tables without a rule."""


async def forget(connection: AsyncConnection, *, now: datetime, before: datetime) -> dict[str, int]:
    """Apply every rule to at most BATCH rows: `before` is where retention ends; rows deleted by table."""
    deleted = {}
    for table, rule in _RULES.items():
        statement = rule.replace("$over", _OVER)
        wanted = {"now": now, "before": before, "batch": BATCH}
        values = {name: value for name, value in wanted.items() if f":{name}" in statement}
        done = await connection.execute(text(statement), values)
        if done.rowcount:
            deleted[table] = done.rowcount
    return deleted
