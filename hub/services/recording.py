"""Stores one prepared batch of a document, whatever its kind: resources, links, consents, quarantine, issues, audit.

All in the caller's transaction. Repeating a batch changes nothing: the same record with the same content is no new
version, and a person already linked stays linked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from hub.runtime import Hub
from hub.services import linking, source_merges
from hub.services.preparing import CONSENT_TYPE, PERSON_TYPE, Prepared, Ready
from hub.services.voiding import void
from hub.storage import agreements, audit, mailbox, quarantine, resources, submissions
from hub.storage.agreements import NewConsent
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.quarantine import Held
from hub.storage.resources import Incoming, Stored
from hub.storage.submissions import Submission
from mappings import vocabulary as v

_ZONE = ZoneInfo("Asia/Shanghai")
RECORD_KEY = "record-key"
SUBJECT = "subject"
CONSENT_REFERENCE = "consent-reference"
IDENTIFIER = source_merges.IDENTIFIER


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
    """Store `batch` of `submission`; `said_at` is when its sender says so, where that was not when it was received."""
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
    incoming = [_incoming(hub, member, ready) for ready in some]
    stored = await resources.upsert(connection, hub.vault, member.id, submission.id, incoming, now, received_at=said_at)
    issues = [_older(ready) for ready, result in zip(some, stored, strict=True) if result.change == "older"]
    if type_ == PERSON_TYPE:
        # Persons are brought up to date in one event: with what is like, and with what the source says of its records.
        ids = await linking.take_up(hub, connection, member.id, _items(some, stored), now)
        merges = await source_merges.follow(hub, connection, member, some, incoming, stored, now)
        outcome = await linking.catch_up(hub, connection, ids, cause="ingest", now=now, decision_seq=merges.last)
        issues += [_survivor_unknown(row) for row in merges.waiting]
        return _Taken(issues, outcome.linked, outcome.reviews, tuple(stored))
    if type_ == CONSENT_TYPE:
        await _consents(hub, connection, member, some, stored, now)
    return _Taken(issues)


def _incoming(hub: Hub, member: Member, ready: Ready) -> Incoming:
    return Incoming(
        type=ready.type,
        key=hub.vault.blind(RECORD_KEY, member.name, ready.type, ready.key),
        body=ready.body,
        digest=ready.digest,
        identifiers=tuple(hub.vault.blind(IDENTIFIER, system, value) for system, value in ready.identifiers),
        row=ready.row,
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


def subject_of(hub: Hub, member_name: str, record_id: str) -> bytes:
    """Blind index of a member's own record id of a person: how consents, cases and messages find each other."""
    return hub.vault.blind(SUBJECT, member_name, record_id)


def reference_of(hub: Hub, member_name: str, number: str) -> bytes:
    """Blind index of a member's consent number."""
    return hub.vault.blind(CONSENT_REFERENCE, member_name, number)


async def _consents(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    ready: Sequence[Ready],
    stored: Sequence[Stored],
    now: datetime,
) -> None:
    """Keep consents in force; what rests on a withdrawn one is not handed over any more."""
    made = [
        _consent(hub, member, orjson.loads(some.body), result, now)
        for some, result in zip(ready, stored, strict=True)
        if result.counts
    ]
    withdrawn = await agreements.put_consents(connection, member.id, made)
    for item in await mailbox.resting_on(connection, hub.vault, withdrawn):
        await void(hub, connection, item, "consent-withdrawn", member.name, now)


def _consent(hub: Hub, member: Member, resource: dict[str, Any], stored: Stored, now: datetime) -> NewConsent:
    provision = resource["provision"]
    period = provision.get("period", {})
    withdrawn = resource["status"] != "active"
    return NewConsent(
        reference=reference_of(hub, member.name, resource["identifier"][0]["value"]),
        subject=subject_of(hub, member.name, resource["patient"]["identifier"]["value"]),
        kinds=tuple(
            c["code"] for k in _codings(provision, "code", "class") for c in k if c.get("system") == v.KIND_SYSTEM
        ),
        purposes=tuple(c["code"] for c in provision.get("purpose", ()) if c.get("system") == v.PURPOSE_SYSTEM),
        recipient_divisions=tuple(
            actor["reference"]["identifier"]["value"]
            for actor in provision.get("actor", ())
            if actor["reference"].get("identifier", {}).get("system") == v.DIVISION_SYSTEM
        ),
        resource_id=stored.id,
        valid_from=_moment(period.get("start"), end=False),
        valid_to=_moment(period.get("end"), end=True),
        withdrawn_at=min(now, _moment(resource.get("dateTime"), end=False)) if withdrawn else None,
    )


def _codings(provision: dict[str, Any], *names: str) -> list[list[dict[str, Any]]]:
    """Codings under `code` (CodeableConcept) and `class` (Coding) alike."""
    found: list[list[dict[str, Any]]] = []
    for name in names:
        found.extend(value.get("coding", [value]) for value in provision.get(name, ()))
    return found


def _moment(text: str | None, *, end: bool) -> datetime:
    """A FHIR date or dateTime as UTC; a day without a time counts from its local beginning, or to its local end."""
    if text is None:
        # A consent without an expiry is not one (DOMAIN §2): without a beginning or an end it is never in force.
        return datetime.min.replace(tzinfo=UTC) if end else datetime.max.replace(tzinfo=UTC)
    try:
        if len(text) > 10:
            return datetime.fromisoformat(text).astimezone(UTC)
        day = _day_behind(text) if end else date.fromisoformat(text + "-01-01"[len(text) - 4 : 6])
        return datetime.combine(day, time.min, tzinfo=_ZONE).astimezone(UTC)
    except OverflowError:  # a day that no clock shows: before all others, or behind them
        return datetime.max.replace(tzinfo=UTC) if text[:4] > "5000" else datetime.min.replace(tzinfo=UTC)


def _day_behind(text: str) -> date:
    """The first day behind a FHIR date, which may be a month or a year. Raises OverflowError behind the year 9999."""
    year, month, day = (int(part) for part in (text + "-00-00"[len(text) - 4 :]).split("-"))
    if day:
        return date(year, month, day) + timedelta(days=1)
    if (year, month) in ((9999, 0), (9999, 12)):
        raise OverflowError
    return date(year + (month in (0, 12)), month % 12 + 1 if month else 1, 1)
