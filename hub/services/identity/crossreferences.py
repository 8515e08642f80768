"""PIXm: under which identifiers the person of a known identifier is kept elsewhere (ITI-83).

An answer is the membership of the person, cut to what the caller may see. An identifier of a hidden record and one that
nobody has are the same to the caller, and cost the same; the person of a hidden one is told that somebody asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hub.errors import HubError, Invalid, NotAllowed, NotFound
from hub.runtime import Hub
from hub.services.blinds import IDENTIFIER
from hub.services.identity import domains, ledger, portraits, visibility
from hub.services.identity.ledger import LookedUp
from hub.services.identity.portraits import Portrait
from hub.services.identity.visibility import Sight
from hub.storage import members, patients
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from mappings.vocabulary import record_system

ACT: Final = "cross-reference"
MOST: Final = 200
"""Records of one answer."""
SOURCE_UNKNOWN: Final = "sourceIdentifier Patient Identifier not found"
SOURCE_DOMAIN_UNKNOWN: Final = "sourceIdentifier Assigning Authority not found"
TARGET_UNKNOWN: Final = "targetSystem not found"


@dataclass(frozen=True, slots=True)
class Source:
    """The identifier asked about, and the domains wanted in the answer; none stands for all."""

    system: str
    value: str
    targets: tuple[str, ...] = ()


@dataclass(slots=True)
class Referenced:
    """The answer: identifiers as FHIR has them, and ids of Patients at the hub. `missed` as of a match."""

    identifiers: list[dict[str, Any]] = field(default_factory=list)
    ids: list[UUID] = field(default_factory=list)
    missed: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    hub: Hub
    connection: AsyncConnection
    sight: Sight
    source: Source
    own_url: str
    now: datetime


async def cross_reference(hub: Hub, caller: Member, purpose: str, source: Source, own_url: str) -> Referenced:
    """Every visible identifier of the person but the one given; `own_url` is the domain of the hub's own ids.

    Raises Invalid `unknown-source-domain`, NotAllowed `unknown-target-domain`, NotFound.
    """
    now = hub.now()
    trace = LookedUp(caller, ACT, purpose, now)
    async with hub.database.begin() as connection:
        sight = (await visibility.sights(hub, connection, {(caller.id, purpose): caller}, now))[caller.id, purpose]
        asked = _Asked(hub, connection, sight, source, own_url, now)
        refusal = await _refusal(asked)
        found = None if refusal else await _found(asked, trace)
        await ledger.note(hub, connection, [trace])
    if refusal is not None:
        raise refusal
    if found is None:
        raise NotFound(SOURCE_UNKNOWN)
    return found


async def _refusal(asked: _Asked) -> HubError | None:
    """Why the domains are not the hub's, if they are not."""
    known = {asked.own_url}
    for system in (asked.source.system, *asked.source.targets):
        if system not in known and await domains.is_known(asked.connection, system):
            known.add(system)
    if asked.source.system not in known:
        return Invalid("unknown-source-domain", SOURCE_DOMAIN_UNKNOWN)
    if not known.issuperset(asked.source.targets):
        return NotAllowed("unknown-target-domain", TARGET_UNKNOWN, retry="FIX_FIRST")
    return None


async def _found(asked: _Asked, trace: LookedUp) -> Referenced | None:
    """The answer, or None where the source is nobody the caller may see."""
    named = await _portraits(asked, await _sources(asked))
    seen = [one for one in named.values() if await _may_ask_by(asked, one)]
    if not seen:
        for one in named.values():
            trace.missed(one.shown.person_id, one.subject)
        return None
    persons = {one.shown.person_id for one in seen if one.shown.person_id is not None}
    records = await patients.of_persons(asked.connection, sorted(persons), MOST)
    everyone = named | await _portraits(asked, [record for record in records if record not in named])
    displays: dict[str, str] = {}
    answer = Referenced(missed=asked.sight.reaches_others)
    for id_, one in everyone.items():
        if not await _may_see(asked, one):
            continue
        is_source = id_ in named and not domains.is_national(asked.source.system)
        shown = await _identifiers(asked, one, displays)
        answer.identifiers += shown
        if not is_source and (shown or not asked.source.targets or asked.own_url in asked.source.targets):
            answer.ids.append(one.shown.resource_id)
        trace.saw(one.shown.person_id, one.subject, _fields(asked.sight, one) if shown or not is_source else ())
        answer.missed &= one.shown.member_id == asked.sight.caller.id
    return answer


async def _sources(asked: _Asked) -> Sequence[int]:
    """The records that carry the source identifier."""
    if asked.source.system == asked.own_url:
        try:
            id_ = UUID(asked.source.value.removeprefix("Patient/"))
        except ValueError:
            return ()
        return await patients.by_resources(asked.connection, [id_])
    value = asked.hub.vault.blind(IDENTIFIER, asked.source.system, asked.source.value)
    return await patients.by_identifiers(asked.connection, [value], MOST)


async def _portraits(asked: _Asked, records: Sequence[int]) -> dict[int, Portrait]:
    shown = await patients.shown(asked.connection, asked.hub.vault, records)
    return await portraits.portraits(asked.hub, asked.connection, dict(sorted(shown.items())))


async def _may_see(asked: _Asked, one: Portrait) -> bool:
    return await visibility.may_see(asked.connection, asked.sight, one.shown.member_id, one.subject, asked.now)


async def _may_ask_by(asked: _Asked, one: Portrait) -> bool:
    """May the caller see the record, and have found it by this identifier?"""
    if domains.is_national(asked.source.system) and one.shown.member_id != asked.sight.caller.id:
        return False
    return await _may_see(asked, one)


async def _identifiers(asked: _Asked, one: Portrait, displays: dict[str, str]) -> list[dict[str, Any]]:
    """The identifiers of a record that the caller is given, each with who assigns it where that is a member."""
    source, own = asked.source, one.shown.member_id == asked.sight.caller.id
    numbered = record_system(one.member)
    found = []
    for identifier in one.patient.get("identifier", ()):
        system, value = identifier.get("system"), identifier.get("value")
        wanted = not source.targets or system in source.targets
        if not (system and value and wanted and (own or system == numbered)):
            continue
        if (system, value) == (source.system, source.value):
            continue
        kept = {"system": system, "value": value}
        found.append(kept | await _assigner(asked, displays, one) if system == numbered else kept)
    return found


async def _assigner(asked: _Asked, displays: dict[str, str], one: Portrait) -> dict[str, Any]:
    if one.member not in displays:
        displays[one.member] = (await members.by_id(asked.connection, one.shown.member_id)).display
    return {"assigner": {"display": displays[one.member]}}


def _fields(sight: Sight, one: Portrait) -> tuple[str, ...]:
    return ("record", "identifier") if one.shown.member_id == sight.caller.id else ("record",)
