"""Exports: what a member asked for, and which versions of which resources each file is made of."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from hub.storage.tables.base import Texts, key, metadata, moment

bulk_export = Table(
    "bulk_export",
    metadata,
    key(),
    Column("member_id", BigInteger, nullable=False, index=True),
    Column("request", Text, nullable=False, comment="the address that was asked"),
    Column("purpose", Text, nullable=False, comment="'' is none: the member's own resources only"),
    Column("types", Texts, nullable=False),
    Column("state", Text, nullable=False, comment="WAITING | DONE | FAILED"),
    Column("done", Integer, nullable=False, server_default="0", comment="how many of the types are listed"),
    moment("since", nullable=True),
    moment("as_of", nullable=True, comment="what was stored by then is in it; null until it is begun"),
    moment("created_at"),
    moment("expires_at"),
    Index("ix_bulk_export_expires_at", "expires_at"),
)

bulk_export_file = Table(
    "bulk_export_file",
    metadata,
    Column("export_id", Uuid, ForeignKey("bulk_export.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("type", Text, nullable=False),
    Column("owner_id", BigInteger, nullable=False, comment="the member whose resources they are"),
    Column("deleted", Boolean, nullable=False, comment="what was deleted, and not what is there"),
    Column("ids", ARRAY(Uuid), nullable=False),
    Column("versions", ARRAY(Integer), nullable=False, comment="of each of the resources"),
)
