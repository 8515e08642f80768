"""Subscriptions: who wants to be told of what, what happened, and the numbered events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def _moment(name: str, *, nullable: bool = True, comment: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _count(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False, comment=comment)


def upgrade() -> None:
    """Apply."""
    _add_subscriptions()
    op.create_table(
        "subscription_pending",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False, comment="of the resource; '' of what is none"),
        sa.Column("subject", sa.Uuid(), nullable=False, comment="resource or mailbox item"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        _moment("at", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscription_pending"),
    )
    op.create_table(
        "subscription_event",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        _moment("at", nullable=False),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.id"], name="fk_subscription_event_subscription_id"),
        sa.PrimaryKeyConstraint("subscription_id", "number", name="pk_subscription_event"),
    )
    op.create_index("ix_subscription_event_at", "subscription_event", ["at"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("subscription_event")
    op.drop_table("subscription_pending")
    op.drop_table("subscription")


def _add_subscriptions() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the resource that it is taken from"),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column(
            "types",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="of resources that it is about; none is every type",
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="requested | active | error | off"),
        sa.Column(
            "listening", sa.Boolean(), nullable=False, comment="what happens is numbered: active, or was and is not off"
        ),
        _count("events", "the number of the newest event"),
        _count("sent", "the last that the receiver has taken"),
        _count("offered", "the last of the notification under way"),
        sa.Column("most", sa.Integer(), nullable=False, comment="events of one notification"),
        sa.Column("heartbeat_seconds", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False, comment="of what is under way"),
        sa.Column("last_error", sa.Text(), nullable=True),
        _moment("failing_since"),
        _moment("since", comment="what happened before is not told"),
        _moment("next_at", comment="when something is to be sent; null while there is nothing"),
        _moment("ends_at"),
        sa.PrimaryKeyConstraint("id", name="pk_subscription"),
    )
    op.create_index("ix_subscription_member_id", "subscription", ["member_id"])
    op.create_index(
        "ix_subscription_next_at",
        "subscription",
        ["next_at"],
        postgresql_where=sa.text("state IN ('requested', 'active')"),
    )
