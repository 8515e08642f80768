"""Finds the review tasks of a record from either end: with every arrival those are looked for that nothing speaks for."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_review_task_b", "review_task", ["b"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_review_task_b", table_name="review_task")
