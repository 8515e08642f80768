"""The daily digest: what a day brought to a member, in numbers only; told to its webhook, and laid into a partner's mailbox.

A partner may have no system of its own, so its digest waits for it like a message, signed for and audited like one. A
slot's digest is made once however often it is asked for.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from hub.domain.messages import State
from hub.runtime import HUB_NAME, Hub
from hub.services import intake, notices
from hub.storage import audit, deliveries, mailbox, members, submissions
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.mailbox import Item
from hub.storage.members import Member
from hub.storage.submissions import NewSubmission

KIND: Final = "digest"
_MEDIA_TYPE: Final = "application/json"
_PARTNER: Final = "partner"


async def digest(hub: Hub, slot: datetime) -> dict[str, int]:
    """Queue the digest of the day that ends with `slot` for everybody who has an endpoint, and for each partner."""
    since = slot - timedelta(days=1)
    queued = laid = 0
    async with hub.database.begin() as connection:
        for member in await members.all_members(connection):
            content: dict[str, Any] = {"from": since, "until": slot}
            content |= await deliveries.digest_counts(connection, member.id, since, slot)
            queued += await notices.tell(hub, connection, member.id, KIND, slot.isoformat(), content)
            if member.kind == _PARTNER:
                laid += await _lay(hub, connection, member, slot, content)
    return {"digests": queued, "letters": laid}


async def _lay(hub: Hub, connection: AsyncConnection, member: Member, slot: datetime, content: dict[str, Any]) -> int:
    """Put the digest into the partner's mailbox, from the hub itself; 0 when it lies there already."""
    sender = await members.by_name(connection, HUB_NAME)
    if sender is None:
        raise LookupError("the hub is not a member of its own exchange; run `hub init`")
    message_id = uuid5(NAMESPACE_URL, f"urn:lianqiao:digest:{member.name}:{slot.isoformat()}")
    if await submissions.by_message(connection, hub.vault, sender.id, message_id) is not None:
        return 0
    body, now = orjson.dumps({"type": "lianqiao.digest", **content}, option=orjson.OPT_SORT_KEYS), hub.now()
    submission = await _submit(hub, connection, sender, message_id, body, now)
    item = Item(
        id=new_id(),
        submission_id=submission,
        sender_id=sender.id,
        recipient_id=member.id,
        message_id=message_id,
        kind=KIND,
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
    told = {"message": str(message_id), "kind": KIND, "to": member.name}
    await audit.append(connection, hub.vault, [Act("route", HUB_NAME, told, now)])
    return 1


async def _submit(
    hub: Hub, connection: AsyncConnection, sender: Member, message_id: UUID, body: bytes, now: datetime
) -> UUID:
    """The digest as a message like any other: its bytes, its receipt, its leaf, its timeline."""
    id_, digest_ = new_id(), sha256(body).digest()
    acknowledgement, leaf = await intake.acknowledge(
        hub, connection, sender, id_, message_id, digest_, KIND, State.ACCEPTED, now
    )
    new = NewSubmission(
        id=id_,
        member_id=sender.id,
        message_id=message_id,
        kind=KIND,
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
