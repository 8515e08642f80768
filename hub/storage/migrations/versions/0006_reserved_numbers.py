"""A certificate's number that is only reserved blocks its own issuer, and nobody else."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_LIVE, _RESERVED = "uq_certificate_kind_number_live", "uq_certificate_issuer_id_kind_number_registered"


def _live(where: str) -> None:
    op.drop_index(_LIVE, table_name="certificate")
    op.create_index(_LIVE, "certificate", ["kind", "number"], unique=True, postgresql_where=sa.text(where))


def upgrade() -> None:
    """Apply."""
    _live("status IN ('valid', 'suspended')")
    own = sa.text("status = 'registered'")
    op.create_index(_RESERVED, "certificate", ["issuer_id", "kind", "number"], unique=True, postgresql_where=own)


def downgrade() -> None:
    """Undo; a number reserved by several keeps the first."""
    op.drop_index(_RESERVED, table_name="certificate")
    op.execute("""
        UPDATE certificate c SET status = 'revoked' WHERE status = 'registered' AND EXISTS (
            SELECT 1 FROM certificate o WHERE o.kind = c.kind AND o.number = c.number
            AND o.status NOT IN ('revoked', 'superseded') AND (o.status <> 'registered' OR o.id < c.id))""")
    _live("status NOT IN ('revoked', 'superseded')")
