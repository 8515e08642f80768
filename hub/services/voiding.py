"""Takes back a message that may not be handed over any more."""

from datetime import datetime

from hub.domain.messages import State
from hub.runtime import Hub
from hub.storage import audit, deliveries, mailbox, submissions
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.mailbox import Item


async def void(hub: Hub, connection: AsyncConnection, item: Item, reason: str, actor: str, now: datetime) -> None:
    """The message is not handed over and nobody owes an answer; its sender sees why."""
    await mailbox.settle(connection, hub.vault, item.id, State.VOIDED, receipt=None, errors=None, now=now)
    await submissions.move(connection, item.submission_id, State.VOIDED, now, reason)
    await deliveries.void_notice(connection, item.id)
    content = {"message": str(item.message_id), "reason": reason}
    await audit.append(connection, hub.vault, [Act("void", actor, content, now)])
