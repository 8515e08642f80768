"""Exports: what was asked for, the versions that files are made of, agreements that let others' go along; names of imports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _moment(name: str, *, nullable: bool = False, comment: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


_KINDS = "translate | replay"


def upgrade() -> None:
    """Apply."""
    _say_kinds(f"{_KINDS} | export", before=_KINDS)
    op.add_column(
        "agreement",
        sa.Column(
            "bulk", sa.Boolean(), server_default="false", nullable=False, comment="records may be exported together"
        ),
    )
    _add_exports()
    op.create_table(
        "resource_alias",
        sa.Column(
            "value",
            sa.LargeBinary(),
            nullable=False,
            comment="blind index of the type and id that it has at its sender",
        ),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("value", name="pk_resource_alias"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("resource_alias")
    op.execute("DELETE FROM work_item WHERE kind = 'export'")
    _say_kinds(_KINDS, before=f"{_KINDS} | export")
    op.drop_column("agreement", "bulk")
    op.drop_table("bulk_export_file")
    op.drop_table("bulk_export")


def _say_kinds(kinds: str, *, before: str) -> None:
    op.alter_column(
        "work_item", "kind", comment=kinds, existing_comment=before, existing_type=sa.Text(), existing_nullable=False
    )


def _add_exports() -> None:
    op.create_table(
        "bulk_export",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False, comment="the address that was asked"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="'' is none: the member's own resources only"),
        sa.Column("types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="WAITING | DONE | FAILED"),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False, comment="how many of the types are listed"),
        _moment("since", nullable=True),
        _moment("as_of", nullable=True, comment="what was stored by then is in it; null until it is begun"),
        _moment("created_at"),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_export"),
    )
    op.create_index("ix_bulk_export_member_id", "bulk_export", ["member_id"])
    op.create_index("ix_bulk_export_expires_at", "bulk_export", ["expires_at"])
    op.create_table(
        "bulk_export_file",
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False, comment="the member whose resources they are"),
        sa.Column("deleted", sa.Boolean(), nullable=False, comment="what was deleted, and not what is there"),
        sa.Column("ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("versions", postgresql.ARRAY(sa.Integer()), nullable=False, comment="of each of the resources"),
        sa.ForeignKeyConstraint(
            ["export_id"], ["bulk_export.id"], name="fk_bulk_export_file_export_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("export_id", "number", name="pk_bulk_export_file"),
    )
