"""How names begin is told together with the day of birth: people who were told before are told anew."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "search_pending",
        sa.Column(
            "again", sa.Boolean(), nullable=False, server_default="false", comment="told already, by what was told then"
        ),
    )
    op.execute("""
        INSERT INTO search_pending (member_id, type, resource_id, again)
        SELECT member_id, type, resource_id, true FROM resource_search WHERE type IN ('Patient', 'Person', 'RelatedPerson')
        ON CONFLICT DO NOTHING""")
