"""The schema as SQLAlchemy Core tables; migrations are checked against it.

Columns that hold anything a county sent about a person are `Sealed` bytes: AES-GCM under the hub's key (storage.vault).
Times are timestamptz in UTC. Every table has an owner in `hub/storage/` and a retention rule in `jobs.retention`.
"""

from hub.storage.tables.base import metadata
from hub.storage.tables.evidence import access_event, audit_leaf, audit_node, checkpoint
from hub.storage.tables.exchange import (
    agreement,
    certificate,
    consent,
    delivery,
    exchange_case,
    mailbox_item,
    notice,
    presentation_challenge,
    status_list,
)
from hub.storage.tables.intake import (
    quarantined_row,
    resource,
    resource_identifier,
    resource_version,
    submission,
    submission_event,
    submission_issue,
    submission_part,
)
from hub.storage.tables.members import (
    assertion_seen,
    endpoint,
    login_session,
    member,
    member_key,
    sign_in_link,
    trust_list,
    user_account,
)
from hub.storage.tables.people import (
    blocking_key,
    decision_event,
    link_constraint,
    membership,
    membership_history,
    pair_score,
    person_event,
    reveal_request,
    review_lot,
    review_task,
    sample_pair,
    sample_round,
    source_record,
)
from hub.storage.tables.work import reconciliation_run, schedule_slot, work_item

__all__ = [
    "access_event",
    "agreement",
    "assertion_seen",
    "audit_leaf",
    "audit_node",
    "blocking_key",
    "certificate",
    "checkpoint",
    "consent",
    "decision_event",
    "delivery",
    "endpoint",
    "exchange_case",
    "link_constraint",
    "login_session",
    "mailbox_item",
    "member",
    "member_key",
    "membership",
    "membership_history",
    "metadata",
    "notice",
    "pair_score",
    "person_event",
    "presentation_challenge",
    "quarantined_row",
    "reconciliation_run",
    "resource",
    "resource_identifier",
    "resource_version",
    "reveal_request",
    "review_lot",
    "review_task",
    "sample_pair",
    "sample_round",
    "schedule_slot",
    "sign_in_link",
    "source_record",
    "status_list",
    "submission",
    "submission_event",
    "submission_issue",
    "submission_part",
    "trust_list",
    "user_account",
    "work_item",
]
