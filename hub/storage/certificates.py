"""The registry of issued certificates, their status lists, and the verifiers' challenges."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import certificate, presentation_challenge, status_list


@dataclass(frozen=True, slots=True)
class Certificate:
    """One registered certificate; `digest` is None until its issuer confirmed what was signed."""

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
    reason: str | None
    registered_at: datetime
    issued_at: datetime | None
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
        row.reason,
        row.registered_at,
        row.issued_at,
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


async def by_number(connection: AsyncConnection, issuer_id: int, kind: str, number: bytes) -> Certificate | None:
    """The issuer's certificate of that number."""
    row = (
        await connection.execute(
            select(certificate).where(
                certificate.c.issuer_id == issuer_id, certificate.c.kind == kind, certificate.c.number == number
            )
        )
    ).one_or_none()
    return _certificate(row) if row else None


async def get(connection: AsyncConnection, id_: UUID, issuer_id: int, *, lock: bool = False) -> Certificate | None:
    """The issuer's own certificate."""
    statement = select(certificate).where(certificate.c.id == id_, certificate.c.issuer_id == issuer_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return _certificate(row) if row else None


async def register(connection: AsyncConnection, made: Certificate) -> bool:
    """Store a registration; False when its status index is taken (choose another)."""
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
        .on_conflict_do_nothing(index_elements=["list_id", "list_index"])
    )
    return bool(done.rowcount)


async def confirm(
    connection: AsyncConnection, id_: UUID, *, digest: bytes, issued_at: datetime, expires_at: datetime, now: datetime
) -> None:
    """The issuer has signed: keep the digest of what."""
    await connection.execute(
        update(certificate)
        .where(certificate.c.id == id_)
        .values(digest=digest, issued_at=issued_at, expires_at=expires_at, status="valid", status_at=now)
    )


async def set_status(connection: AsyncConnection, id_: UUID, status: str, reason: str, now: datetime) -> None:
    """Revoke, suspend, supersede or make valid again."""
    await connection.execute(
        update(certificate).where(certificate.c.id == id_).values(status=status, reason=reason, status_at=now)
    )


async def current_list(connection: AsyncConnection, empty: bytes, size: int) -> int:
    """The id of the list that new certificates go to; a new one is begun when the last is half full."""
    row = (
        await connection.execute(
            select(status_list.c.id, status_list.c.size, status_list.c.allocated)
            .order_by(status_list.c.id.desc())
            .limit(1)
            .with_for_update()
        )
    ).one_or_none()
    if row is None or row.allocated * 2 >= row.size:
        made = await connection.execute(
            insert(status_list).values(bits=empty, size=size, allocated=0).returning(status_list.c.id)
        )
        return int(made.scalar_one())
    return int(row.id)


async def allocated(connection: AsyncConnection, list_id: int) -> None:
    """One more index of the list is in use."""
    await connection.execute(
        update(status_list).where(status_list.c.id == list_id).values(allocated=status_list.c.allocated + 1)
    )


async def list_bits(connection: AsyncConnection, list_id: int, *, lock: bool = False) -> bytes | None:
    """The raw bits of a list."""
    statement = select(status_list.c.bits).where(status_list.c.id == list_id)
    return (await connection.execute(statement.with_for_update() if lock else statement)).scalar_one_or_none()


async def put_list_bits(connection: AsyncConnection, list_id: int, bits: bytes) -> None:
    """Replace a list's bits; its published document is out of date from now on."""
    await connection.execute(
        update(status_list).where(status_list.c.id == list_id).values(bits=bits, document=None, signed_at=None)
    )


async def list_document(connection: AsyncConnection, list_id: int) -> tuple[str, datetime] | None:
    """(signed token, when) as last published, if it is still true."""
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


async def add_challenge(connection: AsyncConnection, nonce_hash: bytes, expires_at: datetime) -> None:
    """A nonce that one presentation may answer."""
    await connection.execute(insert(presentation_challenge).values(nonce_hash=nonce_hash, expires_at=expires_at))


async def use_challenge(connection: AsyncConnection, nonce_hash: bytes, now: datetime) -> str:
    """Spend a nonce: "fresh" when it could be, else "used", "expired" or "unknown"."""
    done = await connection.execute(
        update(presentation_challenge)
        .where(
            presentation_challenge.c.nonce_hash == nonce_hash,
            presentation_challenge.c.used_at.is_(None),
            presentation_challenge.c.expires_at > now,
        )
        .values(used_at=now)
    )
    if done.rowcount:
        return "fresh"
    row = (
        await connection.execute(
            select(presentation_challenge.c.used_at).where(presentation_challenge.c.nonce_hash == nonce_hash)
        )
    ).one_or_none()
    if row is None:
        return "unknown"
    return "used" if row.used_at is not None else "expired"


async def totals(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """Certificates by (kind, status)."""
    rows = await connection.execute(
        select(certificate.c.kind, certificate.c.status, func.count()).group_by(
            certificate.c.kind, certificate.c.status
        )
    )
    return {(kind, status): int(number) for kind, status, number in rows}
