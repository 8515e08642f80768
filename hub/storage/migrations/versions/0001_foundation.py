"""The foundation: members, intake, people, exchange, evidence, work."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("CREATE SEQUENCE submission_change")
    op.create_table(
        "access_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False, comment="member on whose behalf"),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column(
            "subject",
            sa.LargeBinary(),
            nullable=True,
            comment="blind index of member|record id where no person is known",
        ),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, comment="permit | the reason of the refusal"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_event")),
    )
    op.create_index("ix_access_event_person_id", "access_event", ["person_id"], unique=False)
    op.create_index("ix_access_event_subject", "access_event", ["subject"], unique=False)
    op.create_table(
        "assertion_seen",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "jti", name=op.f("pk_assertion_seen")),
    )
    op.create_table(
        "audit_leaf",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="RFC 9162 leaf hash of salt || canonical content"),
        sa.Column("salt", sa.LargeBinary(), nullable=True, comment="erasing it erases the link to the content"),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("tree_index", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_leaf")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_leaf_hash")),
        sa.UniqueConstraint("tree_index", name=op.f("uq_audit_leaf_tree_index")),
    )
    op.create_index("ix_audit_leaf_unplaced", "audit_leaf", ["id"], unique=False, postgresql_where="tree_index IS NULL")
    op.create_table(
        "audit_node",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_audit_node")),
    )
    op.create_table(
        "blocking_key",
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "record_id", name=op.f("pk_blocking_key")),
    )
    op.create_index("ix_blocking_key_record_id", "blocking_key", ["record_id"], unique=False)
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "decision_event",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="MUST_LINK | CANNOT_LINK | RETRACT | DEFER"),
        sa.Column("subjects", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment="source_record ids"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("approver", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("supersedes", sa.BigInteger(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_decision_event")),
    )
    op.create_index("ix_decision_event_subjects", "decision_event", ["subjects"], unique=False, postgresql_using="gin")
    op.create_table(
        "exchange_case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column(
            "subject", sa.LargeBinary(), nullable=False, comment="blind index of the opener's record id of the person"
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_member", sa.BigInteger(), nullable=False),
        sa.Column("to_member", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="OPEN | CLOSED"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_case")),
        sa.UniqueConstraint(
            "from_member",
            "to_member",
            "kind",
            "subject",
            name=op.f("uq_exchange_case_from_member_to_member_kind_subject"),
        ),
    )
    op.create_index(op.f("ix_exchange_case_person_id"), "exchange_case", ["person_id"], unique=False)
    op.create_table(
        "link_constraint",
        sa.Column("a", sa.BigInteger(), nullable=False),
        sa.Column("b", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="MUST | CANNOT: the decision in force, a projection of decision_event",
        ),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("a", "b", name=op.f("pk_link_constraint")),
    )
    op.create_index("ix_link_constraint_b", "link_constraint", ["b"], unique=False)
    op.create_table(
        "member",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="county | partner | hub"),
        sa.Column("display", sa.Text(), nullable=False),
        sa.Column("display_zh", sa.Text(), nullable=False),
        sa.Column(
            "divisions",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="12-digit codes whose territory the member answers for",
        ),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("name", name=op.f("uq_member_name")),
    )
    op.create_table(
        "membership",
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False, comment="person_event that put it there"),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_person_id"), "membership", ["person_id"], unique=False)
    op.create_table(
        "membership_history",
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("from_event", sa.BigInteger(), nullable=False),
        sa.Column("to_event", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "from_event", name=op.f("pk_membership_history")),
    )
    op.create_table(
        "pair_score",
        sa.Column("a", sa.BigInteger(), nullable=False),
        sa.Column("b", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.REAL(), nullable=False, comment="match weight, bits"),
        sa.Column("probability", sa.REAL(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False, comment="auto | review"),
        sa.Column("vetoes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("levels", sa.LargeBinary(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("a", "b", name=op.f("pk_pair_score")),
    )
    op.create_index("ix_pair_score_b", "pair_score", ["b"], unique=False)
    op.create_table(
        "person_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, comment="ingest | decision | reconciliation"),
        sa.Column("decision_seq", sa.BigInteger(), nullable=True),
        sa.Column(
            "moves",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="[[record, from person or null, to person]…]",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_event")),
    )
    op.create_table(
        "presentation_challenge",
        sa.Column("nonce_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("nonce_hash", name=op.f("pk_presentation_challenge")),
    )
    op.create_table(
        "reconciliation_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="RUNNING | DONE"),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), server_default="0", nullable=False, comment="last source_record examined"),
        sa.Column("last_record", sa.BigInteger(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_run")),
        sa.UniqueConstraint("cause", name=op.f("uq_reconciliation_run_cause")),
    )
    op.create_table(
        "resource",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "record_key", sa.LargeBinary(), nullable=False, comment="blind index of the sender's own key of the record"
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
        sa.UniqueConstraint("member_id", "type", "record_key", name=op.f("uq_resource_member_id_type_record_key")),
    )
    op.create_table(
        "resource_identifier",
        sa.Column("value", sa.LargeBinary(), nullable=False, comment="blind index of system|value"),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("value", "resource_id", name=op.f("pk_resource_identifier")),
    )
    op.create_index(op.f("ix_resource_identifier_resource_id"), "resource_identifier", ["resource_id"], unique=False)
    op.create_table(
        "resource_version",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the canonical bytes"),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=True),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", "version", name=op.f("pk_resource_version")),
    )
    op.create_index(op.f("ix_resource_version_submission_id"), "resource_version", ["submission_id"], unique=False)
    op.create_table(
        "review_task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("a", sa.BigInteger(), nullable=False),
        sa.Column("b", sa.BigInteger(), nullable=False),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=False,
            comment="uncertain | a veto's name | contradiction | duplicate-in-source",
        ),
        sa.Column("weight", sa.REAL(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="REVIEW | DEFERRED | CONFIRMED | REJECTED | WITHDRAWN"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "member_ids",
            postgresql.ARRAY(sa.BigInteger()),
            nullable=False,
            comment="members whose records are compared: who may see it",
        ),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decision_seq", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deferred_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_task")),
        sa.UniqueConstraint("a", "b", name=op.f("uq_review_task_a_b")),
    )
    op.create_index("ix_review_task_member_ids", "review_task", ["member_ids"], unique=False, postgresql_using="gin")
    op.create_index("ix_review_task_state_weight", "review_task", ["state", "weight"], unique=False)
    op.create_table(
        "schedule_slot",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="CLAIMED | DONE | FAILED"),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False),
        sa.Column("outcome", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("schedule", "due_at", name=op.f("pk_schedule_slot")),
    )
    op.create_table(
        "source_record",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "anchor", sa.Uuid(), nullable=False, comment="person id this record lends to a person it is oldest of"
        ),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("live", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_record")),
        sa.UniqueConstraint("anchor", name=op.f("uq_source_record_anchor")),
        sa.UniqueConstraint("resource_id", name=op.f("uq_source_record_resource_id")),
    )
    op.create_table(
        "status_list",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("allocated", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "document",
            sa.Text(),
            nullable=True,
            comment="signed token made from the certificates; null once one changed",
        ),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_list")),
    )
    op.create_table(
        "trust_list",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False, comment="the signed list exactly as published"),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_trust_list")),
    )
    op.create_table(
        "work_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="translate | replay"),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="5", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="READY", nullable=False, comment="READY | DEAD"),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("available_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_work_item_kind_subject")),
    )
    op.create_index(
        "ix_work_item_ready", "work_item", ["priority", "id"], unique=False, postgresql_where="state = 'READY'"
    )
    op.create_table(
        "agreement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("from_member", sa.BigInteger(), nullable=False),
        sa.Column("to_member", sa.BigInteger(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("purposes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("case_required", sa.Boolean(), nullable=False),
        sa.Column("answer_days", sa.Integer(), nullable=False, comment="working days in which a notice is answered"),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["from_member"], ["member.id"], name=op.f("fk_agreement_from_member")),
        sa.ForeignKeyConstraint(["to_member"], ["member.id"], name=op.f("fk_agreement_to_member")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
    )
    op.create_index("ix_agreement_from_member_to_member", "agreement", ["from_member", "to_member"], unique=False)
    op.create_table(
        "certificate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False, comment="blind index of kind|number"),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("list_id", sa.BigInteger(), nullable=False),
        sa.Column("list_index", sa.Integer(), nullable=False),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=True, comment="SHA-256 of the issuer-signed token; null until issued"
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="registered | valid | revoked | suspended | superseded"),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column(
            "receipt", sa.Text(), nullable=True, comment="given when the digest was recorded, and again on a repeat"
        ),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True, comment="as the issuer says"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the log took up the digest; a thief cannot write it",
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["issuer_id"], ["member.id"], name=op.f("fk_certificate_issuer_id")),
        sa.ForeignKeyConstraint(["list_id"], ["status_list.id"], name=op.f("fk_certificate_list_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
        sa.UniqueConstraint("issuer_id", "message_id", name=op.f("uq_certificate_issuer_id_message_id")),
        sa.UniqueConstraint("list_id", "list_index", name=op.f("uq_certificate_list_id_list_index")),
    )
    op.create_index(
        "uq_certificate_kind_number_live",
        "certificate",
        ["kind", "number"],
        unique=True,
        postgresql_where="status NOT IN ('revoked', 'superseded')",
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=False, comment="blind index of the sender's consent number"),
        sa.Column(
            "subject", sa.LargeBinary(), nullable=False, comment="blind index of the sender's record id of the person"
        ),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("purposes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("recipient_divisions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_consent_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("member_id", "reference", name=op.f("uq_consent_member_id_reference")),
    )
    op.create_index("ix_consent_member_id_subject", "consent", ["member_id", "subject"], unique=False)
    op.create_table(
        "endpoint",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="webhook"),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False, comment="active | failing | disabled"),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_endpoint_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoint")),
        sa.UniqueConstraint("member_id", "channel", name=op.f("uq_endpoint_member_id_channel")),
    )
    op.create_table(
        "member_key",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False, comment="auth | sig | enc | status"),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("types", postgresql.ARRAY(sa.Text()), nullable=False, comment="record kinds the key may sign"),
        sa.Column("jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("compromised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_member_key_member_id")),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_member_key")),
    )
    op.create_index(op.f("ix_member_key_member_id"), "member_key", ["member_id"], unique=False)
    op.create_table(
        "submission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=True, comment="null for sealed envelopes"),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("file_name", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the received bytes"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "acknowledgement", sa.LargeBinary(), nullable=False, comment="the stored answer, sent again byte for byte"
        ),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("in_response_to", sa.Uuid(), nullable=True),
        sa.Column("supersedes", sa.Uuid(), nullable=True),
        sa.Column(
            "rows",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="rows read so far; translation resumes behind them",
        ),
        sa.Column("translated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("quarantined", sa.Integer(), server_default="0", nullable=False),
        sa.Column("linked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("review", sa.Integer(), server_default="0", nullable=False),
        sa.Column("issues", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed", sa.BigInteger(), server_default=sa.text("nextval('submission_change')"), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_submission_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("member_id", "message_id", name=op.f("uq_submission_member_id_message_id")),
    )
    op.create_index("ix_submission_member_id_changed", "submission", ["member_id", "changed"], unique=False)
    op.create_table(
        "user_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column(
            "totp_step",
            sa.BigInteger(),
            nullable=True,
            comment="time step of the last code accepted: none counts twice",
        ),
        sa.Column("member_id", sa.BigInteger(), nullable=True, comment="region; null = the hub's own staff"),
        sa.Column(
            "roles",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="steward | supervisor | administrator | auditor",
        ),
        sa.Column("language", sa.Text(), server_default="zh", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_user_account_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("name", name=op.f("uq_user_account_name")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False, comment="mailbox | digest | duplicate | deadline | endpoint"),
        sa.Column(
            "dedupe", sa.Text(), nullable=False, comment="what makes it one: a second with the same value is not sent"
        ),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="content-free notice, canonical JSON"),
        sa.Column("state", sa.Text(), nullable=False, comment="QUEUED | PUSHED | DEAD"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoint.id"], name=op.f("fk_delivery_endpoint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("endpoint_id", "dedupe", name=op.f("uq_delivery_endpoint_id_dedupe")),
    )
    op.create_index("ix_delivery_next_at", "delivery", ["next_at"], unique=False, postgresql_where="state = 'QUEUED'")
    op.create_table(
        "login_session",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_login_session_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_login_session")),
    )
    op.create_index(op.f("ix_login_session_user_id"), "login_session", ["user_id"], unique=False)
    op.create_table(
        "mailbox_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.BigInteger(), nullable=False),
        sa.Column("recipient_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column(
            "subject", sa.LargeBinary(), nullable=False, comment="blind index of the sender's record id of the person"
        ),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="AVAILABLE | RECEIVED | PROCESSED | BUSINESS_ERROR | VOIDED | EXPIRED | DEAD",
        ),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("errors", sa.LargeBinary(), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True, comment="the last signed receipt, given again on a repeat"),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_mailbox_item_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox_item")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_mailbox_item_submission_id")),
    )
    op.create_index(op.f("ix_mailbox_item_consent_id"), "mailbox_item", ["consent_id"], unique=False)
    op.create_index(
        "ix_mailbox_item_waiting",
        "mailbox_item",
        ["recipient_id", "queued_at"],
        unique=False,
        postgresql_where="state IN ('AVAILABLE', 'RECEIVED')",
    )
    op.create_table(
        "quarantined_row",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("mapping_digest", sa.Text(), nullable=False),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.Column("codes", sa.Text(), nullable=False, comment="issue codes, comma-separated"),
        sa.Column("state", sa.Text(), server_default="held", nullable=False, comment="held | released"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_quarantined_row_submission_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_row")),
        sa.UniqueConstraint("submission_id", "row", name=op.f("uq_quarantined_row_submission_id_row")),
    )
    op.create_index(
        "ix_quarantined_row_mapping_held",
        "quarantined_row",
        ["mapping"],
        unique=False,
        postgresql_where="state = 'held'",
    )
    op.create_table(
        "sign_in_link",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_sign_in_link_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_link")),
    )
    op.create_table(
        "submission_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_submission_event_submission_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission_event")),
    )
    op.create_index(op.f("ix_submission_event_submission_id"), "submission_event", ["submission_id"], unique=False)
    op.create_table(
        "submission_issue",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("column", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_submission_issue_submission_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission_issue")),
    )
    op.create_index(op.f("ix_submission_issue_submission_id"), "submission_issue", ["submission_id"], unique=False)
    op.create_table(
        "submission_part",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="at most 1 MiB of the received bytes"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_submission_part_submission_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("submission_id", "seq", name=op.f("pk_submission_part")),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("mailbox_item_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=False, comment="who owes the answer"),
        sa.Column("to_member", sa.BigInteger(), nullable=False, comment="who waits for it"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="OPEN | ANSWERED | OVERDUE"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["mailbox_item_id"], ["mailbox_item.id"], name=op.f("fk_notice_mailbox_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("mailbox_item_id", name=op.f("uq_notice_mailbox_item_id")),
    )
    op.create_index("ix_notice_due_at", "notice", ["due_at"], unique=False, postgresql_where="state = 'OPEN'")


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_notice_due_at", table_name="notice", postgresql_where="state = 'OPEN'")
    op.drop_table("notice")
    op.drop_table("submission_part")
    op.drop_index(op.f("ix_submission_issue_submission_id"), table_name="submission_issue")
    op.drop_table("submission_issue")
    op.drop_index(op.f("ix_submission_event_submission_id"), table_name="submission_event")
    op.drop_table("submission_event")
    op.drop_table("sign_in_link")
    op.drop_index("ix_quarantined_row_mapping_held", table_name="quarantined_row", postgresql_where="state = 'held'")
    op.drop_table("quarantined_row")
    op.drop_index(
        "ix_mailbox_item_waiting", table_name="mailbox_item", postgresql_where="state IN ('AVAILABLE', 'RECEIVED')"
    )
    op.drop_index(op.f("ix_mailbox_item_consent_id"), table_name="mailbox_item")
    op.drop_table("mailbox_item")
    op.drop_index(op.f("ix_login_session_user_id"), table_name="login_session")
    op.drop_table("login_session")
    op.drop_index("ix_delivery_next_at", table_name="delivery", postgresql_where="state = 'QUEUED'")
    op.drop_table("delivery")
    op.drop_table("user_account")
    op.drop_index("ix_submission_member_id_changed", table_name="submission")
    op.drop_table("submission")
    op.drop_index(op.f("ix_member_key_member_id"), table_name="member_key")
    op.drop_table("member_key")
    op.drop_table("endpoint")
    op.drop_index("ix_consent_member_id_subject", table_name="consent")
    op.drop_table("consent")
    op.drop_index(
        "uq_certificate_kind_number_live",
        table_name="certificate",
        postgresql_where="status NOT IN ('revoked', 'superseded')",
    )
    op.drop_table("certificate")
    op.drop_index("ix_agreement_from_member_to_member", table_name="agreement")
    op.drop_table("agreement")
    op.drop_index("ix_work_item_ready", table_name="work_item", postgresql_where="state = 'READY'")
    op.drop_table("work_item")
    op.drop_table("trust_list")
    op.drop_table("status_list")
    op.drop_table("source_record")
    op.drop_table("schedule_slot")
    op.drop_index("ix_review_task_state_weight", table_name="review_task")
    op.drop_index("ix_review_task_member_ids", table_name="review_task", postgresql_using="gin")
    op.drop_table("review_task")
    op.drop_index(op.f("ix_resource_version_submission_id"), table_name="resource_version")
    op.drop_table("resource_version")
    op.drop_index(op.f("ix_resource_identifier_resource_id"), table_name="resource_identifier")
    op.drop_table("resource_identifier")
    op.drop_table("resource")
    op.drop_table("reconciliation_run")
    op.drop_table("presentation_challenge")
    op.drop_table("person_event")
    op.drop_index("ix_pair_score_b", table_name="pair_score")
    op.drop_table("pair_score")
    op.drop_table("membership_history")
    op.drop_index(op.f("ix_membership_person_id"), table_name="membership")
    op.drop_table("membership")
    op.drop_table("member")
    op.drop_index("ix_link_constraint_b", table_name="link_constraint")
    op.drop_table("link_constraint")
    op.drop_index(op.f("ix_exchange_case_person_id"), table_name="exchange_case")
    op.drop_table("exchange_case")
    op.drop_index("ix_decision_event_subjects", table_name="decision_event", postgresql_using="gin")
    op.drop_table("decision_event")
    op.drop_table("checkpoint")
    op.drop_index("ix_blocking_key_record_id", table_name="blocking_key")
    op.drop_table("blocking_key")
    op.drop_table("audit_node")
    op.drop_index("ix_audit_leaf_unplaced", table_name="audit_leaf", postgresql_where="tree_index IS NULL")
    op.drop_table("audit_leaf")
    op.drop_table("assertion_seen")
    op.drop_index("ix_access_event_subject", table_name="access_event")
    op.drop_index("ix_access_event_person_id", table_name="access_event")
    op.drop_table("access_event")
    op.execute("DROP SEQUENCE submission_change")
