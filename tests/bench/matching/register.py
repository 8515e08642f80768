"""A hub full of invented people for the benchmark of `$match`, and people to ask for whose answers are known.

Records go through the same functions and into the same tables as those that counties send, in batches; only the scores
of pairs, which no look-up reads, are left out, and who belongs together is taken from the truth.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from uuid import UUID

import orjson

from hub.demo.population import Faults, Record, Shape, entries, patient
from hub.linkage import blocking, features
from hub.linkage.features import Features
from hub.runtime import Hub
from hub.services.blinds import IDENTIFIER, RECORD_KEY
from hub.storage import blocking_keys, people, resources
from hub.storage.ids import new_id
from hub.storage.members import Member
from hub.storage.people import NewRecord
from hub.storage.resources import Incoming
from tests.bench.linkage.population import AS_OF

BATCH = 1000
_ASKED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Question:
    """A record that is not in the hub, and the numbers under which its person is: what `$match` should find."""

    patient: dict[str, Any]
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One record of the registers with its person's number."""

    record: Record
    person: int


def registers(seed: int, people_: int, questions: int) -> Iterator[tuple[list[Line], list[Question]]]:
    """Household by household, what the hub holds and what may be asked; defective rows never reach linkage."""
    rng = Random(f"lianqiao questions {seed}")
    for entry in entries(seed, replace(Shape(), people=people_), Faults(), AS_OF):
        lines = [Line(record, record.person) for record in entry.records if not record.defect]
        asked: list[Question] = []
        for person in {line.person for line in lines}:
            own = [line for line in lines if line.person == person]
            if questions and len(own) > 1 and rng.random() < _ASKED_SHARE:
                taken = rng.choice(own)
                lines.remove(taken)
                numbers = tuple(f"{line.record.county}/{line.record.record_id}" for line in own if line is not taken)
                asked.append(Question(patient(taken.record), numbers))
                questions -= 1
        yield lines, asked


@dataclass(slots=True)
class Filled:
    """What was put into the hub: features and numbers of every record in order, and the questions."""

    features: list[Features]
    numbers: list[str]
    questions: list[Question]


async def fill(hub: Hub, members: Sequence[Member], seed: int, people_: int, questions: int) -> Filled:
    """Store everybody's records but those that are asked for."""
    by_name = {member.name: member for member in members}
    waiting: dict[str, list[Line]] = {member.name: [] for member in members}
    persons: dict[int, UUID] = {}
    filled = Filled([], [], [])
    for lines, asked in registers(seed, people_, questions):
        filled.questions += asked
        for line in lines:
            some = waiting[line.record.county]
            some.append(line)
            if len(some) == BATCH:
                await _store(hub, by_name[line.record.county], some, persons, filled)
                some.clear()
    for name, some in waiting.items():
        if some:
            await _store(hub, by_name[name], some, persons, filled)
    async with hub.database.begin() as connection:
        await people.analyze(connection)
    return filled


async def _store(hub: Hub, member: Member, lines: Sequence[Line], persons: dict[int, UUID], filled: Filled) -> None:
    now, patients = hub.now(), [patient(line.record) for line in lines]
    found = [features.extract(one) for one in patients]
    filled.features += found
    filled.numbers += [f"{member.name}/{line.record.record_id}" for line in lines]
    async with hub.database.begin() as connection:
        stored = await resources.upsert(
            connection, hub.vault, member.id, None, [_incoming(hub, member, one) for one in patients], now
        )
        ids = await people.put_records(
            connection,
            hub.vault,
            member.id,
            [NewRecord(s.id, s.version, f.to_bytes()) for s, f in zip(stored, found, strict=True)],
            now,
        )
        secret = hub.vault.blocking_secret
        keys = {id_: blocking.keys(one, secret) for id_, one in zip(ids, found, strict=True)}
        await blocking_keys.put(connection, keys)
        moves = {id_: (None, persons.setdefault(line.person, new_id())) for id_, line in zip(ids, lines, strict=True)}
        await people.move_records(connection, moves, cause="ingest", decision_seq=None, now=now)


def _incoming(hub: Hub, member: Member, found: dict[str, Any]) -> Incoming:
    body = orjson.dumps(found, option=orjson.OPT_SORT_KEYS)
    number = found["identifier"][0]["value"]
    return Incoming(
        type="Patient",
        key=hub.vault.blind(RECORD_KEY, member.name, "Patient", number),
        body=body,
        digest=hashlib.sha256(body).digest(),
        identifiers=tuple(hub.vault.blind(IDENTIFIER, i["system"], i["value"]) for i in found["identifier"]),
        row=None,
    )
