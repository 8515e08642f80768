"""Stores one prepared batch of a document, whatever its kind: resources, links, consents, quarantine, issues, audit.

All in the caller's transaction. Repeating a batch changes nothing: the same record with the same content is no new
version, and a person already linked stays linked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from hub.fhir.subscriptions import TYPE as SUBSCRIPTION_TYPE
from hub.linkage.features import Features
from hub.runtime import Hub
from hub.services import consents, linking, questioning, source_merges, subscribing
from hub.services.blinds import IDENTIFIER, RECORD_KEY
from hub.services.preparing import CONSENT_TYPE, PERSON_TYPE, Prepared, Ready, texts_of
from hub.storage import audit, people, quarantine, resources, search_index, submissions
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.quarantine import Held
from hub.storage.resources import Incoming, Stored
from hub.storage.search_index import Told
from hub.storage.submissions import Submission


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a batch came to."""

    rows: int
    translated: int
    quarantined: int
    linked: int
    reviews: int
    issues: int
    people: tuple[Stored, ...] = ()
    """What became of each person of the batch, in order."""
    held: tuple[int, ...] = ()
    """The rows that were set aside."""


async def record(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    submission: Submission,
    mapping_digest: str,
    batch: Prepared,
    now: datetime,
    *,
    said_at: datetime | None = None,
) -> Recorded:
    """Store `batch` of `submission`; `said_at` is when its sender says so, where that was not when it was received.

    Raises Conflict where a row cannot be followed (`source_merges.NotFollowed`); nothing of the batch may stay then.
    """
    await resources.lock_member(connection, member.id)
    taken = [
        await _take(hub, connection, member, submission, type_, batch, now, said_at or submission.received_at)
        for type_ in sorted({ready.type for ready in batch.ready})
    ]
    held = [Held(refused.row, refused.original, refused.codes) for refused in batch.refused]
    await quarantine.hold(connection, hub.vault, submission.id, submission.mapping or "", mapping_digest, held, now)
    issues = [*batch.issues, *(issue for one in taken for issue in one.issues)]
    await submissions.add_issues(connection, hub.vault, submission.id, issues)
    result = Recorded(
        rows=batch.rows,
        translated=batch.rows - len(batch.refused),
        quarantined=len(batch.refused),
        linked=sum(one.linked for one in taken),
        reviews=sum(one.reviews for one in taken),
        issues=len(issues),
        people=tuple(stored for one in taken for stored in one.people),
        held=tuple(refused.row for refused in batch.refused),
    )
    await audit.append(connection, hub.vault, [_act(member, submission, batch, result, now)])
    return result


def _act(member: Member, submission: Submission, batch: Prepared, result: Recorded, now: datetime) -> Act:
    content = {
        "submission": str(submission.id),
        "mapping": submission.mapping,
        "translated": result.translated,
        "quarantined": result.quarantined,
        "linked": result.linked,
        "digest": sha256(b"".join(ready.digest for ready in batch.ready)).hexdigest(),
    }
    return Act("record", member.name, content, now)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What the resources of one type came to."""

    issues: list[dict[str, Any]]
    linked: int = 0
    reviews: int = 0
    people: tuple[Stored, ...] = ()


async def _take(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    submission: Submission,
    type_: str,
    batch: Prepared,
    now: datetime,
    said_at: datetime,
) -> _Taken:
    """Store the resources of one type and do what follows from them."""
    some = [ready for ready in batch.ready if ready.type == type_]
    incoming = [incoming_of(hub, member, ready) for ready in some]
    stored = await resources.upsert(connection, hub.vault, member.id, submission.id, incoming, now, received_at=said_at)
    issues = [_older(ready) for ready, result in zip(some, stored, strict=True) if result.change == "older"]
    await _tell(hub, connection, member, some, stored, now)
    followed = await follow(hub, connection, member, some, incoming, stored, now)
    issues += [_survivor_unknown(row) for row in followed.waiting]
    return _Taken(issues, followed.linked, followed.reviews, tuple(stored) if type_ == PERSON_TYPE else ())


async def _tell(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    some: Sequence[Ready],
    stored: Sequence[Stored],
    now: datetime,
) -> None:
    """Tell the search index what resources of one type say, or leave it to the workers where that is not known yet."""
    newest = {result.id: ready.texts for ready, result in zip(some, stored, strict=True) if result.counts}
    told = [
        Told(id_, some[0].type, now, hub.vault.searched(member.id, texts_of(texts)))
        for id_, texts in newest.items()
        if texts is not None
    ]
    await search_index.put(connection, member.id, told)
    left = {id_ for id_, texts in newest.items() if texts is None}
    if left:
        await search_index.put_off(connection, member.id, some[0].type, left)


@dataclass(frozen=True, slots=True)
class Followed:
    """Persons that were linked, reviews that were opened, and rows whose record waits for the one that replaces it."""

    linked: int = 0
    reviews: int = 0
    waiting: tuple[int, ...] = ()


async def follow(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    some: Sequence[Ready],
    incoming: Sequence[Incoming],
    stored: Sequence[Stored],
    now: datetime,
) -> Followed:
    """What follows from resources of one type just stored: persons are linked, consents and subscriptions in force."""
    if some[0].type == CONSENT_TYPE:
        await consents.keep(hub, connection, member, some, stored, now)
    if some[0].type == SUBSCRIPTION_TYPE:
        await subscribing.keep(hub, connection, member, some, stored)
    if some[0].type != PERSON_TYPE:
        return Followed()
    # Persons are brought up to date in one event: with what is like, and with what the source says of its records.
    taken = await linking.take_up(hub, connection, member.id, _items(some, stored), now)
    merges = await source_merges.follow(hub, connection, member, some, incoming, stored, now)
    outcome = await linking.catch_up(
        hub,
        connection,
        [*taken.ids, *merges.unchanged],
        cause="ingest",
        now=now,
        decision_seq=merges.last,
        strangers=taken.strangers if merges.last is None else {},
    )
    await questioning.question(hub, connection, merges.joined, outcome.moves, now)
    return Followed(outcome.linked, outcome.reviews, merges.waiting)


async def withdraw_persons(
    hub: Hub, connection: AsyncConnection, member: Member, gone: Mapping[UUID, int], now: datetime
) -> None:
    """Let records of people that were deleted, {resource: its last version}, count for nobody any more."""
    ids = await people.records_of_resources(connection, list(gone))
    known = await people.features(connection, hub.vault, ids.values())
    items = [
        linking.Item(resource_id, gone[resource_id], Features.from_bytes(known[id_]).gone())
        for resource_id, id_ in ids.items()
    ]
    taken = await linking.take_up(hub, connection, member.id, items, now)
    await linking.catch_up(hub, connection, taken.ids, cause="ingest", now=now)


def incoming_of(hub: Hub, member: Member, ready: Ready, id_: UUID | None = None) -> Incoming:
    """A resource as storage takes it; a new one is given `id_`, where that is settled already."""
    return Incoming(
        type=ready.type,
        key=ready.record_key or hub.vault.blind(RECORD_KEY, member.name, ready.type, ready.key),
        body=ready.body,
        digest=ready.digest,
        identifiers=tuple(hub.vault.blind(IDENTIFIER, system, value) for system, value in ready.identifiers),
        row=ready.row,
        id=id_ or ready.id,
    )


def _older(ready: Ready) -> dict[str, Any]:
    """Told, not an error: the sender's own later document was taken up first (WIRE.md, Acknowledgements)."""
    return {
        "row": ready.row,
        "column": None,
        "code": "older-than-known",
        "severity": "information",
        "text": "A document received later has already said something newer of this record; this row was not used.",
        "text_zh": "之后收到的文件已更新该记录，本行未采用。",
        "value": None,
    }


def _survivor_unknown(row: int) -> dict[str, Any]:
    """Told, not an error: what replaces a record may be on its way still (WIRE.md, Acknowledgements)."""
    return {
        "row": row,
        "column": "link",
        "code": "survivor-unknown",
        "severity": "warning",
        "text": "The record that replaces this one is not known yet; the two are joined when it comes.",
        "text_zh": "替代本记录的记录尚未收到，收到后将自动合并。",
        "value": None,
    }


def _items(ready: Sequence[Ready], stored: Sequence[Stored]) -> list[linking.Item]:
    """The newest state of each record that is new or changed, in the order of arrival."""
    newest: dict[Any, linking.Item] = {}
    for some, result in zip(ready, stored, strict=True):
        if result.counts and some.features is not None:
            newest[result.id] = linking.Item(result.id, result.version, some.features)
    return list(newest.values())
