"""What waits for a member: leased reading, explicit receipt, expiry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.domain.messages import IN_HAND, State
from hub.storage import notable
from hub.storage.tables import mailbox_item, submission
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Item:
    """One message waiting for, or read by, its recipient; `header` is what its envelope says outside, as JSON bytes."""

    id: UUID
    submission_id: UUID
    sender_id: int
    recipient_id: int
    message_id: UUID
    kind: str
    header: bytes
    subject: bytes
    consent_id: UUID | None
    digest: bytes
    state: State
    attempt: int
    receipt: str | None
    queued_at: datetime
    expires_at: datetime
    lease_until: datetime | None


def _item(row: Any, vault: Vault) -> Item:
    return Item(
        row.id,
        row.submission_id,
        row.sender_id,
        row.recipient_id,
        row.message_id,
        row.kind,
        vault.open(row.header),
        row.subject,
        row.consent_id,
        row.digest,
        State(row.state),
        row.attempt,
        row.receipt,
        row.queued_at,
        row.expires_at,
        row.lease_until,
    )


async def put(connection: AsyncConnection, vault: Vault, item: Item) -> None:
    """Make a message available to its recipient."""
    await connection.execute(
        insert(mailbox_item).values(
            id=item.id,
            submission_id=item.submission_id,
            sender_id=item.sender_id,
            recipient_id=item.recipient_id,
            message_id=item.message_id,
            kind=item.kind,
            header=vault.seal(item.header),
            subject=item.subject,
            consent_id=item.consent_id,
            digest=item.digest,
            state=item.state,
            queued_at=item.queued_at,
            expires_at=item.expires_at,
            state_at=item.queued_at,
        )
    )
    await notable.waits(connection, item.recipient_id, item.id, item.queued_at)


_LEASE = text("""
    -- lease: the oldest messages of a recipient that nobody holds, as many of them as an answer takes but one at least;
    -- those it has received already and did not decide come behind, so that they keep nothing new from it
    WITH waiting AS MATERIALIZED (
        SELECT i.id, i.queued_at, i.state = 'RECEIVED' AS again, (s.size + 2) / 3 * 4 + :around AS size
        FROM mailbox_item i JOIN submission s ON s.id = i.submission_id
        WHERE i.recipient_id = :recipient AND i.state IN ('AVAILABLE', 'RECEIVED') AND i.expires_at > :now
          AND (i.lease_until IS NULL OR i.lease_until < :now) AND (i.attempt < :times OR i.state = 'RECEIVED')
        ORDER BY i.state = 'RECEIVED', i.queued_at, i.id LIMIT :limit FOR UPDATE OF i SKIP LOCKED),
    measured AS (SELECT id, size, sum(size) OVER (ORDER BY again, queued_at, id) AS so_far FROM waiting)
    UPDATE mailbox_item SET lease_until = :until, attempt = attempt + 1
    FROM measured WHERE measured.id = mailbox_item.id AND (so_far <= :most_bytes OR so_far = measured.size)
    RETURNING mailbox_item.*""")
_AROUND = 1024
"""What an answer says of a message beside its body."""


async def lease(
    connection: AsyncConnection,
    vault: Vault,
    recipient_id: int,
    *,
    now: datetime,
    seconds: int,
    limit: int,
    most_bytes: int,
    times: int,
) -> list[Item]:
    """Lend up to `limit` messages for `seconds`; without a receipt by then they are lent again, up to `times`.

    Their bodies in base64 come to at most `most_bytes`, or it is one message.
    """
    wanted = {"recipient": recipient_id, "now": now, "until": now + timedelta(seconds=seconds), "limit": limit}
    rows = await connection.execute(_LEASE, {**wanted, "around": _AROUND, "most_bytes": most_bytes, "times": times})
    return sorted((_item(row, vault) for row in rows), key=lambda item: (item.queued_at, item.id))


async def get(
    connection: AsyncConnection, vault: Vault, item_id: UUID, recipient_id: int, *, lock: bool = False
) -> Item | None:
    """The recipient's own item."""
    statement = select(mailbox_item).where(mailbox_item.c.id == item_id, mailbox_item.c.recipient_id == recipient_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return _item(row, vault) if row else None


async def by_submission(
    connection: AsyncConnection, vault: Vault, submission_id: UUID, *, lock: bool = False
) -> Item | None:
    """The item a submission became."""
    statement = select(mailbox_item).where(mailbox_item.c.submission_id == submission_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return _item(row, vault) if row else None


async def settle(
    connection: AsyncConnection,
    vault: Vault,
    item_id: UUID,
    state: State,
    *,
    receipt: str | None,
    errors: bytes | None,
    now: datetime,
) -> None:
    """Record what the recipient (or the clock) made of it; the lease ends with a final state."""
    await connection.execute(
        update(mailbox_item)
        .where(mailbox_item.c.id == item_id)
        .values(
            state=state,
            state_at=now,
            receipt=receipt,
            errors=vault.seal(errors) if errors else None,
            lease_until=mailbox_item.c.lease_until if state is State.RECEIVED else None,
        )
    )


async def end_lending(connection: AsyncConnection, item_id: UUID) -> bool:
    """Lend a received item no more; False when that was so already."""
    done = await connection.execute(
        update(mailbox_item)
        .where(mailbox_item.c.id == item_id, mailbox_item.c.lease_until.is_distinct_from(mailbox_item.c.expires_at))
        .values(lease_until=mailbox_item.c.expires_at)
    )
    return done.rowcount == 1


async def errors_of(connection: AsyncConnection, vault: Vault, submission_id: UUID) -> bytes | None:
    """The business errors the recipient gave, as JSON bytes."""
    sealed = (
        await connection.execute(select(mailbox_item.c.errors).where(mailbox_item.c.submission_id == submission_id))
    ).scalar_one_or_none()
    return vault.open(sealed) if sealed else None


async def resting_on(connection: AsyncConnection, vault: Vault, consent_ids: Sequence[UUID]) -> list[Item]:
    """Items that wait or were received and whose delivery rests on these consents."""
    states = (State.AVAILABLE, *IN_HAND)
    rows = await connection.execute(
        select(mailbox_item)
        .where(mailbox_item.c.consent_id.in_(list(consent_ids)), mailbox_item.c.state.in_(states))
        .with_for_update()
    )
    return [_item(row, vault) for row in rows]


async def expired(connection: AsyncConnection, vault: Vault, now: datetime, limit: int) -> list[Item]:
    """Items whose time is over and that nobody has received; what was received is answered, however late."""
    rows = await connection.execute(
        select(mailbox_item)
        .where(mailbox_item.c.state == State.AVAILABLE, mailbox_item.c.expires_at <= now)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_item(row, vault) for row in rows]


async def expiring(
    connection: AsyncConnection, vault: Vault, now: datetime, warned: timedelta, limit: int
) -> list[Item]:
    """Items nobody has received whose time is over within `warned`, and whose sender was not told; short-lived ones never."""
    rows = await connection.execute(
        select(mailbox_item)
        .join(submission, submission.c.id == mailbox_item.c.submission_id)
        .where(
            mailbox_item.c.state == State.AVAILABLE,
            submission.c.state == State.AVAILABLE,
            mailbox_item.c.expires_at > now,
            mailbox_item.c.expires_at <= now + warned,
            mailbox_item.c.queued_at < mailbox_item.c.expires_at - warned,
        )
        .limit(limit)
        .with_for_update(skip_locked=True, of=mailbox_item)
    )
    return [_item(row, vault) for row in rows]


async def lent_too_often(
    connection: AsyncConnection, vault: Vault, now: datetime, times: int, limit: int
) -> list[Item]:
    """Items lent `times` without any receipt, once the last lease is over."""
    rows = await connection.execute(
        select(mailbox_item)
        .where(
            mailbox_item.c.state == State.AVAILABLE,
            mailbox_item.c.attempt >= times,
            mailbox_item.c.lease_until < now,
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_item(row, vault) for row in rows]


async def waiting(connection: AsyncConnection) -> dict[int, tuple[int, datetime]]:
    """For each recipient how many items wait and since when."""
    rows = await connection.execute(
        select(mailbox_item.c.recipient_id, func.count(), func.min(mailbox_item.c.queued_at))
        .where(mailbox_item.c.state == State.AVAILABLE)
        .group_by(mailbox_item.c.recipient_id)
    )
    return {recipient: (int(number), since) for recipient, number, since in rows}


async def counts(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """Items by (kind, state)."""
    rows = await connection.execute(
        select(mailbox_item.c.kind, mailbox_item.c.state, func.count()).group_by(
            mailbox_item.c.kind, mailbox_item.c.state
        )
    )
    return {(kind, state): int(number) for kind, state, number in rows}


async def listed(
    connection: AsyncConnection, vault: Vault, *, member_ids: Sequence[int] | None, limit: int, before: datetime | None
) -> list[tuple[Item, datetime]]:
    """(item, when it was received) newest first, of the members given (as sender or recipient) or of all."""
    statement = (
        select(mailbox_item, submission.c.received_at)
        .join(submission, submission.c.id == mailbox_item.c.submission_id)
        .order_by(mailbox_item.c.queued_at.desc(), mailbox_item.c.id)
        .limit(limit)
    )
    if member_ids is not None:
        ids = list(member_ids)
        statement = statement.where(mailbox_item.c.sender_id.in_(ids) | mailbox_item.c.recipient_id.in_(ids))
    if before is not None:
        statement = statement.where(mailbox_item.c.queued_at < before)
    return [(_item(row, vault), row.received_at) for row in await connection.execute(statement)]
