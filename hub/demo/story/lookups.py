"""What has come of the exchange, read where it has arrived: the hub's records, the counties' inboxes, what clerks were told.

Reading only. Numbers are taken as sets of business numbers wherever a number has one, so that nothing is counted twice
because a process died at a bad moment, and nothing can hide behind a right total.
"""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

import orjson

import mappings
from hub.demo.counties.huiji.inbox import Inbox
from hub.demo.counties.yongkang.store import Store
from hub.demo.population import Story
from hub.demo.story.places import COUNTIES, HUIJI, YONGKANG, Places
from hub.domain.messages import PART_BYTES
from hub.runtime import Hub
from hub.services.blinds import reference_of, subject_of
from hub.storage import agreements, audit, members, people, quarantine, resources, reviews, submissions
from hub.storage.audit import Leaf
from hub.storage.database import AsyncConnection
from mappings import vocabulary

_BATCH = 2000
_PAUSE = 0.2
_EVERYTHING = 2**62
_KEY_CELLS = {YONGKANG: "rybh", HUIJI: "登记编号"}
_MESSAGE, _CODE = "消息编号 message", "代码 code"


@dataclass(frozen=True, slots=True)
class Arrived:
    """What one county was given: business numbers by kind, as a list, so that a doubled one shows."""

    numbers: dict[str, list[str]]
    conflicting: int


async def records(hub: Hub) -> dict[str, UUID]:
    """`<county>/<record id>` → person, for every record of a person at the hub."""
    found: dict[str, UUID] = {}
    async with hub.database.read() as connection:
        names = {member.id: member.name for member in await members.all_members(connection)}
        cursor = 0
        while ids := await people.records_behind(connection, cursor, _EVERYTHING, _BATCH):
            cursor = ids[-1]
            infos = await people.info(connection, ids)
            bodies = await resources.newest(connection, hub.vault, [info.resource_id for info in infos.values()])
            for info in infos.values():
                member = names[info.member_id]
                number = _record_number(orjson.loads(bodies[info.resource_id].body), member)
                if info.person_id is None:
                    raise LookupError(f"record {info.id} of {member} belongs to nobody")
                found[f"{member}/{number}"] = info.person_id
    return found


def _record_number(patient: dict[str, object], member: str) -> str:
    identifiers: list[dict[str, str]] = patient["identifier"]  # type: ignore[assignment]
    return next(one["value"] for one in identifiers if one["system"] == vocabulary.record_system(member))


async def held_people(hub: Hub, county: str) -> list[str]:
    """Record ids of the county's people whose rows are in quarantine, sorted, once each."""
    keys: set[str] = set()
    async with hub.database.read() as connection:
        for submission_id in await quarantine.waiting(connection, f"{county}/person.v"):
            # Of a forbidden row the hub keeps the number only: whose it was is in the document as it was received.
            sent = await _sent(hub, connection, submission_id)
            numbers = await quarantine.held_rows(connection, submission_id)
            keys.update(sent[number].cells[_KEY_CELLS[county]] or "" for number in numbers)
    return sorted(keys)


async def _sent(hub: Hub, connection: AsyncConnection, submission_id: UUID) -> dict[int, mappings.Row]:
    """The rows of a document as it was received, by their number."""
    submission = await submissions.by_id(connection, hub.vault, submission_id)
    if submission is None or submission.mapping is None:
        raise LookupError(f"submission {submission_id} is gone")
    body = bytearray()
    while len(body) < submission.size:
        part = await submissions.part(connection, hub.vault, submission_id, len(body) // PART_BYTES)
        body += part or b""
        if not part:
            raise LookupError(f"submission {submission_id} is not complete")
    batches = mappings.load(submission.mapping).read(io.BytesIO(body), file_name=submission.file_name)
    return {row.number: row for batch in batches for row in batch.rows}


async def consents(hub: Hub, story: Story) -> dict[str, int]:
    """By county, how many of the consents that were signed the hub knows for the right person."""
    known = dict.fromkeys(COUNTIES, 0)
    async with hub.database.read() as connection:
        ids = {member.name: member.id for member in await members.all_members(connection)}
        for consent in story.consents:
            reference = reference_of(hub, consent.county, consent.number)
            subject = subject_of(hub, consent.county, consent.record.record_id)
            found = await agreements.consent_by_reference(connection, ids[consent.county], reference, subject)
            known[consent.county] += found is not None and (found.withdrawn_at is not None) == bool(
                consent.withdrawn_on
            )
    return known


async def refused(hub: Hub) -> dict[str, dict[str, str]]:
    """By county: message id → why the hub refused it, as the audit log has it."""
    found: dict[str, dict[str, str]] = {county: {} for county in COUNTIES}
    async for leaf in leaves(hub, "refuse"):
        content = orjson.loads(hub.vault.open(leaf.content or b""))["content"]
        found[leaf.actor][content["message"]] = content["reason"]
    return found


async def leaves(hub: Hub, act: str) -> AsyncIterator[Leaf]:
    """The entries of the audit log about acts of that name, in order; waits until none is without a place."""
    while await _unplaced(hub):  # noqa: ASYNC110 - another process gives them their places
        await asyncio.sleep(_PAUSE)
    first = 0
    while True:
        async with hub.database.read() as connection:
            listed = await audit.leaves(connection, first, _BATCH)
        for leaf in listed:
            if leaf.act == act:
                yield leaf
        if len(listed) < _BATCH:
            return
        first += _BATCH


async def _unplaced(hub: Hub) -> bool:
    async with hub.database.read() as connection:
        return bool(await audit.unplaced(connection, 1))


def told(places: Places, county: str) -> dict[str, str]:
    """Message id → the code of the error that the county's clerks read in their issues files."""
    folder = places.drop / "done" if county == HUIJI else places.told(county) / "issues"
    found: dict[str, str] = {}
    for path in folder.glob("*.issues.csv"):
        for line in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")):
            if line[_MESSAGE]:
                found[line[_MESSAGE]] = line[_CODE]
    return found


def arrived(places: Places, county: str) -> Arrived:
    """What the other county's gateway has put into this county's hands."""
    numbers: dict[str, list[str]] = {kind: [] for kind in vocabulary.SEALED_KINDS}
    read = _from_inbox(places) if county == HUIJI else _from_interface(places)
    for kind, number in read:
        numbers[kind].append(number)
    return Arrived(numbers, _conflicting(places, county))


def _from_inbox(places: Places) -> Iterator[tuple[str, str]]:
    inbox = Inbox(places.register(HUIJI), places.drop / "inbox")
    for kind in vocabulary.SEALED_KINDS:
        for body in inbox.bodies(kind):
            (line,) = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))
            yield kind, line.get("number") or line["resources.0.identifier.value"]
    inbox.close()


def _from_interface(places: Places) -> Iterator[tuple[str, str]]:
    store = Store(places.register(YONGKANG))
    for kind in vocabulary.SEALED_KINDS:
        for message in store.messages(kind):
            claims = message.get("claims")
            yield kind, claims["number"] if claims else message["resources"][0]["identifier"]["value"]
    store.close()


def _conflicting(places: Places, county: str) -> int:
    """Messages that came twice with different contents."""
    if county == HUIJI:
        inbox = Inbox(places.register(HUIJI), places.drop / "inbox")
        conflicting = inbox.summary().conflicting
        inbox.close()
    else:
        store = Store(places.register(YONGKANG))
        conflicting = store.inbox().conflicting
        store.close()
    return conflicting


async def true_pairs_in_review(hub: Hub, story: Story, person_of: Mapping[str, UUID]) -> int:
    """How many pairs of records of one human being, in two persons at the hub, lie between persons in an open conflict."""
    asked: set[frozenset[UUID]] = set()
    async with hub.database.read() as connection:
        tasks = await reviews.queue(connection, None, states=reviews.OPEN_STATES, limit=_EVERYTHING)
        infos = await people.info(connection, {id_ for task in tasks for id_ in (task.a, task.b)})
    for task in tasks:
        persons = (infos[task.a].person_id, infos[task.b].person_id)
        asked.add(frozenset(person for person in persons if person is not None))
    together: dict[int, list[UUID]] = {}
    for name, person in person_of.items():
        if name in story.truth.person_of:
            together.setdefault(story.truth.person_of[name], []).append(person)
    apart = (pair for held in together.values() for pair in combinations(held, 2) if pair[0] != pair[1])
    return sum(frozenset(pair) in asked for pair in apart)
