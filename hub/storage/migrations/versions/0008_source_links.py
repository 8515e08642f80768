"""Which record a source says replaces which other of its own: kept until the survivor comes, and as the newest version says."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BEFORE = "MUST_LINK | CANNOT_LINK | RETRACT | DEFER"
_SINCE = f"{_BEFORE} | SOURCE_MERGE | SOURCE_UNMERGE"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "source_link",
        sa.Column("resource_id", sa.Uuid(), nullable=False, comment="the record that its source has replaced"),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "survivor", sa.LargeBinary(), nullable=False, comment="blind index of the identifier that replaces it"
        ),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_source_link")),
    )
    op.create_index("ix_source_link_member_id_survivor", "source_link", ["member_id", "survivor"])
    op.alter_column("decision_event", "kind", existing_type=sa.Text(), existing_nullable=False, comment=_SINCE)


def downgrade() -> None:
    """Undo."""
    op.alter_column("decision_event", "kind", existing_type=sa.Text(), existing_nullable=False, comment=_BEFORE)
    op.drop_table("source_link")
