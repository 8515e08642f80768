"""Source records as people see them: the newest version of each, whose it is, and under which number its sender keeps it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from hub.fhir import patients
from hub.runtime import Hub
from hub.services.blinds import subject_of
from hub.storage import members, people, resources
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from mappings.vocabulary import record_system

_MOST: Final = 200
"""Beyond that a verdict is of high risk whatever hangs on the person."""


@dataclass(frozen=True, slots=True)
class Record:
    """One source record as the console shows it; `patient` is the newest version as it was translated."""

    id: int
    resource_id: UUID
    member: Member
    person_id: UUID | None
    patient: Mapping[str, Any]
    version: int
    updated_at: datetime

    @property
    def number(self) -> str:
        """The sender's own id of the record; the hub's where the sender gave none."""
        return patients.number(self.patient, record_system(self.member.name)) or str(self.resource_id)


async def load(hub: Hub, connection: AsyncConnection, ids: Iterable[int]) -> dict[int, Record]:
    """The records `ids` at their newest versions."""
    found = await people.info(connection, ids)
    bodies = await resources.newest(connection, hub.vault, [info.resource_id for info in found.values()])
    known = {member.id: member for member in await members.all_members(connection)}
    records = {}
    for id_, info in found.items():
        body = bodies.get(info.resource_id)
        member = known.get(info.member_id) or await members.by_id(connection, info.member_id)
        if body is not None:
            records[id_] = Record(
                id_, info.resource_id, member, info.person_id, orjson.loads(body.body), body.version, body.updated_at
            )
    return records


@dataclass(frozen=True, slots=True)
class Sides:
    """The two records of a pair, each with the other records of its person; of one person all are beside `a`."""

    a: tuple[Record, ...]
    b: tuple[Record, ...]

    @property
    def together(self) -> bool:
        """Are the two one person now?"""
        return self.a[0].person_id is not None and self.a[0].person_id == self.b[0].person_id


async def sides(hub: Hub, connection: AsyncConnection, a: int, b: int) -> Sides | None:
    """Both records with those beside them; None when one of the two is gone."""
    infos = await people.info(connection, (a, b))
    if not {a, b} <= infos.keys():
        return None
    beside = [
        [id_ for id_ in await people.records_of(connection, person) if id_ not in (a, b)] if person else []
        for person in (infos[a].person_id, infos[b].person_id)
    ]
    if infos[a].person_id == infos[b].person_id:
        beside[1] = []
    records = await load(hub, connection, {a, b, *beside[0], *beside[1]})
    if not {a, b} <= records.keys():
        return None
    first, second = ([records[i] for i in ids if i in records] for ids in beside)
    return Sides((records[a], *first), (records[b], *second))


def few(both: Sides) -> list[Record]:
    """Records by which what hangs on the two persons is looked up: of one that has very many, the first."""
    return [*both.a[:_MOST], *both.b[:_MOST]]


def subjects(hub: Hub, records: Iterable[Record]) -> list[bytes]:
    """By what messages, consents and certificates name the persons of these records."""
    return [subject_of(hub, record.member.name, record.number) for record in records]
