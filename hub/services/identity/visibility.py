"""Whose records of people a member may see: its own, and what agreements let it see for the purpose it states.

Deny by default: without a purpose only its own. Policy is asked as for any other record kind (`domain.policy`); where an
agreement asks for a case, a record shows only while the case of its person is open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from weakref import WeakKeyDictionary

from hub.domain import policy
from hub.domain.policy import Agreement, Deny
from hub.runtime import Hub
from hub.storage import agreements
from hub.storage.database import AsyncConnection, Database
from hub.storage.members import Member
from mappings.vocabulary import PERSON


@dataclass(frozen=True, slots=True)
class Sight:
    """`free` are the members whose records show; those of `by_case` do where the person's case is open."""

    caller: Member
    purpose: str
    free: frozenset[int]
    by_case: frozenset[int]

    @property
    def reaches_others(self) -> bool:
        """Does it show anybody's records but the caller's own?"""
        return bool(self.by_case) or len(self.free) > 1


Asker = tuple[int, str]
"""A member's id and the purpose it states."""


_known: Final[WeakKeyDictionary[Database, dict[int, tuple[bytes | None, list[Agreement]]]]] = WeakKeyDictionary()
"""By the id of a member: the agreements toward it, and the seals under which they were read."""


async def sights(
    hub: Hub,
    connection: AsyncConnection,
    askers: Mapping[Asker, Member],
    now: datetime,
    seals: Mapping[int, bytes | None] | None = None,
) -> dict[Asker, Sight]:
    """What each of the askers may see now; agreements that are known by the `seals` just read are not asked for again."""
    known, present = _known.setdefault(hub.database, {}), seals or {}
    entered = {id_: known[id_][1] for id_ in present if id_ in known and known[id_][0] == present[id_]}
    unread = set(stating(askers)) - entered.keys()
    if unread:
        read = await agreements.toward(connection, unread)
        known |= {id_: (present[id_], read[id_]) for id_ in unread & present.keys()}
        entered |= read
    return {
        (id_, purpose): _sight(member, purpose, entered[id_] if purpose else (), now)
        for (id_, purpose), member in askers.items()
    }


def stating(askers: Iterable[Asker]) -> list[int]:
    """The members among the askers of whom agreements are asked, in order."""
    return sorted({id_ for id_, purpose in askers if purpose})


def _sight(member: Member, purpose: str, entered: Iterable[policy.Agreement], now: datetime) -> Sight:
    free, by_case = {member.id}, set()
    for agreement in entered:
        holder = agreement.from_member
        asked = policy.Request(PERSON, purpose, holder, member.id, member.divisions)
        answer = policy.decide(asked, agreement, None, None, now)
        if not isinstance(answer, Deny):
            free.add(holder)
        elif answer.reason == "no-case":
            by_case.add(holder)
    return Sight(member, purpose, frozenset(free), frozenset(by_case - free))


async def may_see(connection: AsyncConnection, sight: Sight, member_id: int, subject: bytes, now: datetime) -> bool:
    """May the record with the blind index `subject` of its number at the member `member_id` be shown?"""
    if member_id in sight.free:
        return True
    if member_id not in sight.by_case:
        return False
    case = await agreements.case_for(
        connection, from_member=member_id, to_member=sight.caller.id, kind=PERSON, subject=subject, now=now
    )
    return case is not None and case.open
