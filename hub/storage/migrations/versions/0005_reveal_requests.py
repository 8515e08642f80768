"""A region is asked before its record's numbers are shown in full to another."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "reveal_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False, comment="the record that is asked for"),
        sa.Column("member_id", sa.BigInteger(), nullable=False, comment="whose record it is, and who answers"),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False, comment="of who asks"),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="ASKED | APPROVED | DENIED"),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=True, comment="MAC over what the row decides"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reveal_request")),
    )
    op.create_index("ix_reveal_request_task_id", "reveal_request", ["task_id"])
    op.create_index("ix_reveal_request_member_id", "reveal_request", ["member_id"])
    counted = sa.text("act IN ('reveal', 'ask-reveal')")
    op.create_index("ix_access_event_actor_at", "access_event", ["actor", "at"], postgresql_where=counted)


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_access_event_actor_at", table_name="access_event")
    op.drop_table("reveal_request")
