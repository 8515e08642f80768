"""Hands messages over: leased reading with policy asked once more, then the recipient's receipt.

A crash after reading loses nothing: without a receipt the lease passes and the message is lent again. Receipts are
idempotent; each is answered with the hub's own signed receipt.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from certs.seal_header import read_header_bytes
from hub.domain import policy
from hub.domain.messages import PART_BYTES, State, before, may_follow
from hub.errors import Conflict, Invalid, NotFound
from hub.runtime import HUB_NAME, Hub
from hub.services import crossref, receipts, routing
from hub.services.voiding import void
from hub.storage import access, audit, deliveries, mailbox, members, submissions
from hub.storage.access import Access
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.mailbox import Item
from hub.storage.members import Member

ANSWERS = (State.RECEIVED, State.PROCESSED, State.BUSINESS_ERROR)
_UNANSWERED = before(State.RECEIVED) | {State.RECEIVED}
"""An acknowledgement and an error exclude each other: what was answered stays as it was answered (WIRE.md)."""

ANSWER_BYTES = 16 * 2**20
"""An answer larger than its reader takes would be lent again without end, and with it whatever lies behind."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A message as its recipient reads it; `subjects` are the recipient's own record ids of the same person."""

    item: Item
    sender: str
    media_type: str
    body: bytes
    subjects: list[str]


async def lease(hub: Hub, member: Member, *, most: int, seconds: int) -> list[Handed]:
    """Lend up to `most` waiting messages for `seconds`, fewer where they are large.

    What policy no longer permits is voided instead; what was received before is only not handed over again.
    """
    now = hub.now()
    async with hub.database.begin() as connection:
        items = await mailbox.lease(
            connection,
            hub.vault,
            member.id,
            now=now,
            seconds=seconds,
            limit=most,
            most_bytes=ANSWER_BYTES,
            times=hub.settings.mailbox_lendings,
        )
        # What is voided locks its sender's changes: one sender after the other, so that nobody waits in a ring.
        items.sort(key=lambda item: item.sender_id)
        handed = [await _hand(hub, connection, member, item, now) for item in items]
    return sorted((some for some in handed if some is not None), key=lambda some: (some.item.queued_at, some.item.id))


async def read(hub: Hub, member: Member, item_id: UUID) -> Handed:
    """The same message again, while it waits. Raises NotFound."""
    now = hub.now()
    async with hub.database.begin() as connection:
        item = await mailbox.get(connection, hub.vault, item_id, member.id, lock=True)
        if item is None or item.state not in (State.AVAILABLE, State.RECEIVED) or item.expires_at <= now:
            raise NotFound
        handed = await _hand(hub, connection, member, item, now)
    if handed is None:
        raise NotFound
    return handed


async def _hand(hub: Hub, connection: AsyncConnection, member: Member, item: Item, now: datetime) -> Handed | None:
    """Ask policy again and read the body; None when the message may not be handed over, or not again."""
    sender = await members.by_id(connection, item.sender_id)
    if sender.name == HUB_NAME:
        # The hub's own digest: numbers about nobody in particular.
        return await _give(hub, connection, member, item, sender, None, now)
    header = read_header_bytes(item.header)
    considered = await routing.consider(hub, connection, sender, header)
    person = await crossref.person_of(hub, connection, sender.name, header.subject)
    outcome = considered.answer.reason if isinstance(considered.answer, policy.Deny) else routing.PERMIT
    if outcome == routing.PERMIT and await _is_stolen(connection, item, header.sig_kid):
        outcome = "key-compromised"
    purpose, fields = routing.purpose(header), (item.kind,)
    looked = Access(member.name, member.name, "hand-over", purpose, person, item.subject, fields, outcome, now)
    await access.note(connection, [looked])
    if outcome != routing.PERMIT:
        await void(hub, connection, item, outcome, member.name, now)
        return None
    return await _give(hub, connection, member, item, sender, person, now)


async def _is_stolen(connection: AsyncConnection, item: Item, kid: str) -> bool:
    """Was the key lost before the log held the message? What an honest sender sent earlier stays good."""
    key = next((key for key in await members.keys(connection, item.sender_id) if key.kid == kid), None)
    return key is None or (key.compromised_at is not None and item.queued_at >= key.compromised_at)


async def _give(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    item: Item,
    sender: Member,
    person: UUID | None,
    now: datetime,
) -> Handed:
    """The bytes as they came, and under which numbers the recipient knows the person."""
    submission = await submissions.by_id(connection, hub.vault, item.submission_id)
    if submission is None:
        raise LookupError(f"mailbox item {item.id} has no submission")
    body = b""
    while (part := await submissions.part(connection, hub.vault, submission.id, len(body) // PART_BYTES)) is not None:
        body += part
        if len(body) >= submission.size:
            break
    subjects = []
    if person is not None:
        subjects = await crossref.record_ids_at(hub, connection, person, member.id, member.name)
    content = {"message": str(item.message_id), "kind": item.kind, "attempt": item.attempt}
    await audit.append(connection, hub.vault, [Act("hand-over", member.name, content, now)])
    return Handed(item, sender.name, submission.media_type, body, subjects)


async def acknowledge(
    hub: Hub, member: Member, item_id: UUID, state: State, digest: bytes, errors: list[dict[str, Any]]
) -> tuple[str, State]:
    """Take the recipient's answer; (signed receipt, state). Raises NotFound, Invalid, Conflict."""
    if state not in ANSWERS:
        raise Invalid("bad-request", "A receipt says RECEIVED, PROCESSED or BUSINESS_ERROR.")
    if (state is State.BUSINESS_ERROR) != bool(errors):
        raise Invalid("bad-request", "A business error names its errors; an acknowledgement has none.")
    now = hub.now()
    async with hub.database.begin() as connection:
        item = await mailbox.get(connection, hub.vault, item_id, member.id, lock=True)
        if item is None:
            raise NotFound
        if item.digest != digest:
            raise Conflict("digest-conflict", "The receipt is for other bytes than those that were handed over.")
        if item.receipt is not None and (item.state is state or (state is State.RECEIVED and item.state in ANSWERS)):
            return item.receipt, item.state
        if item.state not in _UNANSWERED or not may_follow(item.state, state):
            raise Conflict("state-conflict", f"The message is {item.state}; it cannot become {state}.")
        content = {"message": str(item.message_id), "state": state, "digest": digest.hex()}
        leaf = (await audit.append(connection, hub.vault, [Act("acknowledge", member.name, content, now)]))[0]
        receipt = receipts.sign(
            hub,
            what="mailbox",
            id_=item.id,
            message_id=item.message_id,
            member=member.name,
            digest=digest,
            leaf=leaf,
            at=now,
        )
        listed = orjson.dumps(errors) if errors else None
        await mailbox.settle(connection, hub.vault, item.id, state, receipt=receipt, errors=listed, now=now)
        await submissions.move(connection, item.submission_id, state, now, f"by {member.name}")
        if state is not State.RECEIVED:
            await deliveries.answer_notice(connection, item.id, now)
        return receipt, state
