"""Whose a version is and of which type, to read a history of many; and whose what searches are still to be told of is."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OF_RESOURCE = "UPDATE {0} SET member_id = r.member_id, type = r.type FROM resource r WHERE r.id = {0}.resource_id"


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "resource_version",
        sa.Column(
            "member_id", sa.BigInteger(), nullable=True, comment="as of its resource, for the histories of types"
        ),
    )
    op.add_column("resource_version", sa.Column("type", sa.Text(), nullable=True))
    op.execute(_OF_RESOURCE.format("resource_version"))
    op.alter_column("resource_version", "member_id", nullable=False)
    op.alter_column("resource_version", "type", nullable=False)
    op.create_index(
        "ix_resource_version_of_type",
        "resource_version",
        ["member_id", "type", "recorded_at", "resource_id", "version"],
    )
    op.add_column("search_pending", sa.Column("member_id", sa.BigInteger(), nullable=True))
    op.add_column("search_pending", sa.Column("type", sa.Text(), nullable=True))
    op.execute(_OF_RESOURCE.format("search_pending"))
    op.execute("DELETE FROM search_pending WHERE member_id IS NULL")
    op.drop_constraint("pk_search_pending", "search_pending")
    op.create_primary_key("pk_search_pending", "search_pending", ["member_id", "type", "resource_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_constraint("pk_search_pending", "search_pending")
    op.drop_column("search_pending", "type")
    op.drop_column("search_pending", "member_id")
    op.create_primary_key("pk_search_pending", "search_pending", ["resource_id"])
    op.drop_index("ix_resource_version_of_type", table_name="resource_version")
    op.drop_column("resource_version", "type")
    op.drop_column("resource_version", "member_id")
