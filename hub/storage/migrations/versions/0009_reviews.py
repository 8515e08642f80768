"""Reviews in depth: proposals, holds and lots, an explained order, and members that promise one record a person."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TASK = (
    ("approved_by", sa.Text(), None, "the second person, where one was needed"),
    ("reopened_seq", sa.BigInteger(), None, "the decision called into question; 0 is a link without one"),
    ("proposed", sa.Text(), None, "same | different, while it is PROPOSED"),
    ("assignee", sa.Text(), None, "who took it or was given it"),
    ("held_by", sa.Text(), None, "who has it open, until held_until"),
    ("bulk_id", sa.Uuid(), None, "the lot it was decided in"),
    ("priority", sa.Integer(), "0", "thousandths; the highest comes first"),
    ("ordering", postgresql.JSONB(), "{}", "why it has that priority"),
    ("expires_at", sa.DateTime(timezone=True), None, None),
    ("held_until", sa.DateTime(timezone=True), None, None),
    ("ordered_at", sa.DateTime(timezone=True), None, None),
)
# column, what it may say now, what it said before
_COMMENTS = (
    (
        "decision_event",
        "kind",
        "MUST_LINK | CANNOT_LINK | RETRACT | DEFER | PROPOSE | DECLINE | LAPSE | SOURCE_MERGE | SOURCE_UNMERGE",
        "MUST_LINK | CANNOT_LINK | RETRACT | DEFER | SOURCE_MERGE | SOURCE_UNMERGE",
    ),
    (
        "review_task",
        "reason",
        "uncertain | a veto's name | contradiction | new-evidence | audit-sample",
        "uncertain | a veto's name | contradiction | duplicate-in-source",
    ),
    (
        "review_task",
        "state",
        "REVIEW | DEFERRED | PROPOSED | CONFIRMED | REJECTED | WITHDRAWN",
        "REVIEW | DEFERRED | CONFIRMED | REJECTED | WITHDRAWN",
    ),
    ("review_task", "decision_seq", "the newest decision_event about it", None),
)
_RUN = ("rules", "since", "report")
_LOOKED_UP = ("held_by", "assignee", "reopened_seq", "bulk_id")
_SUBJECTS = ("certificate", "mailbox_item")


def _task_and_member() -> None:
    for name, type_, default, comment in _TASK:
        nullable = default is None
        op.add_column("review_task", sa.Column(name, type_, nullable=nullable, server_default=default, comment=comment))
    # The likeliest come first, as before, until what hangs on them has been looked at.
    op.execute("UPDATE review_task SET priority = greatest(-2000000, least(2000000, round(weight)::int))")
    op.drop_index("ix_review_task_state_weight", table_name="review_task")
    op.create_index("ix_review_task_state_priority", "review_task", ["state", "priority"])
    for column in _LOOKED_UP:
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_review_task_{column}", "review_task", [column], postgresql_where=where)
    op.add_column(
        "member",
        sa.Column(
            "unique_records",
            sa.Boolean(),
            nullable=False,
            server_default="false",
            comment="it promises one live record a person: two of its records are never linked without a decision",
        ),
    )
    for table in _SUBJECTS:
        op.create_index(f"ix_{table}_subject", table, ["subject"])


def _comment(*, now: bool) -> None:
    for table, column, new, old in _COMMENTS:
        op.alter_column(table, column, comment=new if now else old, existing_comment=old if now else new)


def _lots() -> None:
    op.create_table(
        "review_lot",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_for", sa.Text(), nullable=False, comment="the reason of its conflicts"),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="RUNNING | DONE | UNDONE"),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("skipped", postgresql.JSONB(), nullable=False, comment="how many were passed over, by why"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_lot")),
    )
    op.create_index("ix_review_lot_created_at", "review_lot", ["created_at"])


def _samples() -> None:
    op.create_table(
        "sample_round",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("drawn_by", sa.Text(), nullable=False),
        sa.Column("strata", postgresql.JSONB(), nullable=False, comment="[{zone, low, high, population}…]"),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_round")),
    )
    op.create_index("ix_sample_round_drawn_at", "sample_round", ["drawn_at"])
    seen_by = "members whose records are compared: who may see it"
    op.create_table(
        "sample_pair",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("stratum", sa.Integer(), nullable=False, comment="place in the round's strata"),
        sa.Column("place", sa.Integer(), nullable=False, comment="in the order of judging"),
        sa.Column("a", sa.BigInteger(), nullable=False),
        sa.Column("b", sa.BigInteger(), nullable=False),
        sa.Column("member_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False, comment=seen_by),
        sa.Column("answer", sa.Text(), nullable=True, comment="same | different | unsure"),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_pair")),
    )
    op.create_index("ix_sample_pair_round_id_place", "sample_pair", ["round_id", "place"])


def _drift() -> None:
    counts = "counts of pairs and records (linkage.drift.Profile)"
    op.create_table(
        "drift_profile",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("profile", postgresql.JSONB(), nullable=False, comment=counts),
        sa.Column("findings", postgresql.JSONB(), nullable=False, comment="what had moved"),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift_profile")),
    )
    op.create_index("ix_drift_profile_measured_at", "drift_profile", ["measured_at"])


def upgrade() -> None:
    """Apply."""
    _comment(now=True)
    _task_and_member()
    _lots()
    _samples()
    _drift()
    rules, who = "digest of the model and members' promises", "only records changed after it; null is everybody"
    op.add_column("reconciliation_run", sa.Column("rules", sa.Text(), nullable=False, server_default="", comment=rules))
    op.add_column("reconciliation_run", sa.Column("since", sa.DateTime(timezone=True), nullable=True, comment=who))
    op.add_column("reconciliation_run", sa.Column("report", postgresql.JSONB(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Undo; a proposal waits for a decision again."""
    for name in _RUN:
        op.drop_column("reconciliation_run", name)
    for table in ("drift_profile", "sample_pair", "sample_round", "review_lot"):
        op.drop_table(table)
    for table in _SUBJECTS:
        op.drop_index(f"ix_{table}_subject", table_name=table)
    op.drop_column("member", "unique_records")
    op.execute("UPDATE review_task SET state = 'REVIEW', version = version + 1 WHERE state = 'PROPOSED'")
    for column in _LOOKED_UP:
        op.drop_index(f"ix_review_task_{column}", table_name="review_task")
    op.drop_index("ix_review_task_state_priority", table_name="review_task")
    op.create_index("ix_review_task_state_weight", "review_task", ["state", "weight"])
    for name, *_ in _TASK:
        op.drop_column("review_task", name)
    _comment(now=False)
