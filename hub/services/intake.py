"""Receives: the exact bytes, their digest, the audit leaf and the work that follows, in one transaction.

The answer is a signed receipt. The same message id with the same digest gets the stored answer again, byte for byte;
with another digest it is a conflict. What is refused leaves an audit leaf and nothing else.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

import mappings
from certs.errors import CertsError
from hub.domain.messages import PART_BYTES, State
from hub.errors import Conflict, Invalid, NotAllowed, Refused, TooLarge, TooMany, Unavailable
from hub.runtime import Hub
from hub.services import receipts, translators
from hub.services.translators import Translator
from hub.storage import audit, submissions, work
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.members import Member
from hub.storage.submissions import NewSubmission
from mappings import vocabulary

FHIR_JSON: Final = "application/fhir+json"


_SHARE: Final = 4
"""One member's documents may be the fourth part of those that wait, or these few: the others' are taken in as before."""
_FEW: Final = 100


class Raced(Exception):
    """Another request stored the same message while this one was being stored; its transaction is undone."""


@dataclass(frozen=True, slots=True)
class Document:
    """A raw document on its way in. `digest` is what the sender says its SHA-256 is, empty where it may leave that out."""

    message_id: UUID
    mapping: str
    media_type: str
    file_name: str
    digest: bytes
    in_response_to: UUID | None = None
    supersedes: UUID | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the sender is answered: `body` are the exact bytes; `repeated` when they were stored before."""

    body: bytes
    repeated: bool


async def seal_parts(hub: Hub, body: AsyncIterator[bytes], limit: int) -> tuple[list[bytes], bytes, int]:
    """Cut a body into sealed parts of at most 1 MiB: (parts, SHA-256, size). Raises TooLarge above `limit`."""
    parts: list[bytes] = []
    digest, size, pending = sha256(), 0, bytearray()
    async for chunk in body:
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"The document is larger than {limit} bytes. Send it in smaller parts; nothing was stored.")
        digest.update(chunk)
        pending += chunk
        while len(pending) >= PART_BYTES:
            parts.append(hub.vault.seal(bytes(pending[:PART_BYTES])))
            del pending[:PART_BYTES]
    if pending or not parts:
        parts.append(hub.vault.seal(bytes(pending)))
    return parts, digest.digest(), size


def check_digest(stated: bytes, found: bytes) -> None:
    """Raises Invalid when the bytes are not the ones the sender meant to send."""
    if stated != found:
        raise Invalid(
            "digest-mismatch",
            "The body's SHA-256 is not the one in Content-Digest; it was damaged on the way. Nothing was stored.",
            retry="NORMAL",
        )


async def repeated(
    hub: Hub, connection: AsyncConnection, member: Member, message_id: UUID, digest: bytes
) -> Acknowledgement | None:
    """The stored answer when this message was received before. Raises Conflict for the same id with other bytes."""
    known = await submissions.by_message(connection, hub.vault, member.id, message_id)
    if known is None:
        return None
    if known.digest != digest:
        raise Conflict(
            "digest-conflict",
            "This message id was used for other bytes before: these are kept as they were, and nothing was stored now. A correction "
            "needs a message id of its own.",
        )
    return Acknowledgement(known.acknowledgement, repeated=True)


def acceptable(member: Member, name: str) -> Translator:
    """The translator `name`, if documents of its kind may be sent openly. Raises Invalid or NotAllowed."""
    try:
        mapping = translators.load(name)
    except mappings.UnknownMapping as error:
        raise Invalid(
            "unknown-mapping", f"There is no mapping named {name!r}. Known: {', '.join(mappings.names())}."
        ) from error
    if mapping.kind in vocabulary.SEALED_KINDS:
        raise Invalid(
            "must-be-sealed",
            f"Records of kind {mapping.kind} are sealed at the sending gateway; the hub does not read them.",
        )
    if member.kind != "county":
        raise NotAllowed("not-allowed", f"{member.name} is not a county system and cannot submit records.")
    return mapping


async def receive(hub: Hub, member: Member, document: Document, body: AsyncIterator[bytes]) -> Acknowledgement:
    """Store a raw document and ask for its translation."""
    async with refusals_noted(hub, member, document.message_id):
        return await _receive(hub, member, document, body)


@asynccontextmanager
async def refusals_noted(hub: Hub, member: Member, message_id: UUID) -> AsyncIterator[None]:
    """A leaf for each refusal, in a transaction of its own; nothing of the document is in it but its message id."""
    try:
        yield
    except (Refused, CertsError) as refusal:
        content = {"message": str(message_id), "reason": refusal.code}
        async with hub.database.begin() as connection:
            await audit.append(connection, hub.vault, [Act("refuse", member.name, content, hub.now())])
        raise


async def _receive(hub: Hub, member: Member, document: Document, body: AsyncIterator[bytes]) -> Acknowledgement:
    mapping = acceptable(member, document.mapping)
    async with hub.database.read() as connection:
        known = None
        if document.digest:
            known = await repeated(hub, connection, member, document.message_id, document.digest)
        if known is not None:
            return known
        await _check_queue(hub, connection, member)
    parts, digest, size = await seal_parts(hub, body, hub.settings.max_submission_bytes)
    if document.digest:
        check_digest(document.digest, digest)
    document = replace(document, digest=digest)
    try:
        return await _store(hub, member, document, mapping.kind, parts, size)
    except Raced:
        return await again(hub, member, document.message_id, document.digest)


async def _check_queue(hub: Hub, connection: AsyncConnection, member: Member) -> None:
    """Raises Unavailable while too many documents wait, TooMany while too many of the member's own do."""
    limit = hub.settings.queue_limit
    waiting = await work.waiting(connection)
    if waiting >= limit:
        raise Unavailable("too-many", "The hub is busy with earlier documents; send it again.", retry_after=10)
    share = max(limit // _SHARE, min(limit, _FEW))
    if waiting >= share and await work.waiting_of(connection, member.id) >= share:
        raise TooMany(f"{share} documents of {member.name} wait already. Send it again in a while.", retry_after=10)


async def receive_file(
    hub: Hub, member: Member, document: Document, file: Path, stored: Callable[[int], None], *, rows: int | None = None
) -> Acknowledgement:
    """Store a file of any size as a document: parts are sealed and sent as they are read, all in one transaction.

    `rows` is how many it has, where it was read to its end already.
    """
    async with refusals_noted(hub, member, document.message_id):
        return await _receive_file(hub, member, document, file, stored, rows)


async def _receive_file(
    hub: Hub, member: Member, document: Document, file: Path, stored: Callable[[int], None], rows: int | None
) -> Acknowledgement:
    mapping = acceptable(member, document.mapping)
    async with hub.database.read() as connection:
        known = await repeated(hub, connection, member, document.message_id, document.digest)
    if known is not None:
        return known
    id_, now = new_id(), hub.now()
    digest, size = sha256(), 0
    async with hub.database.begin() as connection:
        acknowledgement, leaf = await acknowledge(
            hub, connection, member, id_, document.message_id, document.digest, mapping.kind, State.ACCEPTED, now
        )
        new = _submission(member, document, mapping.kind, id_, file.stat().st_size, acknowledgement, leaf, now)
        if not await submissions.add(connection, hub.vault, new, ()):
            raise Unavailable("unavailable", "The same file is being stored at this moment; try again.")
        with file.open("rb") as handle:
            for seq, part in enumerate(iter(lambda: handle.read(PART_BYTES), b"")):
                digest.update(part)
                size += len(part)
                await submissions.add_part(connection, id_, seq, hub.vault.seal(part))
                stored(size)
        if size != new.size or digest.digest() != document.digest:
            raise Invalid("digest-mismatch", "The file changed while it was read; nothing was stored. Load it again.")
        if rows is not None:
            await submissions.move(connection, id_, State.VALIDATED, now, f"rows: {rows}")
        await work.put(connection, "translate", id_, now=now, priority=_priority(mapping.kind))
    return Acknowledgement(acknowledgement, repeated=False)


def _priority(kind: str) -> int:
    """Consents go first: what rests on them waits for them."""
    return 4 if kind == vocabulary.CONSENT else 5


def _submission(
    member: Member,
    document: Document,
    kind: str,
    id_: UUID,
    size: int,
    acknowledgement: bytes,
    leaf: bytes,
    now: datetime,
) -> NewSubmission:
    return NewSubmission(
        id=id_,
        member_id=member.id,
        message_id=document.message_id,
        kind=kind,
        mapping=document.mapping,
        media_type=document.media_type,
        file_name=document.file_name,
        digest=document.digest,
        size=size,
        state=State.ACCEPTED,
        acknowledgement=acknowledgement,
        leaf=leaf,
        in_response_to=document.in_response_to,
        supersedes=document.supersedes,
        received_at=now,
    )


async def _store(
    hub: Hub, member: Member, document: Document, kind: str, parts: list[bytes], size: int
) -> Acknowledgement:
    """The one transaction that makes a document the hub's."""
    now = hub.now()
    id_ = new_id()
    async with hub.database.begin() as connection:
        known = await repeated(hub, connection, member, document.message_id, document.digest)
        if known is not None:
            return known
        acknowledgement, leaf = await acknowledge(
            hub, connection, member, id_, document.message_id, document.digest, kind, State.ACCEPTED, now
        )
        new = _submission(member, document, kind, id_, size, acknowledgement, leaf, now)
        added = await submissions.add(connection, hub.vault, new, parts)
        if not added:
            raise Raced
        await work.put(connection, "translate", id_, now=now, priority=_priority(kind))
        return Acknowledgement(acknowledgement, repeated=False)


async def again(hub: Hub, member: Member, message_id: UUID, digest: bytes) -> Acknowledgement:
    """The answer when another request stored the same message a moment before."""
    async with hub.database.read() as connection:
        known = await repeated(hub, connection, member, message_id, digest)
    if known is None:
        raise Unavailable("unavailable", "The same message is being stored at this moment; send it again.")
    return known


async def acknowledge(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    id_: UUID,
    message_id: UUID,
    digest: bytes,
    kind: str,
    state: State,
    now: datetime,
) -> tuple[bytes, bytes]:
    """(the acknowledgement's bytes, the hash of the audit leaf written for it)."""
    content = {"submission": str(id_), "message": str(message_id), "digest": digest.hex(), "kind": kind}
    leaf = (await audit.append(connection, hub.vault, [Act("receive", member.name, content, now)]))[0]
    receipt = receipt_of(hub, member, id_, message_id, digest, leaf, now)
    return acknowledgement_of(id_, message_id, digest, state, leaf, now, receipt), leaf


def receipt_of(hub: Hub, member: Member, id_: UUID, message_id: UUID, digest: bytes, leaf: bytes, now: datetime) -> str:
    """The receipt of a message whose audit leaf is written."""
    return receipts.sign(
        hub, what="submission", id_=id_, message_id=message_id, member=member.name, digest=digest, leaf=leaf, at=now
    )


def acknowledgement_of(
    id_: UUID,
    message_id: UUID,
    digest: bytes,
    state: State,
    leaf: bytes,
    now: datetime,
    receipt: str,
    more: Mapping[str, Any] | None = None,
) -> bytes:
    """The acknowledgement of a message, with its receipt; `more` is said in it beside that."""
    return orjson.dumps(
        {
            "submission_id": str(id_),
            "message_id": str(message_id),
            "digest": f"sha-256:{digest.hex()}",
            "state": state,
            "received_at": now,
            "leaf": leaf.hex(),
            "receipt": receipt,
            **(more or {}),
        }
    )


@dataclass(frozen=True, slots=True)
class Received:
    """A message that is the hub's now, and the answer to it."""

    id: UUID
    acknowledgement: Acknowledgement


async def take_message(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    message_id: UUID,
    body: bytes,
    kind: str,
    state: State,
    now: datetime,
) -> Received:
    """The exact bytes of a message in FHIR JSON, their receipt and the leaf of both. Raises Raced."""
    id_, digest = new_id(), sha256(body).digest()
    acknowledgement, leaf = await acknowledge(hub, connection, member, id_, message_id, digest, kind, state, now)
    new = NewSubmission(
        id=id_,
        member_id=member.id,
        message_id=message_id,
        kind=kind,
        mapping=None,
        media_type=FHIR_JSON,
        file_name="",
        digest=digest,
        size=len(body),
        state=state,
        acknowledgement=acknowledgement,
        leaf=leaf,
        in_response_to=None,
        supersedes=None,
        received_at=now,
    )
    parts = [hub.vault.seal(body[at : at + PART_BYTES]) for at in range(0, len(body), PART_BYTES)]
    if not await submissions.add(connection, hub.vault, new, parts):
        raise Raced
    return Received(id_, Acknowledgement(acknowledgement, repeated=False))
