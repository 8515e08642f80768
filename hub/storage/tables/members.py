"""Who takes part: members and their keys, the people who sign in, the published trust list."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.storage.tables.base import Sealed, Texts, metadata, moment, seal, serial

member = Table(
    "member",
    metadata,
    serial(),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False, comment="county | partner | hub"),
    Column("display", Text, nullable=False),
    Column("display_zh", Text, nullable=False),
    Column("divisions", Texts, nullable=False, comment="12-digit codes whose territory the member answers for"),
    Column("state", Text, nullable=False, server_default="active"),
    Column(
        "unique_records",
        Boolean,
        nullable=False,
        server_default="false",
        comment="it promises one live record a person: two of its records are never linked without a decision",
    ),
    Column(
        "scopes",
        Texts,
        nullable=False,
        server_default="{lianqiao/exchange}",
        comment="what its tokens may open at most",
    ),
    Column(
        "mtls",
        Boolean,
        nullable=False,
        server_default="false",
        comment="its tokens count with one of its certificates only",
    ),
    moment("created_at", now=True),
    seal(),
    CheckConstraint("array_to_string(divisions, ',') !~ '(^|,)99'", name="outside_sandbox"),
)
"""In a sandbox another constraint has the place of that one (`storage.sandboxes`): there all divisions are invented."""

member_key = Table(
    "member_key",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("member_id", BigInteger, ForeignKey("member.id"), nullable=False, index=True),
    Column("use", Text, nullable=False, comment="auth | sig | enc | status | tls"),
    Column("suite", Text, nullable=False),
    Column("types", Texts, nullable=False, comment="record kinds the key may sign"),
    Column("jwk", JSONB, nullable=False),
    moment("not_before"),
    moment("not_after"),
    moment("compromised_at", nullable=True),
    moment("added_at", now=True),
    seal(),
)

member_quota = Table(
    "member_quota",
    metadata,
    Column("member_id", BigInteger, ForeignKey("member.id"), primary_key=True),
    Column("per_second", Double, nullable=False),
    Column("burst", Integer, nullable=False),
    Column("at_once", Integer, nullable=False, comment="requests in one process"),
    Column("bytes_a_day", BigInteger, nullable=False),
    seal(),
)
"""Of members that have another quota than the settings give to all."""

member_bucket = Table(
    "member_bucket",
    metadata,
    Column("member_id", BigInteger, primary_key=True),
    Column("requests", Double, nullable=False, comment="left; below nothing where more was let through"),
    Column("bytes", Double, nullable=False, comment="left of a day's"),
    moment("at"),
    prefixes=["UNLOGGED"],
)
"""What is left of each member's quota: a row each, and empty after a crash of the database, which fills all buckets."""

endpoint = Table(
    "endpoint",
    metadata,
    serial(),
    Column("member_id", BigInteger, ForeignKey("member.id"), nullable=False),
    Column("channel", Text, nullable=False, comment="webhook"),
    Column("address", Text, nullable=False),
    Column("secret", Sealed, nullable=False),
    Column("state", Text, nullable=False, server_default="active", comment="active | failing | disabled"),
    moment("failing_since", nullable=True),
    moment("created_at", now=True),
    UniqueConstraint("member_id", "channel"),
)

user_account = Table(
    "user_account",
    metadata,
    serial(),
    Column("name", Text, nullable=False, unique=True),
    Column("display", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("totp_secret", Sealed, nullable=True),
    Column("totp_step", BigInteger, nullable=True, comment="time step of the last code accepted: none counts twice"),
    Column(
        "member_id", BigInteger, ForeignKey("member.id"), nullable=True, comment="region; null = the hub's own staff"
    ),
    Column("roles", Texts, nullable=False, comment="steward | supervisor | administrator | auditor"),
    Column("language", Text, nullable=False, server_default="zh"),
    Column("failures", Integer, nullable=False, server_default="0"),
    moment("locked_until", nullable=True),
    moment("expires_at", nullable=True),
    Column("disabled", Boolean, nullable=False, server_default="false"),
    moment("created_at", now=True),
)

login_session = Table(
    "login_session",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", BigInteger, ForeignKey("user_account.id"), nullable=False, index=True),
    Column("csrf", Text, nullable=False),
    moment("created_at", now=True),
    moment("expires_at"),
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", BigInteger, ForeignKey("user_account.id"), nullable=False),
    moment("expires_at"),
    moment("used_at", nullable=True),
)

assertion_seen = Table(
    "assertion_seen",
    metadata,
    Column("member_id", BigInteger, primary_key=True),
    Column("jti", Text, primary_key=True),
    moment("expires_at"),
)

trust_list = Table(
    "trust_list",
    metadata,
    Column("version", BigInteger, primary_key=True),
    Column("document", LargeBinary, nullable=False, comment="the signed list exactly as published"),
    moment("published_at", now=True),
)
