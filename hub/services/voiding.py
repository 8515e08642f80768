"""Takes back a message that may not be handed over any more, and tells of it who has it already."""

from datetime import datetime
from uuid import UUID

from hub.domain.messages import IN_HAND, State
from hub.runtime import Hub
from hub.services import notices
from hub.storage import audit, deliveries, mailbox, submissions
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.mailbox import Item
from hub.storage.members import Member


async def void(hub: Hub, connection: AsyncConnection, item: Item, reason: str, actor: str, now: datetime) -> None:
    """The message is not handed over and nobody owes an answer; its sender sees why.

    One that its recipient has received stays what it is, and its answer is owed and taken as before: it is not handed
    over again, and its recipient is told why (DOMAIN §2).
    """
    if item.state in IN_HAND:
        await _recall(hub, connection, item, reason, actor, now)
        return
    await mailbox.settle(connection, hub.vault, item.id, State.VOIDED, receipt=None, errors=None, now=now)
    await submissions.move(connection, item.submission_id, State.VOIDED, now, reason)
    await deliveries.void_notice(connection, item.id)
    content = {"message": str(item.message_id), "reason": reason}
    await audit.append(connection, hub.vault, [Act("void", actor, content, now)])


async def supersede(
    hub: Hub, connection: AsyncConnection, member: Member, message_id: UUID, by: UUID, now: datetime
) -> None:
    """Message `by` of `member` corrects its `message_id`: while that only waits, it is not handed over any more.

    Call it before anything else of the member's is moved: what waits is locked first, the member's changes then.
    """
    corrected = await submissions.by_message(connection, hub.vault, member.id, message_id)
    item = await mailbox.by_submission(connection, hub.vault, corrected.id, lock=True) if corrected else None
    if item is None or item.state is not State.AVAILABLE:
        return
    await mailbox.settle(connection, hub.vault, item.id, State.SUPERSEDED, receipt=None, errors=None, now=now)
    await submissions.move(connection, item.submission_id, State.SUPERSEDED, now, f"by {by}")
    await deliveries.void_notice(connection, item.id)
    content = {"message": str(message_id), "by": str(by)}
    await audit.append(connection, hub.vault, [Act("supersede", member.name, content, now)])


async def _recall(hub: Hub, connection: AsyncConnection, item: Item, reason: str, actor: str, now: datetime) -> None:
    """Tell the recipient once: a notice, and a line in the timeline that both sides see."""
    if not await mailbox.end_lending(connection, item.id):
        return
    await submissions.add_event(connection, item.submission_id, item.state, now, reason)
    told = {"kind": item.kind, "mailbox_id": str(item.id), "message_id": str(item.message_id), "reason": reason}
    await notices.tell(hub, connection, item.recipient_id, "withdrawn", str(item.id), told)
    content = {"message": str(item.message_id), "reason": reason, "state": item.state}
    await audit.append(connection, hub.vault, [Act("recall", actor, content, now)])
