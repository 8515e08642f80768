"""How names begin is told together with the day of birth: people who were told before are told anew."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("""
        INSERT INTO search_pending (member_id, type, resource_id)
        SELECT member_id, type, resource_id FROM resource_search WHERE type IN ('Patient', 'Person', 'RelatedPerson')
        ON CONFLICT DO NOTHING""")
