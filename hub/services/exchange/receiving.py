"""Takes in messages that are done in the very transaction that receives them: their bytes, receipts and leaves, many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from hub.domain.messages import State
from hub.errors import Conflict
from hub.runtime import Hub
from hub.services.intake import FHIR_JSON, Acknowledgement, Raced, acknowledgement_of
from hub.storage import audit, messages
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.members import Member
from hub.storage.messages import Message


@dataclass(frozen=True, slots=True)
class Done:
    """A message and what came of it: `said` stands in its acknowledgement, `rows` is how many entries it has."""

    message_id: UUID
    body: bytes
    said: Mapping[str, Any]
    rows: int


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


async def take(
    hub: Hub, connection: AsyncConnection, member: Member, kind: str, done: Sequence[Done], now: datetime
) -> dict[UUID, Acknowledgement]:
    """Keep the messages with their receipts; answers the acknowledgements by message id. Raises Raced."""
    ids, digests = [new_id() for _ in done], [sha256(one.body).digest() for one in done]
    received = [
        {"submission": str(id_), "message": str(one.message_id), "digest": digest.hex(), "kind": kind}
        for id_, one, digest in zip(ids, done, digests, strict=True)
    ]
    leaves = await audit.append(
        connection, hub.vault, [Act("receive", member.name, content, now) for content in received]
    )
    stored = [
        Message(
            id_,
            one.message_id,
            digest,
            one.body,
            acknowledgement_of(hub, member, id_, one.message_id, digest, State.PROCESSED, leaf, now, one.said),
            leaf,
            one.rows,
        )
        for id_, one, digest, leaf in zip(ids, done, digests, leaves, strict=True)
    ]
    if not await messages.add(connection, hub.vault, member.id, kind, FHIR_JSON, stored, now):
        raise Raced
    return {one.message_id: Acknowledgement(one.acknowledgement, repeated=False) for one in stored}
