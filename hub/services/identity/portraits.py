"""A record as one caller is shown it, and by what name its person's ledger knows it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson

from hub.fhir import patients
from hub.runtime import Hub
from hub.services.blinds import subject_of
from hub.storage import members
from hub.storage.database import AsyncConnection, Database
from hub.storage.members import Member
from hub.storage.patients import Shown
from mappings.vocabulary import record_system

_known: Final[WeakKeyDictionary[Database, dict[int, str]]] = WeakKeyDictionary()
"""Names of members, which never change, by their ids."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A record that was read: `patient` is the whole of it, `subject` the blind index of its number at its member."""

    shown: Shown
    member: str
    patient: Mapping[str, Any]
    subject: bytes

    def seen_by(self, caller: Member) -> tuple[dict[str, Any], tuple[str, ...]]:
        """(Patient, fields shown): the whole to its own member, the fewest fields to another."""
        one, id_ = self.shown, str(self.shown.resource_id)
        if one.member_id == caller.id:
            return patients.whole(self.patient, id_, one.version, one.updated_at), patients.IN_FULL
        found = patients.fewest(self.patient, systems_of(self.member), id_, one.version, one.updated_at)
        return found, patients.FEWEST


def systems_of(member: str) -> Collection[str]:
    """The identifier systems under which a member numbers its records."""
    return (record_system(member),)


async def portraits(hub: Hub, connection: AsyncConnection, found: Mapping[int, Shown]) -> dict[int, Portrait]:
    """The portraits of records that were read, by their record id."""
    names = _known.setdefault(hub.database, {})
    for member_id in {one.member_id for one in found.values()} - names.keys():
        names[member_id] = (await members.by_id(connection, member_id)).name
    made = {}
    for id_, one in found.items():
        patient, name = orjson.loads(one.body), names[one.member_id]
        number = patients.number(patient, record_system(name)) or str(one.resource_id)
        made[id_] = Portrait(one, name, patient, subject_of(hub, name, number))
    return made
