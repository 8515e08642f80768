"""Reads a member's own resources: as they are, and as they were.

Another member's are found nowhere here: what agreements show of them goes through `services.identity`, in the fewest
fields. Whatever is about a person leaves its line in her ledger.
"""

from collections.abc import Sequence
from uuid import UUID

import orjson

from hub.errors import NotFound, Refused
from hub.fhir import patients, search
from hub.runtime import Hub
from hub.services.blinds import subject_of
from hub.services.identity import ledger
from hub.services.identity.ledger import LookedUp
from hub.services.preparing import PERSON_TYPE
from hub.storage import people, versions
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.versions import Version
from mappings.vocabulary import record_system


class Gone(Refused):
    """The caller's own resource was deleted."""

    status = 410

    def __init__(self) -> None:
        super().__init__("deleted", "The resource was deleted; its earlier versions are still in its history.")


async def read(hub: Hub, member: Member, purpose: str, type_: str, id_: UUID) -> Version:
    """The newest version. Raises NotFound, Gone."""
    async with hub.database.begin() as connection:
        found = await _own(hub, connection, member, type_, id_)
        await note(hub, connection, LookedUp(member, "read", purpose, hub.now()), [found] if found else [])
    return _there(found)


async def version(hub: Hub, member: Member, purpose: str, type_: str, id_: UUID, number: int) -> Version:
    """One version. Raises NotFound, and Gone for the one that says that the resource was deleted."""
    async with hub.database.begin() as connection:
        own = await _own(hub, connection, member, type_, id_)
        found = await versions.one(connection, hub.vault, id_, number) if own else None
        await note(hub, connection, LookedUp(member, "read", purpose, hub.now()), [found] if found else [])
    return _there(found)


def _there(found: Version | None) -> Version:
    """What was found. Raises NotFound, Gone: when the leaf that says that it was asked for is stored."""
    if found is None:
        raise NotFound
    if found.deleted:
        raise Gone
    return found


async def _own(hub: Hub, connection: AsyncConnection, member: Member, type_: str, id_: UUID) -> Version | None:
    found = (await versions.own(connection, hub.vault, member.id, [id_])).get(id_)
    return found if found is not None and found.type == type_ else None


async def note(hub: Hub, connection: AsyncConnection, trace: LookedUp, shown: Sequence[Version]) -> None:
    """Write down whose records were shown: a person's own, or one that is about her; a leaf whatever was found."""
    about = {id_ for one in shown if not one.deleted for id_ in _patients(hub, one)}
    own = {
        id_: found
        for id_, found in (await versions.own(connection, hub.vault, trace.caller.id, sorted(about))).items()
        if found.type == PERSON_TYPE
    }
    records = await people.records_of_resources(connection, list(own))
    persons = await people.info(connection, records.values())
    system = record_system(trace.caller.name)
    for id_, record in records.items():
        person = persons[record].person_id
        number = patients.number(orjson.loads(own[id_].body or b"{}"), system) or str(id_)
        trace.saw(person, subject_of(hub, trace.caller.name, number), patients.IN_FULL)
    await ledger.note(hub, connection, [trace])


def _patients(hub: Hub, one: Version) -> set[UUID]:
    """The Patients of the hub that a resource is, or refers to."""
    if one.type == PERSON_TYPE:
        return {one.id}
    named = search.references(orjson.loads(one.body), base=f"{hub.settings.base_url}/fhir")
    return {id_ for name in named if (id_ := _patient(name)) is not None}


def _patient(name: str) -> UUID | None:
    type_, _, id_ = name.partition("/")
    try:
        return UUID(id_) if type_ == PERSON_TYPE else None
    except ValueError:
        return None
