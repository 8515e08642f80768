"""A resource remembers when what it says was last said; a notice can be void."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COMMENT = "when the newest document that says what is current was received"
_ROW = "and in which of its rows it stands"


def upgrade() -> None:
    """Apply."""
    # With defaults, so that workers of the version before go on storing beside this one.
    now = sa.text("now()")
    op.add_column(
        "resource",
        sa.Column("said_at", sa.DateTime(timezone=True), server_default=now, nullable=False, comment=_COMMENT),
    )
    op.add_column(
        "resource",
        sa.Column("said_row", sa.Integer(), server_default="0", nullable=False, comment=_ROW),
    )
    op.execute("""
        UPDATE resource SET said_at = COALESCE(s.received_at, updated_at), said_row = COALESCE(v.row, 0)
        FROM resource_version v LEFT JOIN submission s ON s.id = v.submission_id
        WHERE v.resource_id = resource.id AND v.version = resource.version""")
    op.alter_column("notice", "state", comment="OPEN | ANSWERED | OVERDUE | VOIDED")


def downgrade() -> None:
    """Undo."""
    op.drop_column("resource", "said_row")
    op.drop_column("resource", "said_at")
    op.execute("UPDATE notice SET state = 'ANSWERED' WHERE state = 'VOIDED'")
    op.alter_column("notice", "state", comment="OPEN | ANSWERED | OVERDUE")
