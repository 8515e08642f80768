"""Records of people, what their comparison gave, what was decided, and the persons that follow from it.

Rows arrive here by the hundred thousand: tables have the indexes that are read and no foreign keys (a check a row);
their integrity is kept by `services.linking`, under its locks, and held by its property tests.
"""

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.storage.tables.base import Longs, Sealed, Texts, key, metadata, moment, seal, serial

source_record = Table(
    "source_record",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("resource_id", Uuid, nullable=False, unique=True),
    Column("member_id", BigInteger, nullable=False),
    Column(
        "anchor", Uuid, nullable=False, unique=True, comment="person id this record lends to a person it is oldest of"
    ),
    Column("features", Sealed, nullable=False),
    Column("version", Integer, nullable=False),
    Column("live", Boolean, nullable=False, server_default="true"),
    moment("seen_at"),
)

blocking_key = Table(
    "blocking_key",
    metadata,
    Column("key", BigInteger, primary_key=True),
    Column("record_id", BigInteger, primary_key=True),
    Index("ix_blocking_key_record_id", "record_id"),
)

linkage_model = Table(
    "linkage_model",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="its epoch"),
    Column("hash", Text, nullable=False),
    Column("content", Sealed, nullable=False, comment="the model file: its tables of names come from real people"),
    Column("state", Text, nullable=False, comment="SHADOW | IN_FORCE | FORMER | RETIRED"),
    Column("cursor", BigInteger, nullable=False, server_default="0", comment="records up to it are scored by a shadow"),
    Column("last_record", BigInteger, nullable=False, server_default="0", comment="those behind it at their arrival"),
    Column("proposed_by", Text, nullable=True),
    Column("approved_by", Text, nullable=True),
    Column("digest", Text, nullable=True, comment="of the difference that was approved"),
    moment("state_at"),
    seal(),
    Index("uq_linkage_model_state", "state", unique=True, postgresql_where=text("state <> 'RETIRED'")),
)

pair_score = Table(
    "pair_score",
    metadata,
    Column("a", BigInteger, primary_key=True),
    Column("b", BigInteger, primary_key=True),
    Column("weight", REAL, nullable=False, comment="match weight, bits"),
    Column("probability", REAL, nullable=False),
    Column("decision", Text, nullable=False, comment="auto | review"),
    Column("vetoes", Texts, nullable=False),
    Column("levels", LargeBinary, nullable=False),
    Column(
        "model", Integer, primary_key=True, comment="linkage_model; persons follow from the scores of that in force"
    ),
    Index("ix_pair_score_b", "b"),
)

decision_event = Table(
    "decision_event",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column(
        "kind",
        Text,
        nullable=False,
        comment="MUST_LINK | CANNOT_LINK | RETRACT | DEFER | PROPOSE | DECLINE | LAPSE | SOURCE_MERGE | SOURCE_UNMERGE",
    ),
    Column("subjects", Longs, nullable=False, comment="source_record ids"),
    Column("actor", Text, nullable=False),
    Column("approver", Text, nullable=True),
    Column("reason", Text, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("supersedes", BigInteger, nullable=True),
    moment("valid_from"),
    moment("recorded_at", now=True),
    Index("ix_decision_event_subjects", "subjects", postgresql_using="gin"),
)

link_constraint = Table(
    "link_constraint",
    metadata,
    Column("a", BigInteger, primary_key=True),
    Column("b", BigInteger, primary_key=True),
    Column(
        "kind", Text, nullable=False, comment="MUST | CANNOT: the decision in force, a projection of decision_event"
    ),
    Column("seq", BigInteger, nullable=False),
    Index("ix_link_constraint_b", "b"),
)

source_link = Table(
    "source_link",
    metadata,
    Column("resource_id", Uuid, primary_key=True, comment="the record that its source has replaced"),
    Column("member_id", BigInteger, nullable=False),
    Column("survivor", LargeBinary, nullable=False, comment="blind index of the identifier that replaces it"),
    Index("ix_source_link_member_id_survivor", "member_id", "survivor"),
)

membership = Table(
    "membership",
    metadata,
    Column("record_id", BigInteger, primary_key=True),
    Column("person_id", Uuid, nullable=False, index=True),
    Column("since", BigInteger, nullable=False, comment="person_event that put it there"),
)

membership_history = Table(
    "membership_history",
    metadata,
    Column("record_id", BigInteger, primary_key=True),
    Column("from_event", BigInteger, primary_key=True),
    Column("to_event", BigInteger, nullable=False),
    Column("person_id", Uuid, nullable=False),
)

person_event = Table(
    "person_event",
    metadata,
    serial(),
    Column("cause", Text, nullable=False, comment="ingest | decision | reconciliation | model"),
    Column("decision_seq", BigInteger, nullable=True),
    Column("moves", JSONB, nullable=False, comment="[[record, from person or null, to person]…]"),
    moment("at"),
)

review_task = Table(
    "review_task",
    metadata,
    key(),
    Column("a", BigInteger, nullable=False),
    Column("b", BigInteger, nullable=False),
    Column(
        "reason",
        Text,
        nullable=False,
        comment="uncertain | a veto's name | contradiction | new-evidence | audit-sample",
    ),
    Column("weight", REAL, nullable=False),
    Column("state", Text, nullable=False, comment="REVIEW | DEFERRED | PROPOSED | CONFIRMED | REJECTED | WITHDRAWN"),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("member_ids", Longs, nullable=False, comment="members whose records are compared: who may see it"),
    Column("decided_by", Text, nullable=True),
    Column("approved_by", Text, nullable=True, comment="the second person, where one was needed"),
    Column("decision_seq", BigInteger, nullable=True, comment="the newest decision_event about it"),
    Column(
        "reopened_seq", BigInteger, nullable=True, comment="the decision called into question; 0 is a link without one"
    ),
    Column("proposed", Text, nullable=True, comment="same | different, while it is PROPOSED"),
    Column("assignee", Text, nullable=True, comment="who took it or was given it"),
    Column("held_by", Text, nullable=True, comment="who has it open, until held_until"),
    Column("bulk_id", Uuid, nullable=True, comment="the lot it was decided in"),
    Column("priority", Integer, nullable=False, server_default="0", comment="thousandths; the highest comes first"),
    Column("ordering", JSONB, nullable=False, server_default="{}", comment="why it has that priority"),
    moment("opened_at"),
    moment("deferred_until", nullable=True),
    moment("decided_at", nullable=True),
    moment("expires_at", nullable=True),
    moment("held_until", nullable=True),
    moment("ordered_at", nullable=True),
    UniqueConstraint("a", "b"),
    Index("ix_review_task_b", "b"),
    Index("ix_review_task_state_priority", "state", "priority"),
    Index("ix_review_task_held_by", "held_by", postgresql_where="held_by IS NOT NULL"),
    Index("ix_review_task_assignee", "assignee", postgresql_where="assignee IS NOT NULL"),
    Index("ix_review_task_reopened_seq", "reopened_seq", postgresql_where="reopened_seq IS NOT NULL"),
    Index("ix_review_task_bulk_id", "bulk_id", postgresql_where="bulk_id IS NOT NULL"),
    Index("ix_review_task_member_ids", "member_ids", postgresql_using="gin"),
)

review_lot = Table(
    "review_lot",
    metadata,
    key(),
    Column("actor", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("opened_for", Text, nullable=False, comment="the reason of its conflicts"),
    Column("band", Text, nullable=False),
    Column("total", Integer, nullable=False),
    moment("created_at"),
    Column("state", Text, nullable=False, comment="RUNNING | DONE | UNDONE"),
    Column("done", Integer, nullable=False),
    Column("skipped", JSONB, nullable=False, comment="how many were passed over, by why"),
    Index("ix_review_lot_created_at", "created_at"),
)

sample_round = Table(
    "sample_round",
    metadata,
    key(),
    Column("model", Text, nullable=False),
    Column("drawn_by", Text, nullable=False),
    Column("strata", JSONB, nullable=False, comment="[{zone, low, high, population}…]"),
    moment("drawn_at"),
    Index("ix_sample_round_drawn_at", "drawn_at"),
)

sample_pair = Table(
    "sample_pair",
    metadata,
    key(),
    Column("round_id", Uuid, nullable=False),
    Column("stratum", Integer, nullable=False, comment="place in the round's strata"),
    Column("place", Integer, nullable=False, comment="in the order of judging"),
    Column("a", BigInteger, nullable=False),
    Column("b", BigInteger, nullable=False),
    Column("member_ids", Longs, nullable=False, comment="members whose records are compared: who may see it"),
    Column("answer", Text, nullable=True, comment="same | different | unsure"),
    Column("answered_by", Text, nullable=True),
    moment("answered_at", nullable=True),
    Index("ix_sample_pair_round_id_place", "round_id", "place"),
)

drift_profile = Table(
    "drift_profile",
    metadata,
    key(),
    Column("model", Text, nullable=False),
    Column("profile", JSONB, nullable=False, comment="counts of pairs and records (linkage.drift.Profile)"),
    Column("findings", JSONB, nullable=False, comment="what had moved"),
    moment("measured_at"),
    Index("ix_drift_profile_measured_at", "measured_at"),
)

reveal_request = Table(
    "reveal_request",
    metadata,
    key(),
    Column("task_id", Uuid, nullable=False, index=True),
    Column("record_id", BigInteger, nullable=False, comment="the record that is asked for"),
    Column("member_id", BigInteger, nullable=False, index=True, comment="whose record it is, and who answers"),
    Column("asked_by", Text, nullable=False),
    Column("region", Text, nullable=False, comment="of who asks"),
    Column("purpose", Text, nullable=False),
    Column("state", Text, nullable=False, comment="ASKED | APPROVED | DENIED"),
    Column("answered_by", Text, nullable=True),
    moment("asked_at"),
    moment("answered_at", nullable=True),
    moment("expires_at"),
    seal(),
)
