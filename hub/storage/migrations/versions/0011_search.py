"""What searches of a member's resources test: blind tokens, and which resources are still to be told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "resource_search",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "tokens",
            postgresql.ARRAY(sa.BigInteger()),
            nullable=False,
            comment="keyed hashes of what the resource says, its member's own",
        ),
        sa.PrimaryKeyConstraint("resource_id", name="pk_resource_search"),
    )
    op.create_index("ix_resource_search_tokens", "resource_search", ["tokens"], postgresql_using="gin")
    op.create_index("ix_resource_search_member_id_type", "resource_search", ["member_id", "type", "resource_id"])
    op.create_table(
        "search_pending",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", name="pk_search_pending"),
    )
    op.execute("INSERT INTO search_pending SELECT id FROM resource WHERE NOT deleted")


def downgrade() -> None:
    op.drop_table("search_pending")
    op.drop_table("resource_search")
