"""A record, or a person, as a steward is shown it at /fhir: the fewest fields, and who else is the person.

A person is shown as what HAPI calls a golden resource: under the person's id, with the words of the record changed last of
those the steward may see. `seealso` leads to the live records, `refer` from a record to its person.
"""

from typing import Any, Final
from uuid import UUID

from hub.fhir import patients
from hub.runtime import Hub
from hub.services import source_records
from hub.services.identity.steward_acts import sees
from hub.services.sessions import User
from hub.services.source_records import Record
from hub.storage import people, person_events
from hub.storage.database import AsyncConnection
from hub.storage.people import RecordInfo
from mappings.vocabulary import record_system

GOLDEN: Final = {"system": "http://hapifhir.io/fhir/NamingSystem/mdm-record-status", "code": "GOLDEN_RECORD"}
_MOST: Final = 100


async def record(hub: Hub, connection: AsyncConnection, user: User, shown: Record) -> dict[str, Any]:
    """The record with its links: to its person, and to the person's other live records that the user may see."""
    info = (await people.info(connection, [shown.id]))[shown.id]
    found = _fewest(shown, info.resource_id)
    links = [_link("refer", info.person_id)] if info.person_id is not None else []
    others = await _seen(connection, user, info.person_id) if info.person_id is not None else []
    links += [_link("seealso", other.resource_id) for other in others if other.live and other.id != shown.id]
    return found | ({"link": links} if links else {})


async def golden(hub: Hub, connection: AsyncConnection, user: User, person_id: UUID) -> dict[str, Any]:
    """The person; no more than her id where the user may see none of the records."""
    infos = await _seen(connection, user, person_id)
    live = [info for info in infos if info.live] or infos
    loaded = await source_records.load(hub, connection, [info.id for info in live])
    if not loaded:
        return {"resourceType": "Patient", "id": str(person_id), "meta": {"tag": [GOLDEN]}}
    newest = max(loaded.values(), key=lambda record: (record.updated_at, record.id))
    found = _fewest(newest, person_id) | {"link": [_link("seealso", info.resource_id) for info in live]}
    found.pop("identifier", None)
    found["meta"] = {
        "versionId": str(await person_events.version(connection, person_id)),
        "lastUpdated": found["meta"]["lastUpdated"],
        "tag": [*found["meta"]["tag"], GOLDEN],
    }
    return found


def _fewest(shown: Record, id_: UUID) -> dict[str, Any]:
    system = record_system(shown.member.name)
    return patients.fewest(shown.patient, [system], str(id_), shown.version, shown.updated_at)


async def _seen(connection: AsyncConnection, user: User, person_id: UUID) -> list[RecordInfo]:
    """The records of the person that the user may see, the oldest first, a hundred at most."""
    infos = await people.info(connection, await people.records_of(connection, person_id))
    return [info for _, info in sorted(infos.items()) if sees(user, info.member_id)][:_MOST]


def _link(type_: str, id_: UUID) -> dict[str, Any]:
    return {"other": {"reference": f"Patient/{id_}"}, "type": type_}
