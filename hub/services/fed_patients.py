"""From a Patient as a source feeds it to what is stored: checked like a translated row, and nobody's but the source's.

A member numbers its own records in one domain, urn:lianqiao:<name>:record, and feeds no other (one source a domain).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from hub.errors import Invalid, NotAllowed
from hub.fhir import exact, fed, validate
from hub.fhir.fed import Fed, Identifier
from hub.linkage import features
from hub.runtime import Hub
from hub.services import content, preparing
from hub.services.preparing import Ready
from hub.storage import resources
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from mappings import divisions
from mappings.vocabulary import PERSON, record_system

_RECORDS: Final = ("urn:lianqiao:", ":record")
_SHOWN: Final = 5


def own(member: Member, identifier: Identifier) -> Identifier:
    """The identifier, if it is of the member's own domain. Raises NotAllowed."""
    return own_of(member.name, identifier)


def own_of(source: str, identifier: Identifier) -> Identifier:
    """The same by the member's name."""
    if identifier.system != record_system(source):
        raise NotAllowed(
            "not-your-domain",
            f"{source} feeds records of {record_system(source)} only: each domain has one source.",
        )
    return identifier


async def read(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    patient: Any,
    asked: Identifier | None,
    others: Mapping[str, Identifier],
) -> Ready:
    """What is stored of `patient`, fed under the identifier `asked`, or under its own. Its numbers may be kept as digits.

    `others` names records of the same message by their full URLs. Raises Invalid and NotAllowed; the detail names no value.
    """
    if not isinstance(patient, dict) or patient.get("resourceType") != "Patient":
        raise Invalid("bad-request", "A Patient is needed.")
    given = exact.write(patient)
    plain = orjson.loads(given)
    problems = validate.check(plain, given)
    if problems:
        said = "; ".join(f"{problem.path} {problem.reason}" for problem in problems[:_SHOWN])
        raise Invalid("invalid-resource", f"The Patient is not valid FHIR R4: {said}. Nothing was stored.")
    found = fed.read(plain)
    key = _key(member, found, asked)
    replaced_by = None
    if found.replaced_by is not None:
        replaced_by = own(member, await named(hub, connection, member, found.replaced_by, others))
        if replaced_by == key:
            raise Invalid("bad-link", "A record cannot be replaced by itself.")
    replaces = [own(member, await named(hub, connection, member, other, others)) for other in found.replaces]
    kept = fed.linked(found, replaced_by, tuple(replaces))
    body = exact.write(fed.linked(fed.read(patient), replaced_by, tuple(replaces)))
    content.check(body, PERSON)
    extracted = features.extract(kept, history=divisions.canonical)
    return preparing.ready(0, key.value, kept, body, extracted, replaced_by)


def number_of(member: Member, patient: Any, asked: Identifier | None) -> str:
    """Under which of the member's own numbers a Patient was fed that was taken; '' for one that has none."""
    if asked is not None:
        return asked.value
    system = record_system(member.name)
    return next((one.value for one in fed.identifiers(patient) if one.system == system), "")


def stamped(patient: Any, latest: datetime) -> datetime | None:
    """When the source says that it changed the record (Patient.meta.lastUpdated)."""
    meta = patient.get("meta") if isinstance(patient, dict) else None
    text = meta.get("lastUpdated") if isinstance(meta, dict) else None
    return fed.moment(text if isinstance(text, str) else None, latest)


def _key(member: Member, found: Fed, asked: Identifier | None) -> Identifier:
    """The one identifier of the member's domain that the Patient has."""
    if asked is not None:
        own(member, asked)
    records = {one for one in fed.identifiers(found.patient) if is_record(one)}
    for one in records:
        own(member, one)
    if len(records) != 1:
        raise Invalid("bad-identifier", f"The Patient has exactly one identifier of {record_system(member.name)}.")
    (key,) = records
    if asked not in (None, key):
        raise Invalid("bad-identifier", "The identifier asked for is not the one that the Patient has.")
    if len(key.value) > fed.LONGEST_VALUE:
        raise Invalid("bad-identifier", f"An identifier has at most {fed.LONGEST_VALUE} characters.")
    return key


def is_record(identifier: Identifier) -> bool:
    begins, ends = _RECORDS
    return identifier.system.startswith(begins) and identifier.system.endswith(ends)


async def named(
    hub: Hub, connection: AsyncConnection, member: Member, other: Mapping[str, Any], others: Mapping[str, Identifier]
) -> Identifier:
    """The identifier of a record that a link names: by identifier, by search, by full URL or by our own id."""
    told = other.get("identifier") or {}
    if told.get("system") and told.get("value"):
        return Identifier(told["system"], told["value"])
    reference = str(other.get("reference", ""))
    if reference in others:
        return others[reference]
    tail = reference.removeprefix(f"{hub.settings.base_url}/fhir/")
    if tail.startswith("Patient?identifier="):
        return fed.token(tail.removeprefix("Patient?identifier="))
    try:
        id_ = UUID(tail.removeprefix("Patient/"))
    except ValueError:
        raise Invalid("bad-link", "A link names no record: give the identifier of the other record.") from None
    stored = (await resources.newest(connection, hub.vault, [id_])).get(id_)
    if stored is not None and stored.member_id == member.id and stored.type == "Patient":
        for one in fed.identifiers(orjson.loads(stored.body)):
            if is_record(one):
                return one
    raise Invalid("bad-link", "A link names no record of yours: give the identifier of the other record.")
