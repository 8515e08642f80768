"""Who wants to be told of what: subscriptions, what happened that they may be about, and their numbered events."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, Uuid

from hub.storage.tables.base import Texts, key, metadata, moment, serial

subscription = Table(
    "subscription",
    metadata,
    key(),
    Column("member_id", BigInteger, nullable=False, index=True),
    Column("version", Integer, nullable=False, comment="of the resource that it is taken from"),
    Column("topic", Text, nullable=False),
    Column("types", Texts, nullable=False, comment="of resources that it is about; none is every type"),
    Column("state", Text, nullable=False, comment="requested | active | error | off"),
    Column("listening", Boolean, nullable=False, comment="what happens is numbered: active, or was and is not off"),
    Column("events", BigInteger, nullable=False, server_default="0", comment="the number of the newest event"),
    Column("sent", BigInteger, nullable=False, server_default="0", comment="the last that the receiver has taken"),
    Column("offered", BigInteger, nullable=False, server_default="0", comment="the last of the notification under way"),
    Column("most", Integer, nullable=False, comment="events of one notification"),
    Column("heartbeat_seconds", Integer, nullable=True),
    Column("attempts", Integer, nullable=False, server_default="0", comment="of what is under way"),
    Column("last_error", Text, nullable=True),
    moment("failing_since", nullable=True),
    moment("since", nullable=True, comment="what happened before is not told"),
    moment("next_at", nullable=True, comment="when something is to be sent; null while there is nothing"),
    moment("ends_at", nullable=True),
    Index("ix_subscription_next_at", "next_at", postgresql_where="state IN ('requested', 'active')"),
)

subscription_pending = Table(
    "subscription_pending",
    metadata,
    serial(),
    Column("member_id", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("type", Text, nullable=False, comment="of the resource; '' of what is none"),
    Column("subject", Uuid, nullable=False, comment="resource or mailbox item"),
    Column("version", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
    moment("at"),
)

subscription_event = Table(
    "subscription_event",
    metadata,
    Column("subscription_id", Uuid, ForeignKey("subscription.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("type", Text, nullable=False),
    Column("subject", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
    moment("at"),
    Index("ix_subscription_event_at", "at"),
)
