"""A seal on each row that says who may do what: a MAC over its columns, under a key that no database holds.

Whoever can only write to the database can neither add such a row nor change one: a row whose seal does not fit counts
as absent wherever it is read, and is told by `hub audit verify` and `hub doctor`. A deleted row is not noticed here.
"""

import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Table, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.domain.scopes import EVERYTHING
from hub.storage.tables import (
    agreement,
    consent,
    exchange_case,
    linkage_model,
    member,
    member_key,
    member_quota,
    promotion,
    rehearsal,
    reveal_request,
)
from hub.storage.vault import Vault

SEALED: Final[dict[Table, tuple[str, ...]]] = {
    member: ("id", "name", "kind", "divisions", "state"),
    member_key: (
        "kid", "member_id", "use", "suite", "types", "jwk", "not_before", "not_after", "compromised_at",
    ),
    member_quota: ("member_id", "per_second", "burst", "at_once", "bytes_a_day"),
    agreement: (
        "id", "from_member", "to_member", "kinds", "purposes", "case_required", "answer_days",
        "valid_from", "valid_to", "ended_at",
    ),
    consent: (
        "member_id", "reference", "subject", "kinds", "purposes", "recipient_divisions", "resource_id",
        "valid_from", "valid_to", "withdrawn_at",
    ),
    reveal_request: (
        "id", "task_id", "record_id", "member_id", "asked_by", "region", "purpose", "state", "answered_by",
        "asked_at", "answered_at", "expires_at",
    ),
    rehearsal: ("member_id", "state"),
    promotion: (
        "id", "name", "report", "divisions", "state", "proposed_by", "approved_by", "proposed_at", "expires_at",
    ),
    linkage_model: ("id", "hash", "state", "proposed_by", "approved_by", "digest", "state_at"),
    exchange_case: ("id", "subject", "kind", "from_member", "to_member", "state", "opened_at", "closed_at"),
}  # fmt: skip
"""What the seal of a table's rows covers: all that decides; not what is only shown, nor when it was added."""

_ADDED: Final[dict[Table, dict[str, Any]]] = {
    member: {"unique_records": False, "scopes": [EVERYTHING], "mtls": False},
    agreement: {"bulk": False},
}
"""Columns that came later, with what they say in rows sealed before: covered as soon as they say anything else."""

_KEY: Final = "seals"


def options(vault: Vault) -> dict[str, Any]:
    """How a pool is given the key: its connections then seal and check."""
    return {_KEY: vault}


def of(connection: AsyncConnection, table: Table, values: Mapping[str, Any]) -> bytes:
    """The seal of a row with these `values`; one that is not given is NULL."""
    vault: Vault = connection.engine.get_execution_options()[_KEY]
    covered = {name: values.get(name) for name in SEALED[table]}
    for name, before in _ADDED.get(table, {}).items():
        if values.get(name, before) != before:
            covered[name] = values[name]
    said = [table.name, covered]
    return vault.authenticate(
        orjson.dumps(said, default=_spelled, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME)
    )


def _spelled(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, UUID):  # the driver's own kind of it
        return str(value)
    raise TypeError(type(value).__name__)


def fits(connection: AsyncConnection, table: Table, row: Any) -> bool:
    """Is the row one that the hub wrote?"""
    return is_genuine(connection, table, row._mapping)


def is_genuine(connection: AsyncConnection, table: Table, values: Mapping[str, Any]) -> bool:
    """The same of a row as a mapping, as the driver gives it."""
    seal = values["seal"]
    return seal is not None and hmac.compare_digest(seal, of(connection, table, values))


def genuine(connection: AsyncConnection, table: Table, rows: Iterable[Any]) -> list[Any]:
    """The rows that the hub wrote, in their order."""
    return [row for row in rows if fits(connection, table, row)]


async def find(
    connection: AsyncConnection, table: Table, *where: ColumnElement[bool], lock: bool = False
) -> Any | None:
    """The one row there is, if the hub wrote it."""
    statement = select(table).where(*where)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return row if row is not None and fits(connection, table, row) else None


async def change(connection: AsyncConnection, table: Table, row: Any, **values: Any) -> None:
    """Change a row that was found and locked, and seal it anew."""
    seal = of(connection, table, {**row._mapping, **values})
    await connection.execute(update(table).where(_is(table, row)).values(**values, seal=seal))


async def discard_forged(connection: AsyncConnection, table: Table, *where: ColumnElement[bool]) -> None:
    """Make room for a row where there is one that the hub did not write."""
    for row in await connection.execute(select(table).where(*where).with_for_update()):
        if not fits(connection, table, row):
            await connection.execute(delete(table).where(_is(table, row)))


def _is(table: Table, row: Any) -> ColumnElement[bool]:
    return and_(*(column == row._mapping[column.name] for column in table.primary_key))


async def forged(connection: AsyncConnection) -> list[str]:
    """Every row whose seal does not fit, as `table key`."""
    return [
        " ".join((table.name, *(str(row._mapping[column.name]) for column in table.primary_key)))
        for table in SEALED
        async for row in await connection.stream(select(table).order_by(*table.primary_key))
        if not fits(connection, table, row)
    ]


async def are_in_use(connection: AsyncConnection) -> bool:
    """Was any row ever sealed here? Then none without a seal is an old one."""
    for table in SEALED:
        if (await connection.execute(select(table.c.seal).where(table.c.seal.is_not(None)).limit(1))).first():
            return True
    return False


async def seal_unsealed(connection: AsyncConnection) -> dict[str, int]:
    """Seal the rows that have no seal, as they were written before there were any; how many of each table."""
    sealed = dict.fromkeys((str(table.name) for table in SEALED), 0)
    for table in SEALED:
        for row in (await connection.execute(select(table).where(table.c.seal.is_(None)).with_for_update())).all():
            await change(connection, table, row)
            sealed[table.name] += 1
    return {name: number for name, number in sealed.items() if number}
