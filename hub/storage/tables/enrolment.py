"""How a member comes in: its application, what its rehearsal in the sandbox showed, its promotion to a live member."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from hub.storage.tables.base import Sealed, Texts, key, metadata, moment, seal

application = Table(
    "application",
    metadata,
    key(),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="county | partner"),
    Column("display", Text, nullable=False),
    Column("display_zh", Text, nullable=False),
    Column("contact", Sealed, nullable=False),
    Column("keys", JSONB, nullable=False, comment="public keys whose possession was proved"),
    Column(
        "ticket",
        LargeBinary,
        nullable=False,
        unique=True,
        comment="SHA-256 of what the applicant follows it with",
    ),
    Column("state", Text, nullable=False, comment="WAITING | ADMITTED | DECLINED"),
    Column("reason", Text, nullable=False, comment="why it was declined"),
    Column("member_id", BigInteger, ForeignKey("member.id"), nullable=True),
    moment("applied_at"),
    moment("expires_at"),
)

rehearsal = Table(
    "rehearsal",
    metadata,
    Column("member_id", BigInteger, ForeignKey("member.id"), primary_key=True),
    Column("state", JSONB, nullable=False, comment="domain.rehearsal: what was seen, and when"),
    seal(),
)

promotion = Table(
    "promotion",
    metadata,
    key(),
    Column("name", Text, nullable=False),
    Column("report", Text, nullable=False, comment="the check-list as the sandbox signed it"),
    Column("divisions", Texts, nullable=False),
    Column("state", Text, nullable=False, comment="PROPOSED | DONE"),
    Column("proposed_by", Text, nullable=False),
    Column("approved_by", Text, nullable=True),
    moment("proposed_at"),
    moment("expires_at"),
    seal(),
)
