"""Which message corrects another is found by what it corrects: it may come first."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "ix_submission_supersedes",
        "submission",
        ["member_id", "supersedes"],
        postgresql_where=sa.text("supersedes IS NOT NULL"),
    )
