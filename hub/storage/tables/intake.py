"""What arrived and what was made of it: submissions, their bytes, issues and quarantine, and resource versions."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from hub.storage.tables.base import Longs, Sealed, key, metadata, moment, serial

submission_change = Sequence("submission_change", metadata=metadata)

submission = Table(
    "submission",
    metadata,
    key(),
    Column("member_id", BigInteger, ForeignKey("member.id"), nullable=False),
    Column("message_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("mapping", Text, nullable=True, comment="null for sealed envelopes"),
    Column("media_type", Text, nullable=False),
    Column("file_name", Sealed, nullable=True),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the received bytes"),
    Column("size", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("acknowledgement", Sealed, nullable=False, comment="the stored answer, sent again byte for byte"),
    Column("leaf", LargeBinary, nullable=False),
    Column("in_response_to", Uuid, nullable=True),
    Column("supersedes", Uuid, nullable=True),
    Column(
        "rows", Integer, nullable=False, server_default="0", comment="rows read so far; translation resumes behind them"
    ),
    Column("translated", Integer, nullable=False, server_default="0"),
    Column("quarantined", Integer, nullable=False, server_default="0"),
    Column("linked", Integer, nullable=False, server_default="0"),
    Column("review", Integer, nullable=False, server_default="0"),
    Column("issues", Integer, nullable=False, server_default="0"),
    Column("changed", BigInteger, submission_change, nullable=False, server_default=submission_change.next_value()),
    moment("received_at"),
    moment("state_at"),
    UniqueConstraint("member_id", "message_id"),
    Index("ix_submission_member_id_changed", "member_id", "changed"),
    Index("ix_submission_supersedes", "member_id", "supersedes", postgresql_where="supersedes IS NOT NULL"),
)

submission_part = Table(
    "submission_part",
    metadata,
    Column("submission_id", Uuid, ForeignKey("submission.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("body", Sealed, nullable=False, comment="at most 1 MiB of the received bytes"),
)

submission_event = Table(
    "submission_event",
    metadata,
    serial(),
    Column("submission_id", Uuid, ForeignKey("submission.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    moment("at"),
)

submission_issue = Table(
    "submission_issue",
    metadata,
    serial(),
    Column("submission_id", Uuid, ForeignKey("submission.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("row", Integer, nullable=True),
    Column("column", Text, nullable=True),
    Column("code", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("text_zh", Text, nullable=False),
    Column("value", Sealed, nullable=True),
)

quarantined_row = Table(
    "quarantined_row",
    metadata,
    serial(),
    Column("submission_id", Uuid, ForeignKey("submission.id", ondelete="CASCADE"), nullable=False),
    Column("row", Integer, nullable=False),
    Column("mapping", Text, nullable=False),
    Column("mapping_digest", Text, nullable=False),
    Column("original", Sealed, nullable=False),
    Column("codes", Text, nullable=False, comment="issue codes, comma-separated"),
    Column("state", Text, nullable=False, server_default="held", comment="held | released"),
    moment("at"),
    moment("released_at", nullable=True),
    UniqueConstraint("submission_id", "row"),
    Index("ix_quarantined_row_mapping_held", "mapping", postgresql_where="state = 'held'"),
)

resource = Table(
    "resource",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("member_id", BigInteger, nullable=False),
    Column("record_key", LargeBinary, nullable=False, comment="blind index of the sender's own key of the record"),
    Column("version", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("deleted", Boolean, nullable=False, server_default="false"),
    moment("updated_at"),
    moment("said_at", now=True, comment="when the newest document that says what is current was received"),
    Column("said_row", Integer, nullable=False, server_default="0", comment="and in which of its rows it stands"),
    UniqueConstraint("member_id", "type", "record_key"),
)

resource_version = Table(
    "resource_version",
    metadata,
    Column("resource_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", Sealed, nullable=False, comment="the canonical bytes"),
    Column("digest", LargeBinary, nullable=False),
    Column("submission_id", Uuid, nullable=True, index=True),
    Column("row", Integer, nullable=True),
    moment("recorded_at"),
    Column(
        "deleted",
        Boolean,
        nullable=False,
        server_default="false",
        comment="the resource was deleted; the body is empty",
    ),
    Column("member_id", BigInteger, nullable=False, comment="as of its resource, for the histories of types"),
    Column("type", Text, nullable=False),
    Index("ix_resource_version_of_type", "member_id", "type", "recorded_at", "resource_id", "version"),
    postgresql_with={"toast_tuple_target": 8160},  # most bodies are 2 to 3 kB: in the row they cost half the time
)

resource_identifier = Table(
    "resource_identifier",
    metadata,
    Column("value", LargeBinary, primary_key=True, comment="blind index of system|value"),
    Column("resource_id", Uuid, primary_key=True, index=True),
)

resource_alias = Table(
    "resource_alias",
    metadata,
    Column("value", LargeBinary, primary_key=True, comment="blind index of the type and id that it has at its sender"),
    Column("resource_id", Uuid, nullable=False),
)
"""By what name a resource that was imported is referred to by others that are."""

resource_search = Table(
    "resource_search",
    metadata,
    Column("resource_id", Uuid, primary_key=True),
    Column("member_id", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    moment("updated_at"),
    Column("tokens", Longs, nullable=False, comment="keyed hashes of what the resource says, its member's own"),
    # In kB: what waits in the list is read through by every search, half a millisecond of it with PostgreSQL's own 4 MB.
    Index(
        "ix_resource_search_tokens", "tokens", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 128}
    ),
    Index("ix_resource_search_member_id_type", "member_id", "type", "resource_id"),
)

search_pending = Table(
    "search_pending",
    metadata,
    Column("member_id", BigInteger, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("resource_id", Uuid, primary_key=True),
    Column("again", Boolean, nullable=False, server_default="false", comment="told already, by what was told then"),
)
"""Resources whose newest version is still to be told to `resource_search`."""
