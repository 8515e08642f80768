"""PDQm: Patients by what is known of them (ITI-78), although what is known is sealed at rest.

Records are found by identifiers (blind indexes) and by the keys that linkage finds candidates by; what is found is opened
and compared. What has no such way in cannot be searched, and is refused rather than answered with less. Without criteria
a member reads on through its own records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any, Final
from uuid import UUID

from hub.errors import Invalid, NotFound
from hub.fhir.criteria import Criteria, Token
from hub.fhir.patients import only_domains
from hub.linkage import blocking
from hub.runtime import Hub
from hub.services.blinds import IDENTIFIER
from hub.services.identity import domains, ledger, portraits, visibility
from hub.services.identity.ledger import LookedUp
from hub.services.identity.portraits import Portrait
from hub.services.identity.visibility import Sight
from hub.storage import patients
from hub.storage.database import AsyncConnection
from hub.storage.members import Member

SEARCH, READ = "search", "read"
MOST: Final = 1000
"""Records that are opened for one search."""
LEAST: Final = 3
"""Identifying elements without which a search for people finds a caller's own records only."""
_YEARS: Final = 10
_MOST_KEYS: Final = 40
_NOT_SEARCHABLE: Final = (
    "Personal data is sealed at rest. A search needs one of: an identifier with its system, _id, family or given with the "
    f"whole birthdate, family and given with a birthdate within {_YEARS} years, telecom with a birthdate within {_YEARS} "
    "years; anything else may be added to these."
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some Patients of those found, and how many there are in all. `missed` as of a match."""

    patients: tuple[dict[str, Any], ...]
    total: int
    missed: bool


async def search(hub: Hub, caller: Member, purpose: str, criteria: Criteria, offset: int, count: int) -> Page:
    """`count` Patients from `offset` on. Raises Invalid `not-supported`, `too-costly`, NotFound `targetSystem not found`."""
    now = hub.now()
    trace = LookedUp(caller, SEARCH, purpose, now)
    async with hub.database.begin() as connection:
        sight = (await visibility.sights(hub, connection, {(caller.id, purpose): caller}, now))[caller.id, purpose]
        if not (criteria.texts or criteria.tokens or criteria.born or criteria.domains):
            page = await _own(hub, connection, trace, offset, count)
        else:
            await _check_domains(hub, connection, criteria.domains)
            records = await _records(hub, connection, criteria)
            page = await _page(hub, connection, sight, criteria, records, trace, offset, count)
        await ledger.note(hub, connection, [trace])
    return page


async def read(hub: Hub, caller: Member, purpose: str, resource_id: UUID) -> dict[str, Any]:
    """One Patient by its id at the hub. Raises NotFound."""
    now = hub.now()
    trace = LookedUp(caller, READ, purpose, now)
    found = None
    async with hub.database.begin() as connection:
        sight = (await visibility.sights(hub, connection, {(caller.id, purpose): caller}, now))[caller.id, purpose]
        records = await patients.by_resources(connection, [resource_id])
        for one in (await _portraits(hub, connection, records)).values():
            if await visibility.may_see(connection, sight, one.shown.member_id, one.subject, now):
                found = _seen(one, trace)
            else:
                trace.missed(one.shown.person_id, one.subject)
        await ledger.note(hub, connection, [trace])
    if found is None:
        raise NotFound
    return found


def _seen(one: Portrait, trace: LookedUp) -> dict[str, Any]:
    patient, fields = one.seen_by(trace.caller)
    trace.saw(one.shown.person_id, one.subject, fields)
    return patient


async def _own(hub: Hub, connection: AsyncConnection, trace: LookedUp, offset: int, count: int) -> Page:
    """The caller's own records, the oldest first."""
    total = await patients.number_of(connection, trace.caller.id)
    records = await patients.of_member(connection, trace.caller.id, offset, count)
    read_ = await _portraits(hub, connection, records)
    return Page(tuple(_seen(one, trace) for one in read_.values()), total, False)


async def _portraits(hub: Hub, connection: AsyncConnection, records: Sequence[int]) -> dict[int, Portrait]:
    shown = await patients.shown(connection, hub.vault, records)
    return await portraits.portraits(hub, connection, dict(sorted(shown.items())))


async def _check_domains(hub: Hub, connection: AsyncConnection, wanted: Sequence[str]) -> None:
    """ITI-78, case 4."""
    for system in wanted:
        if not await domains.is_known(connection, system):
            raise UnknownDomain


class UnknownDomain(NotFound):
    """A domain from which identifiers are wanted is not the hub's."""

    def __init__(self) -> None:
        super().__init__("targetSystem not found")
        self.code = "unknown-domain"


async def _records(hub: Hub, connection: AsyncConnection, criteria: Criteria) -> Sequence[int]:
    """The records that the most telling of the criteria leads to. Raises Invalid."""
    ids = criteria.token("_id")
    if ids is not None:
        return await patients.by_resources(connection, [id_ for _, value in ids.values if (id_ := _uuid(value))])
    identifier = criteria.token("identifier")
    if identifier is not None:
        found = await patients.by_identifiers(connection, await _blind(hub, connection, identifier), MOST + 1)
    else:
        texts = _key_texts(criteria)
        if not texts:
            raise Invalid("not-supported", _NOT_SEARCHABLE)
        found = await patients.behind_keys(connection, blocking.keyed(texts, hub.vault.blocking_secret), MOST)
    if len(found) > MOST:
        raise Invalid("too-costly", f"More than {MOST} records could be meant; add to what is searched for.")
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _blind(hub: Hub, connection: AsyncConnection, identifier: Token) -> list[bytes]:
    """The blind indexes of the identifiers; one without a system is looked for in every domain."""
    everywhere: list[str] = []
    if any(system is None for system, _ in identifier.values):
        everywhere = await domains.all_systems(connection)
    return [
        hub.vault.blind(IDENTIFIER, system, value)
        for stated, value in identifier.values
        if value
        for system in (everywhere if stated is None else [stated])
    ]


def _key_texts(criteria: Criteria) -> list[str]:
    """By what the records are found; empty where the criteria lead to no key."""
    families, givens = (
        [value for one in criteria.texts if one.name == name for value in one.values] or [""]
        for name in ("family", "given")
    )
    telecom = criteria.token("telecom")
    phones = [value for _, value in telecom.values] if telecom else [""]
    days, years = _births(criteria)
    if len(families) * len(givens) * len(phones) > _MOST_KEYS:
        return []
    found = [
        text
        for family, given, phone in product(families, givens, phones)
        for text in blocking.by_parts(family, given, days, years, phone)
    ]
    return found if len(found) <= _MOST_KEYS else []


def _births(criteria: Criteria) -> tuple[list[int], list[int]]:
    """(whole dates, years) in which the birth may lie, as far as there are few."""
    if not criteria.born:
        return [], []
    first = max(span.first for span in criteria.born)
    last = min(span.last for span in criteria.born)
    if first > last or last - first > timedelta(days=366 * _YEARS):
        return [], []
    days = [_number(first)] if first == last else []
    return days, list(range(first.year, last.year + 1))


def _number(day: date) -> int:
    return day.year * 10000 + day.month * 100 + day.day


async def _page(
    hub: Hub,
    connection: AsyncConnection,
    sight: Sight,
    criteria: Criteria,
    records: Sequence[int],
    trace: LookedUp,
    offset: int,
    count: int,
) -> Page:
    """The page of those records that fit and show; who fits and is hidden is told."""
    fitting: list[Portrait] = []
    hidden: list[Portrait] = []
    others = False
    reaches = _reaches_others(criteria)
    for one in (await _portraits(hub, connection, records)).values():
        if not criteria.fits(one.patient, str(one.shown.resource_id)):
            continue
        is_own = one.shown.member_id == trace.caller.id
        if is_own or (
            reaches and await visibility.may_see(connection, sight, one.shown.member_id, one.subject, trace.at)
        ):
            fitting.append(one)
            others |= not is_own
        elif reaches:
            hidden.append(one)
    page = [_seen(one, trace) for one in fitting[offset : offset + count]]
    for one in (*fitting[:offset], *fitting[offset + count :]):
        if one.shown.member_id != trace.caller.id:
            trace.saw(one.shown.person_id, one.subject, ())  # counted in the total, which tells that she is there
    for one in hidden:
        trace.missed(one.shown.person_id, one.subject)
    if criteria.domains:
        page = [only_domains(patient, criteria.domains) for patient in page]
    return Page(tuple(page), len(fitting), sight.reaches_others and reaches and not others)


def _reaches_others(criteria: Criteria) -> bool:
    """Does it say enough of a person to look beyond the caller's own records?"""
    identifier = criteria.token("identifier")
    systems = {system for system, _ in identifier.values} if identifier and len(identifier.values) == 1 else set()
    numbered = any(system is not None and domains.numbers_records(system) for system in systems)
    return numbered or criteria.token("_id") is not None or criteria.elements >= LEAST
