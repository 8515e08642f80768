"""What proves afterwards what happened: the Merkle log and the ledger of look-ups."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, Uuid

from hub.storage.tables.base import Sealed, Texts, metadata, moment, serial

audit_leaf = Table(
    "audit_leaf",
    metadata,
    serial(),
    Column("act", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True, comment="RFC 9162 leaf hash of salt || canonical content"),
    Column("salt", LargeBinary, nullable=True, comment="erasing it erases the link to the content"),
    Column("content", Sealed, nullable=True),
    Column("tree_index", BigInteger, nullable=True, unique=True),
    moment("at"),
    Index("ix_audit_leaf_unplaced", "id", postgresql_where="tree_index IS NULL"),
)

audit_node = Table(
    "audit_node",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("index", BigInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    moment("at"),
)

access_event = Table(
    "access_event",
    metadata,
    serial(),
    Column("actor", Text, nullable=False),
    Column("region", Text, nullable=False, comment="member on whose behalf"),
    Column("act", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("person_id", Uuid, nullable=True),
    Column("subject", LargeBinary, nullable=True, comment="blind index of member|record id where no person is known"),
    Column("fields", Texts, nullable=False),
    Column("outcome", Text, nullable=False, comment="permit | the reason of the refusal"),
    moment("at"),
    Index("ix_access_event_person_id", "person_id"),
    Index("ix_access_event_subject", "subject"),
    Index("ix_access_event_actor_at", "actor", "at", postgresql_where="act IN ('reveal', 'ask-reveal')"),
)
