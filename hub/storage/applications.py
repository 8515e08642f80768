"""Applications of those who want to become members, in a sandbox; whoever has the ticket finds its own.

The contact is encrypted together with a digest of who applies with which keys: whoever can only write to the database
puts no other keys into an application that waits to be admitted. One that does not fit counts as if it were not there.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import application
from hub.storage.vault import Vault

WAITING, ADMITTED, DECLINED = "WAITING", "ADMITTED", "DECLINED"
_BOUND: Final = ("name", "kind", "display", "display_zh", "keys")
_DIGEST: Final = hashlib.sha256().digest_size
_SPACE: Final = 0x6C71_6170  # "lqap"


@dataclass(frozen=True, slots=True)
class Application:
    """`keys` is the JWKS of its public keys, each with its purpose; `ticket` the SHA-256 of the applicant's ticket."""

    id: UUID
    name: str
    kind: str
    display: str
    display_zh: str
    contact: str
    keys: dict[str, Any]
    ticket: bytes
    state: str
    reason: str
    member_id: int | None
    applied_at: datetime
    expires_at: datetime


def _application(vault: Vault, row: Any) -> Application | None:
    """The application as it was taken; None where it is another by now."""
    digest, contact = (opened := vault.open(row.contact))[:_DIGEST], opened[_DIGEST:]
    values = {name: row._mapping[name] for name in Application.__slots__}
    return Application(**values | {"contact": contact.decode()}) if digest == _digest(values) else None


def _digest(values: Mapping[str, Any]) -> bytes:
    said = [str(values["id"]), values["ticket"].hex(), *(values[name] for name in _BOUND)]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


async def add(connection: AsyncConnection, vault: Vault, made: Application) -> None:
    """Keep an application."""
    values = asdict(made)
    values["contact"] = vault.seal(_digest(values) + made.contact.encode())
    await connection.execute(insert(application).values(**values))


async def lock(connection: AsyncConnection) -> None:
    """Be the only one that adds or answers applications until the transaction ends."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SPACE})


async def waiting(connection: AsyncConnection, now: datetime) -> int:
    """How many wait for an answer."""
    wanted = select(func.count()).where(application.c.state == WAITING, application.c.expires_at > now)
    return int((await connection.execute(wanted)).scalar_one())


async def listed(connection: AsyncConnection, vault: Vault, now: datetime, limit: int) -> list[Application]:
    """Those whose time is not over: what waits first, the oldest of each sort first."""
    rows = await connection.execute(
        select(application)
        .where(application.c.expires_at > now)
        .order_by(application.c.state.desc(), application.c.applied_at, application.c.id)
        .limit(limit)
    )
    return [found for row in rows if (found := _application(vault, row)) is not None]


async def by_id(connection: AsyncConnection, vault: Vault, id_: UUID, now: datetime) -> Application | None:
    """The application, while its time is not over."""
    return await _one(connection, vault, application.c.id == id_, now)


async def by_ticket(connection: AsyncConnection, vault: Vault, ticket: bytes, now: datetime) -> Application | None:
    """The application that this is the ticket's SHA-256 of."""
    return await _one(connection, vault, application.c.ticket == ticket, now)


async def _one(connection: AsyncConnection, vault: Vault, where: Any, now: datetime) -> Application | None:
    found = await connection.execute(select(application).where(where, application.c.expires_at > now))
    row = found.one_or_none()
    return _application(vault, row) if row is not None else None


async def answer(
    connection: AsyncConnection, id_: UUID, *, state: str, reason: str, member_id: int | None, expires_at: datetime
) -> None:
    """Note what became of it."""
    await connection.execute(
        update(application)
        .where(application.c.id == id_)
        .values(state=state, reason=reason, member_id=member_id, expires_at=expires_at)
    )


async def over(connection: AsyncConnection, now: datetime, limit: int) -> list[tuple[UUID, int]]:
    """(application, member) of those that were admitted and whose time in the sandbox is over."""
    rows = await connection.execute(
        select(application.c.id, application.c.member_id)
        .where(application.c.state == ADMITTED, application.c.expires_at <= now)
        .limit(limit)
    )
    return [(row.id, row.member_id) for row in rows]


async def erase(connection: AsyncConnection, id_: UUID) -> None:
    """Forget an application."""
    await connection.execute(delete(application).where(application.c.id == id_))
