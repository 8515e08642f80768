"""Searches that few resources can meet, which most are: those of one member that come at the same time are done together.

Whatever needs more than one look at the index, or finds more than a few, is left to `searching`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson

from hub.fhir import search
from hub.fhir.search import Clause, Meta, Query
from hub.runtime import Hub
from hub.services.exchange import noting
from hub.services.exchange.noting import Looked
from hub.services.gathering import Gathering
from hub.services.identity.ledger import LookedUp
from hub.storage import own_records
from hub.storage.database import Database
from hub.storage.members import Member
from hub.storage.own_records import Seen
from hub.storage.search_index import Wanted
from hub.storage.versions import Version


@dataclass(frozen=True, slots=True)
class Asked:
    """One search of a member: what the index can test, what all matches meet, and which page of so many is wanted."""

    member: Member
    purpose: str
    wanted: Wanted
    clauses: Sequence[Clause]
    after: UUID | None
    count: int


@dataclass(frozen=True, slots=True)
class Selected:
    """A page of the matches, how many these are in all, and behind what to read on."""

    page: tuple[Version, ...]
    total: int
    after: UUID | None


_PATIENCE: Final = 0.005
"""Seconds for which searches wait for the act before them, if that is short: one more act is one more round trip."""
_Selecting = Gathering[tuple[Hub, Asked], Selected | None]
_gatherings: Final[WeakKeyDictionary[Database, dict[int, _Selecting]]] = WeakKeyDictionary()


def is_plain(query: Query) -> bool:
    """Does it want matches only, in the order of their ids, that one look at the index can find?"""
    beside = query.includes or query.revincludes or query.sort
    return not (beside or query.joins or query.summary == "count" or query.count == 0)


async def select(hub: Hub, asked: Asked) -> Selected | None:
    """The page; None where it cannot be had in this way, and nothing was shown.

    Each member's are gathered apart, so that those of nobody else wait for what takes long.
    """
    if not own_records.can_be_few(asked.wanted):
        return None
    of_members = _gatherings.setdefault(hub.database, {})
    gathering = of_members.get(asked.member.id) or of_members.setdefault(
        asked.member.id, Gathering(_together, patience=_PATIENCE)
    )
    return await gathering.ask((hub, asked))


async def _together(some: Sequence[tuple[Hub, Asked]]) -> Sequence[Selected | None]:
    hub = some[0][0]
    now = hub.now()
    async with hub.database.singly() as connection:
        found = await own_records.few(connection, hub.vault, [asked.wanted for _, asked in some])
        selected: list[Selected | None] = []
        looked = []
        for (_, asked), seen in zip(some, found, strict=True):
            one = None if seen is None else _page(asked, [one for one in seen if _is_meant(asked, one)])
            selected.append(one)
            if one is not None:
                trace = LookedUp(asked.member, "search", asked.purpose, now)
                looked.append(Looked(trace, one.page, noting.seen_among(seen or ())))
        if looked:
            await noting.note(hub, connection, looked)
    return selected


def _is_meant(asked: Asked, found: Seen) -> bool:
    resource = orjson.loads(found.version.body)
    return search.matches_all(list(asked.clauses), resource, Meta(str(found.version.id), found.version.at))


def _page(asked: Asked, matches: Sequence[Seen]) -> Selected:
    behind = [one.version for one in matches if asked.after is None or one.version.id > asked.after]
    page = tuple(behind[: asked.count])
    return Selected(page, len(matches), page[-1].id if len(behind) > len(page) else None)
