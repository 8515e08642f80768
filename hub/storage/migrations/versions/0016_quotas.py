"""How much a member may ask of the hub, what is left of it now, and what its tokens may open."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "member",
        sa.Column(
            "scopes",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            server_default="{lianqiao/exchange}",
            comment="what its tokens may open at most",
        ),
    )
    op.create_table(
        "member_quota",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("per_second", sa.Double(), nullable=False),
        sa.Column("burst", sa.Integer(), nullable=False),
        sa.Column("at_once", sa.Integer(), nullable=False, comment="requests in one process"),
        sa.Column("bytes_a_day", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=True, comment="MAC over what the row decides"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_member_quota_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_quota")),
    )
    op.create_table(
        "member_bucket",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.Double(), nullable=False, comment="left; below nothing where more was let through"),
        sa.Column("bytes", sa.Double(), nullable=False, comment="left of a day's"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_bucket")),
        prefixes=["UNLOGGED"],
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("member_bucket")
    op.drop_table("member_quota")
    op.drop_column("member", "scopes")
