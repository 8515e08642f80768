"""How members come in: applications, rehearsals, promotions; what of a sandbox is in no live database; certificates."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_check_constraint(
        op.f("ck_member_outside_sandbox"), "member", "array_to_string(divisions, ',') !~ '(^|,)99'"
    )
    op.add_column(
        "member",
        sa.Column(
            "mtls",
            sa.Boolean(),
            nullable=False,
            server_default="false",
            comment="its tokens count with one of its certificates only",
        ),
    )
    op.alter_column(
        "member_key",
        "use",
        existing_type=sa.Text(),
        existing_nullable=False,
        comment="auth | sig | enc | status | tls",
        existing_comment="auth | sig | enc | status",
    )
    op.create_table(
        "application",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="county | partner"),
        sa.Column("display", sa.Text(), nullable=False),
        sa.Column("display_zh", sa.Text(), nullable=False),
        sa.Column("contact", sa.LargeBinary(), nullable=False),
        sa.Column("keys", postgresql.JSONB(), nullable=False, comment="public keys whose possession was proved"),
        sa.Column("ticket", sa.LargeBinary(), nullable=False, comment="SHA-256 of what the applicant follows it with"),
        sa.Column("state", sa.Text(), nullable=False, comment="WAITING | ADMITTED | DECLINED"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it was declined"),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_application_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint("ticket", name=op.f("uq_application_ticket")),
    )
    op.create_table(
        "rehearsal",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False, comment="domain.rehearsal: what was seen, and when"),
        sa.Column("seal", sa.LargeBinary(), nullable=True, comment="MAC over what the row decides"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_rehearsal_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_rehearsal")),
    )
    op.create_table(
        "promotion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False, comment="the check-list as the sandbox signed it"),
        sa.Column("divisions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="PROPOSED | DONE"),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=True, comment="MAC over what the row decides"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotion")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("promotion")
    op.drop_table("rehearsal")
    op.drop_table("application")
    op.alter_column(
        "member_key",
        "use",
        existing_type=sa.Text(),
        existing_nullable=False,
        comment="auth | sig | enc | status",
        existing_comment="auth | sig | enc | status | tls",
    )
    op.drop_column("member", "mtls")
    op.drop_constraint(op.f("ck_member_outside_sandbox"), "member", type_="check")
