"""What looking at a member's own resources leaves behind: a line for each person they are about, and a leaf for each look-up.

The leaf binds its lines (`services.identity.ledger`). Many look-ups are noted together, whoever's they are.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import orjson

from hub.fhir import patients, search
from hub.runtime import Hub
from hub.services.blinds import subject_of
from hub.services.identity import ledger
from hub.services.identity.ledger import LookedUp
from hub.services.preparing import PERSON_TYPE
from hub.storage import own_records
from hub.storage.database import AsyncConnection
from hub.storage.own_records import Named, Seen
from hub.storage.versions import Version
from mappings.vocabulary import record_system


class Key(NamedTuple):
    """A Patient of a member's."""

    member_id: int
    id: UUID


@dataclass(frozen=True, slots=True)
class Looked:
    """A look-up, what it showed, and the Patients at their newest version that were `seen` on the way."""

    trace: LookedUp
    shown: Sequence[Version]
    seen: Mapping[Key, Seen] = field(default_factory=dict)


def seen_among(some: Iterable[Seen]) -> dict[Key, Seen]:
    """The Patients at their newest version among what was read."""
    return {
        Key(one.version.member_id, one.version.id): one
        for one in some
        if one.version.type == PERSON_TYPE and one.version.version == one.version.newest
    }


async def note(hub: Hub, connection: AsyncConnection, looked: Sequence[Looked]) -> None:
    """Write down whose records were shown: a person's own, or one that is about her; a leaf whatever was found."""
    named = [_named(hub, one) for one in looked]
    bodies = {
        Key(one.member_id, one.id): one.body
        for some in looked
        for one in some.shown
        if one.type == PERSON_TYPE and one.version == one.newest
    }
    missing = [(at, key) for at, keys in enumerate(named) for key in sorted(keys - looked[at].seen.keys())]
    asked = [Named(key.member_id, PERSON_TYPE, key.id, opened=key not in bodies) for _, key in missing]
    found = await own_records.each(connection, hub.vault, asked) if asked else []
    seen = [
        {key: one for key, one in some.seen.items() if key in keys} for some, keys in zip(looked, named, strict=True)
    ]
    for (at, key), one in zip(missing, found, strict=True):
        if one is not None:
            seen[at][key] = one
    numbers = [
        number for one, people in zip(looked, seen, strict=True) for number in _tell(hub, one.trace, people, bodies)
    ]
    await ledger.note(hub, connection, [one.trace for one in looked], numbers)


def _tell(hub: Hub, trace: LookedUp, people: Mapping[Key, Seen], bodies: Mapping[Key, bytes]) -> list[int]:
    """Tell the look-up whom it saw; answers the numbers of its lines, in order."""
    name = trace.caller.name
    records = sorted(
        ((one.line, key, one) for key, one in people.items() if one.line is not None), key=lambda record: record[0]
    )
    for _, key, one in records:
        number = patients.number(orjson.loads(bodies.get(key) or one.version.body or b"{}"), record_system(name))
        trace.saw(one.person_id, subject_of(hub, name, number or str(key.id)), patients.IN_FULL)
    return [line for line, _, _ in records]


def _named(hub: Hub, looked: Looked) -> Set[Key]:
    """The Patients of the hub that what was shown is, or refers to."""
    member_id = looked.trace.caller.id
    return {Key(member_id, id_) for one in looked.shown if not one.deleted for id_ in _patients(hub, one)}


def _patients(hub: Hub, one: Version) -> set[UUID]:
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
