"""Takes in Patients that a source feeds (ITI-104, ITI-93): the way of a document, at once and in one transaction.

The exact bytes, their digest, the receipt, the audit leaves, the versions, the links and the persons are committed
together, or nothing is. The same message id with the same bytes is answered from what was stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from hub.domain.messages import PART_BYTES, State
from hub.errors import Conflict, NotAllowed, TooLarge
from hub.fhir.fed import Identifier
from hub.runtime import Hub
from hub.services import blinds, fed_patients, recording
from hub.services.intake import Acknowledgement, Raced, refusals_noted, repeated, take_message
from hub.services.patience import until_free
from hub.services.preparing import Prepared, Ready
from hub.services.recording import Recorded
from hub.storage import audit, resources, submissions
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.resources import Resource, Stored
from hub.storage.submissions import StoredIssue, Submission
from mappings.vocabulary import PERSON

MOST_BYTES: Final = PART_BYTES
MOST_PATIENTS: Final = 200
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One Patient of a feed, not checked yet: fed under the identifier `asked`, or under its own."""

    patient: Any
    asked: Identifier | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """What one request brings. `said_at` is when its sender says so; `others` names its records by their full URLs."""

    message_id: UUID
    body: bytes
    entries: Sequence[Entry]
    said_at: datetime | None
    others: Mapping[str, Identifier]


@dataclass(frozen=True, slots=True)
class Fed:
    """What came of it: what became of each Patient in order, and each as it stands now; `changes` are empty on a repeat."""

    acknowledgement: Acknowledgement
    submission_id: UUID
    received_at: datetime
    changes: tuple[Stored, ...]
    current: tuple[Resource, ...]
    issues: tuple[StoredIssue, ...]


async def feed(hub: Hub, member: Member, given: Feed) -> Fed:
    """Store what is fed. Raises NotAllowed `not-your-domain`, Invalid, TooLarge, Conflict; nothing is stored then but the
    leaf of the refusal.
    """
    async with refusals_noted(hub, member, given.message_id):
        _check(member, given)
        try:
            return await until_free(partial(_take, hub, member, given))
        except Raced:  # stored by another request, and found now
            return await until_free(partial(_take, hub, member, given))


def _check(member: Member, given: Feed) -> None:
    if member.kind != "county":
        raise NotAllowed("not-allowed", f"{member.name} is not a county system and cannot feed records.")
    if len(given.body) > MOST_BYTES:
        raise TooLarge(f"A feed has at most {MOST_BYTES} bytes; send larger files as documents to /submissions.")
    if len(given.entries) > MOST_PATIENTS:
        raise TooLarge(f"A feed has at most {MOST_PATIENTS} records; send the rest in another message.")


def _digest(given: Feed) -> bytes:
    return sha256(given.body).digest()


async def _take(hub: Hub, member: Member, given: Feed) -> Fed:
    """Everything in one transaction. Raises Raced when another request stored the same message meanwhile."""
    async with hub.database.begin() as connection:
        known = await repeated(hub, connection, member, given.message_id, _digest(given))
        if known is not None:
            return await _told_again(hub, connection, member, given, known)
        ready = [
            await fed_patients.read(hub, connection, member, entry.patient, entry.asked, given.others)
            for entry in given.entries
        ]
        acknowledgement, stored = await _receive(hub, connection, member, given)
        done = await _record(hub, connection, member, given, stored, ready)
        found = await resources.newest(connection, hub.vault, [change.id for change in done.people])
        issues = await submissions.issues(connection, hub.vault, stored.id, limit=_SHOWN) if done.issues else []
        current = tuple(found[change.id] for change in done.people if change.id in found)
        return Fed(acknowledgement, stored.id, stored.received_at, done.people, current, tuple(issues))


async def _receive(
    hub: Hub, connection: AsyncConnection, member: Member, given: Feed
) -> tuple[Acknowledgement, Submission]:
    """The exact bytes, their receipt and the leaf of both. Raises Raced."""
    taken = await take_message(hub, connection, member, given.message_id, given.body, PERSON, State.ACCEPTED, hub.now())
    stored = await submissions.by_id(connection, hub.vault, taken.id)
    if stored is None:
        raise LookupError(f"submission {taken.id} is gone")
    return taken.acknowledgement, stored


async def _record(
    hub: Hub, connection: AsyncConnection, member: Member, given: Feed, stored: Submission, ready: list[Ready]
) -> Recorded:
    """The records, as those of any document, and the application acknowledgement."""
    batch, now = Prepared(len(ready), ready, [], []), stored.received_at
    done = await recording.record(hub, connection, member, stored, "", batch, now, said_at=given.said_at)
    await submissions.count(
        connection,
        stored.id,
        rows=done.rows,
        translated=done.translated,
        linked=done.linked,
        review=done.reviews,
        issues=done.issues,
    )
    await submissions.move(connection, stored.id, State.PROCESSED, now, f"rows: {done.rows}")
    content = {"submission": str(stored.id), "state": State.PROCESSED, "rows": done.rows, "quarantined": 0}
    await audit.append(connection, hub.vault, [Act("process", member.name, content, now)])
    return done


async def _told_again(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    given: Feed,
    acknowledgement: Acknowledgement,
) -> Fed:
    """The answer to a message that was taken before; nothing is processed."""
    stored = await submissions.by_message(connection, hub.vault, member.id, given.message_id)
    if stored is None:
        raise LookupError(f"message {given.message_id} is gone")
    if stored.mapping is not None or stored.kind != PERSON:
        raise Conflict("digest-conflict", "This message id was used for a document before. A feed needs its own.")
    numbers = [fed_patients.number_of(member, entry.patient, entry.asked) for entry in given.entries]
    keys = [hub.vault.blind(blinds.RECORD_KEY, member.name, "Patient", one) for one in numbers]
    ids = await resources.by_keys(connection, member.id, "Patient", keys)
    found = await resources.newest(connection, hub.vault, list(ids.values()))
    issues = await submissions.issues(connection, hub.vault, stored.id, limit=_SHOWN)
    current = tuple(found[ids[key]] for key in keys if ids[key] in found)
    return Fed(acknowledgement, stored.id, stored.received_at, (), current, tuple(issues))
