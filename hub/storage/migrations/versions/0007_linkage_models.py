"""Models of linkage live in the database, and scores belong to one; what was scored before belongs to the first."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "linkage_model",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="its epoch"),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="the model file: its tables of names come from real people",
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="SHADOW | IN_FORCE | FORMER | RETIRED"),
        sa.Column(
            "cursor",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="records up to it are scored by a shadow",
        ),
        sa.Column(
            "last_record",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="those behind it at their arrival",
        ),
        sa.Column("proposed_by", sa.Text(), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True, comment="of the difference that was approved"),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=True, comment="MAC over what the row decides"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linkage_model")),
    )
    kept = sa.text("state <> 'RETIRED'")
    op.create_index("uq_linkage_model_state", "linkage_model", ["state"], unique=True, postgresql_where=kept)
    op.drop_column("pair_score", "model")
    comment = "linkage_model; persons follow from the scores of that in force"
    op.add_column("pair_score", sa.Column("model", sa.Integer(), nullable=False, server_default="1", comment=comment))
    op.alter_column("pair_score", "model", server_default=None)
    op.drop_constraint("pk_pair_score", "pair_score", type_="primary")
    op.create_primary_key("pk_pair_score", "pair_score", ["a", "b", "model"])
    _told("ingest | decision | reconciliation | model")


def downgrade() -> None:
    """Undo; the scores of the model in force stay."""
    op.execute("""
        DELETE FROM pair_score WHERE model <> coalesce((SELECT id FROM linkage_model WHERE state = 'IN_FORCE'), 1)""")
    op.drop_constraint("pk_pair_score", "pair_score", type_="primary")
    op.drop_column("pair_score", "model")
    op.add_column("pair_score", sa.Column("model", sa.Text(), nullable=False, server_default=""))
    op.alter_column("pair_score", "model", server_default=None)
    op.create_primary_key("pk_pair_score", "pair_score", ["a", "b"])
    op.drop_table("linkage_model")
    _told("ingest | decision | reconciliation")


def _told(causes: str) -> None:
    op.alter_column("person_event", "cause", existing_type=sa.Text(), existing_nullable=False, comment=causes)
