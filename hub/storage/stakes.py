"""What hangs on a person when records are joined or parted: certificates, sealed reports, and what still waits."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.certificates import LIVE, REGISTERED
from hub.storage.overviews import TAKEN, WAITING
from hub.storage.tables import certificate, mailbox_item, notice
from mappings.vocabulary import SEALED_KINDS


@dataclass(frozen=True, slots=True)
class Papers:
    """Certificates in force and sealed reports about some people."""

    certificates: int
    sealed: int


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits for some people: messages not answered yet, answers owed, certificates being issued."""

    deliveries: int
    notices: int
    certificates: int


async def papers(connection: AsyncConnection, subjects: Sequence[bytes]) -> Papers:
    """Of the people whom their members' records name as `subjects` (blind indexes)."""
    own = list(subjects)
    certificates = await connection.execute(
        select(func.count()).where(certificate.c.subject.in_(own), certificate.c.status.in_(LIVE))
    )
    sealed = await connection.execute(
        select(func.count()).where(mailbox_item.c.subject.in_(own), mailbox_item.c.kind.in_(sorted(SEALED_KINDS)))
    )
    return Papers(int(certificates.scalar_one()), int(sealed.scalar_one()))


async def pending(connection: AsyncConnection, subjects: Sequence[bytes]) -> Pending:
    """What waits for the people of `subjects`."""
    own = list(subjects)
    deliveries = await connection.execute(
        select(func.count()).where(mailbox_item.c.subject.in_(own), mailbox_item.c.state.in_((*WAITING, *TAKEN)))
    )
    notices = await connection.execute(
        select(func.count())
        .select_from(notice.join(mailbox_item, mailbox_item.c.id == notice.c.mailbox_item_id))
        .where(mailbox_item.c.subject.in_(own), notice.c.state.in_(("OPEN", "OVERDUE")))
    )
    issued = await connection.execute(
        select(func.count()).where(certificate.c.subject.in_(own), certificate.c.status == REGISTERED)
    )
    return Pending(int(deliveries.scalar_one()), int(notices.scalar_one()), int(issued.scalar_one()))
