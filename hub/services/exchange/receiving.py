"""Takes in messages that are done in the very transaction that receives them: their bytes, receipts and leaves, many at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from hub.domain.messages import State
from hub.errors import Conflict
from hub.runtime import Hub
from hub.services.intake import FHIR_JSON, Acknowledgement, Raced, acknowledgement_of, receipt_of
from hub.storage import audit, messages
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, Part
from hub.storage.ids import new_id
from hub.storage.members import Member
from hub.storage.messages import Message


@dataclass(frozen=True, slots=True)
class Received:
    """A message: the id under which it is kept, the digest of its bytes, and the hash of its leaf."""

    id: UUID
    message_id: UUID
    body: bytes
    digest: bytes
    leaf: bytes


async def repeated(
    hub: Hub, connection: AsyncConnection, member: Member, bodies: Mapping[UUID, bytes]
) -> dict[UUID, Acknowledgement]:
    """The stored answers of those of the messages that were received before. Raises Conflict for one with other bytes."""
    known = await messages.answered(connection, hub.vault, member.id, list(bodies))
    if any(digest != sha256(bodies[id_]).digest() for id_, (digest, _) in known.items()):
        raise Conflict(
            "digest-conflict",
            "This message id was used for other bytes before: these are kept as they were, and nothing was stored now. A correction "
            "needs a message id of its own.",
        )
    return {id_: Acknowledgement(answer, repeated=True) for id_, (_, answer) in known.items()}


def received(
    hub: Hub, member: Member, kind: str, bodies: Mapping[UUID, bytes], now: datetime
) -> tuple[list[Received], list[Part]]:
    """Messages by their ids, and their leaves, which are to be written with what they do."""
    some = [(new_id(), message_id, body, sha256(body).digest()) for message_id, body in bodies.items()]
    contents = [
        {"submission": str(id_), "message": str(message_id), "digest": digest.hex(), "kind": kind}
        for id_, message_id, _, digest in some
    ]
    acts = [Act("receive", member.name, content, now) for content in contents]
    leaves, parts = audit.appending(hub.vault, acts)
    return [Received(*one, leaf) for one, leaf in zip(some, leaves, strict=True)], parts


async def receipts(hub: Hub, member: Member, received: Sequence[Received], now: datetime) -> list[str]:
    """The receipts of messages, to be made while others wait for the database."""
    made = []
    for one in received:
        made.append(receipt_of(hub, member, one.id, one.message_id, one.digest, one.leaf, now))
        await asyncio.sleep(0)
    return made


async def take(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    kind: str,
    done: Sequence[tuple[Received, str, Sequence[Any]]],
    now: datetime,
) -> dict[UUID, Acknowledgement]:
    """Keep messages with their receipts, and what came of their entries; answers the acknowledgements by message id.

    Raises Raced.
    """
    stored = [
        Message(
            one.id,
            one.message_id,
            one.digest,
            one.body,
            acknowledgement_of(
                one.id, one.message_id, one.digest, State.PROCESSED, one.leaf, now, receipt, {"entries": said}
            ),
            one.leaf,
            len(said),
        )
        for one, receipt, said in done
    ]
    if not await messages.add(connection, hub.vault, member.id, kind, FHIR_JSON, stored, now):
        raise Raced
    return {one.message_id: Acknowledgement(one.acknowledgement, repeated=False) for one in stored}
