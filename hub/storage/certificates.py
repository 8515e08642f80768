"""The registry of issued certificates, their status lists, and the verifiers' challenges that were answered.

A certificate's status lives in its row alone; a status list is made from the rows that are not valid and kept as the
signed document until one of them changes (`lock_list` orders the two).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import certificate, presentation_challenge, status_list
from hub.storage.vault import Vault

WITHDRAWN = ("revoked", "suspended", "superseded")
LIVE = ("valid", "suspended")
REGISTERED = "registered"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One registered certificate; `digest` and the times of issue are None until its issuer recorded what was signed."""

    id: UUID
    issuer_id: int
    message_id: UUID
    kind: str
    number: bytes
    subject: bytes
    list_id: int
    list_index: int
    digest: bytes | None
    status: str
    receipt: str | None
    registered_at: datetime
    issued_at: datetime | None
    recorded_at: datetime | None
    expires_at: datetime | None


def _certificate(row: Any) -> Certificate:
    return Certificate(
        row.id,
        row.issuer_id,
        row.message_id,
        row.kind,
        row.number,
        row.subject,
        row.list_id,
        row.list_index,
        row.digest,
        row.status,
        row.receipt,
        row.registered_at,
        row.issued_at,
        row.recorded_at,
        row.expires_at,
    )


async def by_message(connection: AsyncConnection, issuer_id: int, message_id: UUID) -> Certificate | None:
    """What was registered under the issuer's message id."""
    row = (
        await connection.execute(
            select(certificate).where(certificate.c.issuer_id == issuer_id, certificate.c.message_id == message_id)
        )
    ).one_or_none()
    return _certificate(row) if row else None


async def of_number(
    connection: AsyncConnection, kind: str, number: bytes, issuer_id: int, *, lock: bool = False
) -> list[Certificate]:
    """What is in force under that number, whoever issued it, and what this issuer has reserved."""
    mine = (certificate.c.status == REGISTERED) & (certificate.c.issuer_id == issuer_id)
    statement = select(certificate).where(
        certificate.c.kind == kind, certificate.c.number == number, certificate.c.status.in_(LIVE) | mine
    )
    rows = await connection.execute(statement.with_for_update() if lock else statement)
    return [_certificate(row) for row in rows]


async def displace(connection: AsyncConnection, kind: str, number: bytes, now: datetime, *, but: UUID) -> None:
    """What others reserved under that number counts no more: `but` is signed."""
    reserved = (certificate.c.status == REGISTERED) & (certificate.c.id != but)
    await connection.execute(
        update(certificate)
        .where(certificate.c.kind == kind, certificate.c.number == number, reserved)
        .values(status="revoked", status_at=now)
    )


async def by_index(connection: AsyncConnection, list_id: int, index: int) -> Certificate | None:
    """The certificate whose status is at that place."""
    row = (
        await connection.execute(
            select(certificate).where(certificate.c.list_id == list_id, certificate.c.list_index == index)
        )
    ).one_or_none()
    return _certificate(row) if row else None


async def get(connection: AsyncConnection, id_: UUID, issuer_id: int, *, lock: bool = False) -> Certificate | None:
    """The issuer's own certificate."""
    statement = select(certificate).where(certificate.c.id == id_, certificate.c.issuer_id == issuer_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return _certificate(row) if row else None


async def register(connection: AsyncConnection, made: Certificate) -> bool:
    """Store a registration; False when its message id, its number or its status index is taken."""
    done = await connection.execute(
        upsert(certificate)
        .values(
            id=made.id,
            issuer_id=made.issuer_id,
            message_id=made.message_id,
            kind=made.kind,
            number=made.number,
            subject=made.subject,
            list_id=made.list_id,
            list_index=made.list_index,
            status=made.status,
            registered_at=made.registered_at,
            status_at=made.registered_at,
        )
        .on_conflict_do_nothing()
    )
    return bool(done.rowcount)


async def confirm(
    connection: AsyncConnection,
    id_: UUID,
    *,
    digest: bytes,
    issued_at: datetime,
    expires_at: datetime,
    receipt: str,
    now: datetime,
) -> None:
    """The issuer has signed: keep the digest of what, and the receipt given for it."""
    await connection.execute(
        update(certificate)
        .where(certificate.c.id == id_)
        .values(
            digest=digest,
            issued_at=issued_at,
            expires_at=expires_at,
            receipt=receipt,
            recorded_at=now,
            status="valid",
            status_at=now,
        )
    )


async def set_status(
    connection: AsyncConnection, vault: Vault, id_: UUID, status: str, reason: str, now: datetime
) -> None:
    """Revoke, suspend, supersede or make valid again; the list's document is out of date from now on."""
    list_id = (
        await connection.execute(
            update(certificate)
            .where(certificate.c.id == id_)
            .values(status=status, reason=vault.seal(reason.encode()), status_at=now)
            .returning(certificate.c.list_id)
        )
    ).scalar_one()
    await connection.execute(update(status_list).where(status_list.c.id == list_id).values(document=None))


async def current_list(connection: AsyncConnection, size: int) -> int:
    """The id of the list that new certificates go to; a new one is begun when the last is half full."""
    row = (
        await connection.execute(
            select(status_list.c.id, status_list.c.size, status_list.c.allocated)
            .order_by(status_list.c.id.desc())
            .limit(1)
        )
    ).one_or_none()
    if row is None or row.allocated * 2 >= row.size:
        made = await connection.execute(insert(status_list).values(size=size).returning(status_list.c.id))
        return int(made.scalar_one())
    return int(row.id)


async def count_allocated(connection: AsyncConnection, list_id: int) -> None:
    """One more index of the list is in use."""
    await connection.execute(
        update(status_list).where(status_list.c.id == list_id).values(allocated=status_list.c.allocated + 1)
    )


async def lock_list(connection: AsyncConnection, list_id: int) -> int | None:
    """Keep the list's document from changing until the transaction ends; answers its size, None when there is no such list.

    A change of status waits for this lock, and a document is made only under it: none is kept that misses a change.
    """
    return (
        await connection.execute(select(status_list.c.size).where(status_list.c.id == list_id).with_for_update())
    ).scalar_one_or_none()


async def withdrawn(connection: AsyncConnection, list_id: int) -> Mapping[int, str]:
    """index → status of the list's certificates that are not valid."""
    rows = await connection.execute(
        select(certificate.c.list_index, certificate.c.status).where(
            certificate.c.list_id == list_id, certificate.c.status.in_(WITHDRAWN)
        )
    )
    return {row.list_index: row.status for row in rows}


async def list_document(connection: AsyncConnection, list_id: int) -> tuple[str, datetime] | None:
    """(signed token, when) as last published, if no status changed since."""
    row = (
        await connection.execute(
            select(status_list.c.document, status_list.c.signed_at).where(status_list.c.id == list_id)
        )
    ).one_or_none()
    return (row.document, row.signed_at) if row and row.document else None


async def put_list_document(connection: AsyncConnection, list_id: int, document: str, now: datetime) -> None:
    """Keep the signed token that is handed out."""
    await connection.execute(
        update(status_list).where(status_list.c.id == list_id).values(document=document, signed_at=now)
    )


async def is_used(connection: AsyncConnection, nonce_hash: bytes) -> bool:
    """Did a presentation count with this nonce?"""
    found = await connection.execute(
        select(presentation_challenge.c.used_at).where(presentation_challenge.c.nonce_hash == nonce_hash)
    )
    return found.one_or_none() is not None


async def use_challenge(connection: AsyncConnection, nonce_hash: bytes, expires_at: datetime, now: datetime) -> bool:
    """Spend a nonce; False when it was spent before. Its end is kept so that it can be forgotten then."""
    done = await connection.execute(
        upsert(presentation_challenge)
        .values(nonce_hash=nonce_hash, expires_at=expires_at, used_at=now)
        .on_conflict_do_nothing()
    )
    return bool(done.rowcount)


async def totals(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """Certificates by (kind, status)."""
    rows = await connection.execute(
        select(certificate.c.kind, certificate.c.status, func.count()).group_by(
            certificate.c.kind, certificate.c.status
        )
    )
    return {(kind, status): int(number) for kind, status, number in rows}
