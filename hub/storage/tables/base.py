"""The metadata all tables share, and the few column shapes they are built from."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, MetaData, Text, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Texts = ARRAY(Text)
Longs = ARRAY(BigInteger)
Sealed = LargeBinary


def serial() -> Column[int]:
    """A 64-bit identity primary key named `id`."""
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def key() -> Column[Any]:
    """A UUID primary key named `id`, given by the application."""
    return Column("id", Uuid, primary_key=True)


def seal() -> Column[Any]:
    """What says that the hub wrote the row (storage.seals); null in rows of an older version."""
    return Column("seal", LargeBinary, nullable=True, comment="MAC over what the row decides")


def moment(name: str, *, nullable: bool = False, now: bool = False, **extra: Any) -> Column[Any]:
    """A timestamptz column; `now` gives it the database's clock as default."""
    if now:
        extra["server_default"] = func.now()
    return Column(name, DateTime(timezone=True), nullable=nullable, **extra)
