"""Patients of the person profile for tests, and a county's records put straight into linkage."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from hub.linkage import features
from hub.linkage.features import Features
from hub.runtime import Hub
from hub.services import linking, projecting
from hub.storage import people, resources, search_index
from hub.storage.members import Member
from hub.storage.resources import Incoming, Stored
from mappings import divisions
from mappings.vocabulary import ADDRESS_ROLE, DIVISION, RESIDENT_ID, record_system


def patient(source: str, record: str, **said: str) -> dict[str, Any]:
    """A Patient: `name`, `birth`, `sex`, `id`, `phone`, `origin`, `spouse`, `mother`, `father` as said."""
    identifiers = [{"use": "usual", "system": record_system(source), "value": record}]
    if "id" in said:
        identifiers.append({"use": "official", "system": RESIDENT_ID, "value": said["id"]})
    name = said.get("name", "王小明")
    found: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": identifiers,
        "name": [{"use": "official", "text": name, "family": name[:1], "given": [name[1:]]}],
        "gender": said.get("sex", "male"),
    }
    if "birth" in said:
        found["birthDate"] = said["birth"]
    if "phone" in said:
        found["telecom"] = [{"system": "phone", "value": said["phone"]}]
    if "origin" in said:
        extension = [{"url": ADDRESS_ROLE, "valueCode": "origin"}, {"url": DIVISION, "valueCode": said["origin"]}]
        found["address"] = [{"use": "home", "extension": extension, "text": said.get("address", "河南省郑州市惠济区")}]
    contacts = [
        {"relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": code}]}],
         "name": {"text": said[kin]}}
        for kin, code in (("spouse", "SPS"), ("father", "FTH"), ("mother", "MTH"))
        if kin in said
    ]  # fmt: skip
    if contacts:
        found["contact"] = contacts
    return found


def item_of(stored: Stored, found: Features) -> linking.Item:
    """What linking is given of a stored record with the features `found`."""
    return linking.Item(stored.id, stored.version, found)


async def arrive(hub: Hub, member: Member, patients: Sequence[dict[str, Any]]) -> projecting.Outcome:
    """Store and link the patients as one batch of the member, in one transaction."""
    async with hub.database.begin() as connection:
        stored = await resources.upsert(
            connection, hub.vault, member.id, None, [incoming(hub, member, p) for p in patients], hub.now()
        )
        items = [
            item_of(result, features.extract(p, history=divisions.canonical))
            for p, result in zip(patients, stored, strict=True)
            if result.change != "same"
        ]
        await search_index.put_off(connection, member.id, "Patient", [item.resource_id for item in items])
        return await linking.ingest(hub, connection, member.id, items, hub.now())


def incoming(hub: Hub, member: Member, found: dict[str, Any]) -> Incoming:
    """A Patient as it is given to `resources.upsert`."""
    body = orjson.dumps(found, option=orjson.OPT_SORT_KEYS)
    value = found["identifier"][0]["value"]
    return Incoming(
        type="Patient",
        key=hub.vault.blind("record-key", member.name, "Patient", value),
        body=body,
        digest=hashlib.sha256(body).digest(),
        identifiers=tuple(hub.vault.blind("identifier", one["system"], one["value"]) for one in found["identifier"]),
        row=None,
    )


async def persons(hub: Hub) -> frozenset[frozenset[str]]:
    """Today's partition in the counties' own terms: sets of "<member>/<record id>"."""
    return frozenset(frozenset(records) for records in (await named_persons(hub)).values())


async def named_persons(hub: Hub) -> Mapping[UUID, set[str]]:
    """Person id → the records "<system>|<record id>" in it."""
    found: dict[UUID, set[str]] = {}
    async with hub.database.read() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 100_000)
        infos = await people.info(connection, ids)
        bodies = await resources.newest(connection, hub.vault, [info.resource_id for info in infos.values()])
    for info in infos.values():
        if info.person_id is None:
            raise AssertionError(f"record {info.id} belongs to nobody")
        identifier = orjson.loads(bodies[info.resource_id].body)["identifier"][0]
        found.setdefault(info.person_id, set()).add(f"{identifier['system']}|{identifier['value']}")
    return found


async def forget_everybody(hub: Hub) -> None:
    """Remove all records and what linkage made of them, so that they can arrive again in another order."""
    async with hub.database.begin() as connection:
        await connection.execute(
            text("""
                TRUNCATE source_record, blocking_key, pair_score, membership, membership_history, person_event,
                    review_task, link_constraint, decision_event, source_link, resource, resource_version,
                    resource_identifier""")
        )
