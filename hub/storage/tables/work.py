"""Work waiting to be done, the clock's slots, and the runs of reconciliation."""

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from hub.storage.tables.base import key, metadata, moment, serial

work_item = Table(
    "work_item",
    metadata,
    serial(),
    Column("kind", Text, nullable=False, comment="translate | replay | export"),
    Column("subject", Uuid, nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default="5"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease", Uuid, nullable=True),
    Column("last_error", Text, nullable=True),
    Column("state", Text, nullable=False, server_default="READY", comment="READY | DEAD"),
    moment("lease_until", nullable=True),
    moment("available_at", now=True),
    moment("created_at", now=True),
    UniqueConstraint("kind", "subject"),
    Index("ix_work_item_ready", "priority", "id", postgresql_where="state = 'READY'"),
)

schedule_slot = Table(
    "schedule_slot",
    metadata,
    Column("schedule", Text, primary_key=True),
    moment("due_at", primary_key=True),
    Column("claimed_by", Text, nullable=False),
    Column("state", Text, nullable=False, comment="CLAIMED | DONE | FAILED"),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("outcome", JSONB, nullable=True),
    moment("lease_until", nullable=True),
    moment("finished_at", nullable=True),
)

reconciliation_run = Table(
    "reconciliation_run",
    metadata,
    key(),
    Column("cause", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False, comment="RUNNING | DONE"),
    Column("model", Text, nullable=False),
    Column("rules", Text, nullable=False, server_default="", comment="digest of the model and members' promises"),
    moment("since", nullable=True, comment="only records changed after it; null is everybody"),
    Column("cursor", BigInteger, nullable=False, server_default="0", comment="last source_record examined"),
    Column("last_record", BigInteger, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("report", JSONB, nullable=False, server_default="{}"),
    moment("started_at"),
    moment("finished_at", nullable=True),
)
