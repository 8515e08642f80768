"""A resource remembers when what it says was last said; a notice can be void."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COMMENT = "when the newest document that says what is current was received"


def upgrade() -> None:
    """Apply."""
    op.add_column("resource", sa.Column("said_at", sa.DateTime(timezone=True), nullable=True, comment=_COMMENT))
    op.execute("""
        UPDATE resource SET said_at = COALESCE(
            (SELECT s.received_at FROM resource_version v JOIN submission s ON s.id = v.submission_id
             WHERE v.resource_id = resource.id AND v.version = resource.version),
            updated_at)""")
    op.alter_column("resource", "said_at", nullable=False)
    op.alter_column("notice", "state", comment="OPEN | ANSWERED | OVERDUE | VOIDED")


def downgrade() -> None:
    """Undo."""
    op.drop_column("resource", "said_at")
    op.execute("UPDATE notice SET state = 'ANSWERED' WHERE state = 'VOIDED'")
    op.alter_column("notice", "state", comment="OPEN | ANSWERED | OVERDUE")
