"""Rows that say who may do what carry a seal; `hub init` seals those that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("member", "member_key", "agreement", "consent", "exchange_case")


def upgrade() -> None:
    """Apply."""
    for table in _TABLES:
        op.add_column(
            table, sa.Column("seal", sa.LargeBinary(), nullable=True, comment="MAC over what the row decides")
        )


def downgrade() -> None:
    """Undo."""
    for table in _TABLES:
        op.drop_column(table, "seal")
