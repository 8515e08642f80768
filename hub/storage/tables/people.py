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
    Column("kind", Text, nullable=False, comment="MUST_LINK | CANNOT_LINK | RETRACT | DEFER"),
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
    Column("reason", Text, nullable=False, comment="uncertain | a veto's name | contradiction | duplicate-in-source"),
    Column("weight", REAL, nullable=False),
    Column("state", Text, nullable=False, comment="REVIEW | DEFERRED | CONFIRMED | REJECTED | WITHDRAWN"),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("member_ids", Longs, nullable=False, comment="members whose records are compared: who may see it"),
    Column("decided_by", Text, nullable=True),
    Column("decision_seq", BigInteger, nullable=True),
    moment("opened_at"),
    moment("deferred_until", nullable=True),
    moment("decided_at", nullable=True),
    UniqueConstraint("a", "b"),
    Index("ix_review_task_state_weight", "state", "weight"),
    Index("ix_review_task_member_ids", "member_ids", postgresql_using="gin"),
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
