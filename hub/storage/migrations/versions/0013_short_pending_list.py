"""Keeps short what every search reads through besides the index: texts that were told and are not in the index itself yet."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("ALTER INDEX ix_resource_search_tokens SET (gin_pending_list_limit = 128)")
    op.execute("SELECT gin_clean_pending_list('ix_resource_search_tokens')")


def downgrade() -> None:
    """Undo."""
    op.execute("ALTER INDEX ix_resource_search_tokens RESET (gin_pending_list_limit)")
