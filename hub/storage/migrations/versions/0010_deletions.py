"""Versions that say that a resource was deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "resource_version",
        sa.Column(
            "deleted",
            sa.Boolean(),
            nullable=False,
            server_default="false",
            comment="the resource was deleted; the body is empty",
        ),
    )


def downgrade() -> None:
    op.drop_column("resource_version", "deleted")
