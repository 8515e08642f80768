"""From a resource as a member sends it to what is stored: valid R4, nothing that may not be exchanged, and what linkage reads.

What is kept is what was sent, number for number; the hub adds its id and version only where it shows it. A resource that
carries the sender's own number (an identifier of its domain) is the record of that number, whichever way it came in.
"""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from hub.errors import Invalid, NotFound
from hub.fhir import patients, subscriptions, validate
from hub.linkage import features
from hub.runtime import Hub
from hub.services import fed_patients, keeping, preparing, subscribing
from hub.services.preparing import PERSON_TYPE, Ready
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from mappings import divisions
from mappings.vocabulary import record_system

TYPES: Final = keeping.TYPES
"""What is kept one by one."""
_SHOWN: Final = 5


def known_type(type_: str) -> str:
    """The type, if resources of it are kept. Raises NotFound."""
    if type_ not in TYPES:
        raise NotFound("Resources of this type are not kept here; /fhir/metadata says which are. Nothing was stored.")
    return type_


def check(member: Member, type_: str, resource: dict[str, Any], canonical: bytes) -> bytes:
    """What is kept of `resource`, of which `canonical` are the bytes. Raises Invalid."""
    if resource.get("resourceType") != type_:
        raise Invalid("bad-request", f"The body is not a {type_}.")
    problems = validate.check(resource, canonical)
    if problems:
        said = "; ".join(f"{problem.path} {problem.reason}" for problem in problems[:_SHOWN])
        raise Invalid("invalid-resource", f"The {type_} is not valid FHIR R4: {said}. Nothing was stored.")
    return keeping.keep(member.name, type_, resource, canonical)


def read(member: Member, resource: dict[str, Any], kept: bytes, id_: UUID) -> Ready:
    """A checked resource as it is stored under `id_`, whatever else there is: nobody needs to wait for this."""
    key = patients.number(resource, record_system(member.name)) or str(id_)
    is_person = resource["resourceType"] == PERSON_TYPE
    extracted = features.extract(resource, history=divisions.canonical) if is_person else None
    return preparing.ready(0, key, resource, kept, extracted)


async def admitted(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    resource: dict[str, Any],
    made: Ready,
    id_: UUID,
    beside: Collection[UUID] = (),
) -> Ready:
    """The same once it is known to go with what else there is, and with what of its type is stored `beside` it; with the
    record that is in its place, where it names one.

    Raises Invalid `bad-link`, and what a Subscription is refused for.
    """
    if made.type == subscriptions.TYPE:
        await subscribing.admit(hub, connection, member, resource, id_, beside)
    replaced = keeping.replacement(resource) if made.type == PERSON_TYPE else None
    if replaced is None:
        return made
    replaced_by = fed_patients.own(member, await fed_patients.named(hub, connection, member, replaced, {}))
    if replaced_by.value == made.key:
        raise Invalid("bad-link", "A record cannot be replaced by itself.")
    return made._replace(replaced_by=replaced_by)
