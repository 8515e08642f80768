"""Bodies of up to 8 kB stay in their row."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("ALTER TABLE resource_version SET (toast_tuple_target = 8160)")


def downgrade() -> None:
    """Undo."""
    op.execute("ALTER TABLE resource_version RESET (toast_tuple_target)")
