"""Identifier domains: whose numbers a system holds. Each member numbers its records in one; others are the nation's.

A number of the nation names a person and can be guessed; it finds, and shows, a caller's own records only.
"""

from typing import Final

from hub.storage import members
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from mappings.vocabulary import HEALTH_CARD_NUMBER, HEALTH_RECORD_NUMBER, RESIDENT_ID, document_system, record_system

NATIONAL: Final = frozenset({RESIDENT_ID, HEALTH_RECORD_NUMBER, HEALTH_CARD_NUMBER})
_DOCUMENTS: Final = document_system("")
_RECORDS: Final = (record_system("\n").partition("\n")[0], record_system("\n").partition("\n")[2])


def is_national(system: str) -> bool:
    """Does the system number people, and not one member's records?"""
    return system in NATIONAL or system.startswith(_DOCUMENTS)


def numbers_records(system: str) -> bool:
    """Does it number one member's records, each of which is told to whoever is meant to know it?"""
    begins, ends = _RECORDS
    return system.startswith(begins) and system.endswith(ends)


async def holder(connection: AsyncConnection, system: str) -> Member | None:
    """The active member whose records the system numbers."""
    if not numbers_records(system):
        return None
    begins, ends = _RECORDS
    return await members.by_name(connection, system[len(begins) : -len(ends)])


async def is_known(connection: AsyncConnection, system: str) -> bool:
    """Does the hub know the domain?"""
    return is_national(system) or await holder(connection, system) is not None


async def all_systems(connection: AsyncConnection) -> list[str]:
    """Every domain in which a record can be numbered, but for those of single kinds of identity documents."""
    return [*sorted(NATIONAL), *(record_system(member.name) for member in await members.all_members(connection))]
