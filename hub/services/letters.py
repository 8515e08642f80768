"""Letters of the hub itself, laid into a member's mailbox: signed for, audited and answered like any other message."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from hub.domain.messages import State
from hub.runtime import HUB_NAME, Hub
from hub.services import intake
from hub.storage import audit, mailbox, members, submissions
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.mailbox import Item
from hub.storage.members import Member
from hub.storage.submissions import NewSubmission

_MEDIA_TYPE: Final = "application/json"


async def lay(hub: Hub, connection: AsyncConnection, member: Member, kind: str, message_id: UUID, body: bytes) -> bool:
    """Put a JSON letter into the member's mailbox; False when it was laid there before."""
    sender = await members.by_name(connection, HUB_NAME)
    if sender is None:
        raise LookupError("the hub is not a member of its own exchange; run `hub init`")
    if await submissions.by_message(connection, hub.vault, sender.id, message_id) is not None:
        return False
    now = hub.now()
    submission = await _submit(hub, connection, sender, kind, message_id, body, now)
    item = Item(
        id=new_id(),
        submission_id=submission,
        sender_id=sender.id,
        recipient_id=member.id,
        message_id=message_id,
        kind=kind,
        header=b"",
        subject=b"",
        consent_id=None,
        digest=sha256(body).digest(),
        state=State.AVAILABLE,
        attempt=0,
        receipt=None,
        queued_at=now,
        expires_at=now + timedelta(days=hub.settings.mailbox_days),
        lease_until=None,
    )
    await mailbox.put(connection, hub.vault, item)
    told = {"message": str(message_id), "kind": kind, "to": member.name}
    await audit.append(connection, hub.vault, [Act("route", HUB_NAME, told, now)])
    return True


async def _submit(
    hub: Hub, connection: AsyncConnection, sender: Member, kind: str, message_id: UUID, body: bytes, now: datetime
) -> UUID:
    """The letter as a message like any other: its bytes, its receipt, its leaf, its timeline."""
    id_, digest_ = new_id(), sha256(body).digest()
    acknowledgement, leaf = await intake.acknowledge(
        hub, connection, sender, id_, message_id, digest_, kind, State.ACCEPTED, now
    )
    new = NewSubmission(
        id=id_,
        member_id=sender.id,
        message_id=message_id,
        kind=kind,
        mapping=None,
        media_type=_MEDIA_TYPE,
        file_name="",
        digest=digest_,
        size=len(body),
        state=State.ACCEPTED,
        acknowledgement=acknowledgement,
        leaf=leaf,
        in_response_to=None,
        supersedes=None,
        received_at=now,
    )
    await submissions.add(connection, hub.vault, new, [hub.vault.seal(body)])
    steps = [(State.VALIDATED, ""), (State.QUEUED, ""), (State.AVAILABLE, "")]
    await submissions.move_through(connection, id_, steps, now)
    return id_
