"""Searches a member's own resources: the index finds what may be meant, the opened resource decides (decision 0017).

Pages follow the order of ids, which is the order in which resources came to be: whatever is added meanwhile comes behind, and
no page shows twice what another has shown. Another order is made in memory, of as many as `MOST` resources.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import orjson

from hub.errors import Invalid, Refused, Unavailable
from hub.fhir import search
from hub.fhir.search import Chain, Clause, Condition, Has, Include, Meta, Query
from hub.runtime import Hub
from hub.services.exchange import noting, selecting
from hub.services.exchange.noting import Looked
from hub.services.exchange.selecting import Asked
from hub.services.identity.ledger import LookedUp
from hub.storage import search_index, versions
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.search_index import Wanted
from hub.storage.versions import Version

MOST: Final = 1_000
"""Resources that are opened for one search, and resources that one join may lead through."""
LARGEST: Final = 200
DEFAULT: Final = 20
MOST_INCLUDED: Final = 500
MOST_OPENED: Final = 5_000
"""Resources that are opened for one search with all that its joins lead through and its inclusions look at."""
MOST_BYTES: Final = 64 * 2**20
"""Of all of them: of the largest that are taken few are opened."""
_CHUNK: Final = 100
_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Matches, what is shown beside them, how many there are in all where that is known, and behind what to read on."""

    matches: tuple[Version, ...]
    included: tuple[Version, ...]
    total: int | None
    after: UUID | None


@dataclass(frozen=True, slots=True)
class _Opened:
    version: Version
    resource: dict[str, Any]

    @property
    def meta(self) -> Meta:
        return Meta(str(self.version.id), self.version.at)


class TooCostly(Invalid):
    """More would have to be opened than one search may open."""

    def __init__(self) -> None:
        super().__init__(
            "too-costly",
            f"More than {MOST} resources would have to be looked through, or too much in them. Add a condition that fewer "
            "meet, such as an identifier, a subject, a code or a range of dates; and ask for no order or total of so many, "
            "and of large ones for fewer at once.",
        )


class PageExpired(Refused):
    """What the page would follow is not among the matches any more, so that its place in their order is lost."""

    status = 410

    def __init__(self) -> None:
        super().__init__(
            "page-expired",
            "The resource behind which this page begins was changed or deleted meanwhile; begin the search again.",
        )


async def search_for(hub: Hub, member: Member, purpose: str, query: Query, after: UUID | None) -> Page:
    """One page of the member's own resources. Raises Invalid `too-costly`; of another order than by id PageExpired."""
    if selecting.is_plain(query):
        wanted = _wanted(member, query.type, search.plan_all(query.clauses))
        asked = Asked(member, purpose, wanted, query.clauses, after, _count(query))
        selected = await selecting.select(hub, asked)
        if selected is not None:
            return Page(selected.page, (), selected.total, selected.after)
    async with hub.database.begin() as connection:
        page = await _Search(hub, connection, member, query).page(after)
        trace = LookedUp(member, "search", purpose, hub.now())
        await noting.note(hub, connection, [Looked(trace, [*page.matches, *page.included])])
    return page


async def every(
    hub: Hub, connection: AsyncConnection, member: Member, queries: Sequence[Query], most: int
) -> list[tuple[Version, ...]]:
    """For each of several searches `most` of what meets it, or all, in the order of ids; together they cost as one may.

    Nothing is missed that documents have just changed. Raises Invalid `too-costly`, and Unavailable while they are many.
    """
    search_ = _Search(hub, connection, member, Query(""), misses_nothing=True)
    return [_versions(await search_.first(query, most)) for query in queries]


class _Search:
    """One search in one transaction."""

    def __init__(
        self, hub: Hub, connection: AsyncConnection, member: Member, query: Query, *, misses_nothing: bool = False
    ) -> None:
        self._hub, self._connection, self._member, self._query = hub, connection, member, query
        self._misses_nothing = misses_nothing
        self._base = f"{hub.settings.base_url}/fhir"
        self._opened = self._bytes = 0

    async def page(self, after: UUID | None) -> Page:
        """The page behind `after`."""
        query, count = self._query, _count(self._query)
        clauses = [await self._clause(condition) for condition in query.conditions]
        plan = search.plan_all(clauses)
        wanted = _wanted(self._member, query.type, plan)
        found = await self._few(wanted)
        if query.summary == "count" or count == 0:
            return Page((), (), await self._total(wanted, clauses, found, plan.is_exact), None)
        if query.sort:
            return await self._sorted(clauses, found, after, count)
        shown = await self._first(wanted, clauses, found, after, count + 1)
        total: int | None = None
        if after is None and len(shown) <= count:
            total = len(shown)
        elif query.total == "accurate" or (found is not None and plan.is_exact):
            total = await self._total(wanted, clauses, found, plan.is_exact)
        page = shown[:count]
        included = await self._beside(page)
        more = page[-1].version.id if len(shown) > count else None
        return Page(_versions(page), _versions(included), total, more)

    async def _clause(self, condition: Condition) -> Clause:
        """The condition as one that can be tested: joins are led through what they lead through."""
        if isinstance(condition, Clause):
            return condition
        if isinstance(condition, Chain):
            found = [
                f"{type_}/{one.version.id}"
                for type_, inner in condition.targets
                for one in await self._all(type_, await self._clause(inner))
            ]
            return condition.given(found)
        return await self._having(condition)

    async def _having(self, condition: Has) -> Clause:
        through = await self._all(condition.type, await self._clause(condition.condition))
        return condition.given(
            {one for found in through for one in search.references(found.resource, condition.parameter, self._base)}
        )

    async def _all(self, type_: str, clause: Clause) -> list[_Opened]:
        """Every resource that meets one clause. Raises TooCostly."""
        wanted = _wanted(self._member, type_, search.plan(clause))
        found = await self._few(wanted)
        if found is None or len(found) > MOST:
            raise TooCostly
        return await self._matching([id_ for id_, _ in found], [clause])

    async def first(self, query: Query, most: int) -> list[_Opened]:
        """`most` of the resources that meet all conditions, or all. Raises TooCostly, Unavailable."""
        clauses = [await self._clause(condition) for condition in query.conditions]
        # Not by what people who were there before are only now told of (decision 0028).
        plan = search.plan_all(clauses, joined=False)
        found = await self._few(_wanted(self._member, query.type, plan))
        if found is None or len(found) > MOST:
            raise TooCostly
        return (await self._matching([id_ for id_, _ in found], clauses, most))[:most]

    async def _few(self, wanted: Wanted) -> Sequence[tuple[UUID, Any]] | None:
        """What the index finds, where that is not too much; and what it was not told of yet, where nothing may be missed."""
        if not self._misses_nothing:
            return await search_index.few(self._connection, self._hub.vault, wanted)
        # First what is still to be told: the workers may tell it at any moment, and then the index has it.
        waiting = await search_index.pending(self._connection, wanted.member_id, wanted.type, MOST + 1)
        if len(waiting) > MOST:
            raise Unavailable(
                "too-many",
                "The hub is still reading your documents, and cannot tell yet which resource is meant; nothing was stored. "
                "Send it again in a moment.",
                retry_after=5,
            )
        found = await search_index.few(self._connection, self._hub.vault, wanted)
        return None if found is None else [(id_, None) for id_ in sorted({id_ for id_, _ in found} | set(waiting))]

    async def _matching(self, ids: Sequence[UUID], clauses: Sequence[Clause], most: int = MOST) -> list[_Opened]:
        """Those of the resources that meet all clauses, in the order of `ids`; once there are `most`, no more are opened."""
        shown: list[_Opened] = []
        for start in range(0, len(ids), _AT_ONCE):
            opened = await self._open(ids[start : start + _AT_ONCE])
            shown += [one for one in opened if search.matches_all(list(clauses), one.resource, one.meta)]
            if len(shown) >= most:
                break
        return shown

    async def _open(self, ids: Sequence[UUID]) -> list[_Opened]:
        """Those of a few resources that are the member's and there, in the order of `ids`. Raises TooCostly."""
        there = await versions.own(self._connection, self._hub.vault, self._member.id, ids)
        self._opened += len(there)
        self._bytes += sum(len(one.body) for one in there.values())
        if self._opened > MOST_OPENED or self._bytes > MOST_BYTES:
            raise TooCostly
        return [
            _Opened(there[id_], orjson.loads(there[id_].body)) for id_ in ids if id_ in there and not there[id_].deleted
        ]

    async def _first(
        self,
        wanted: Wanted,
        clauses: Sequence[Clause],
        found: Sequence[tuple[UUID, Any]] | None,
        after: UUID | None,
        count: int,
    ) -> list[_Opened]:
        """The first `count` behind `after`. Raises TooCostly."""
        shown: list[_Opened] = []
        opened = 0
        waiting = [id_ for id_, _ in found or () if after is None or id_ > after]
        while len(shown) < count:
            size = max(_CHUNK, count)
            if found is None:
                some = await search_index.some(self._connection, self._hub.vault, wanted, after, size)
                ids = [id_ for id_, _ in some]
            else:
                ids, waiting = waiting[:size], waiting[size:]
            if not ids:
                break
            if opened >= MOST:
                raise TooCostly
            opened, after = opened + len(ids), ids[-1]
            shown += await self._matching(ids, clauses, count - len(shown))
        return shown[:count]

    async def _sorted(
        self, clauses: Sequence[Clause], found: Sequence[tuple[UUID, Any]] | None, after: UUID | None, count: int
    ) -> Page:
        """A page in another order than that of ids. Raises TooCostly."""
        if found is None or len(found) > MOST:
            raise TooCostly
        opened = await self._matching([id_ for id_, _ in found], clauses)
        by_resource = {id(one.resource): one for one in opened}
        order = [
            by_resource[id(resource)]
            for resource, _ in search.ordered([(one.resource, one.meta) for one in opened], self._query.sort)
        ]
        places = {one.version.id: at for at, one in enumerate(order)}
        if after is not None and after not in places:
            raise PageExpired
        start = 0 if after is None else places[after] + 1
        page = order[start : start + count]
        included = await self._beside(page)
        more = page[-1].version.id if start + count < len(order) else None
        return Page(_versions(page), _versions(included), len(order), more)

    async def _total(
        self,
        wanted: Wanted,
        clauses: Sequence[Clause],
        found: Sequence[tuple[UUID, Any]] | None,
        is_exact: bool,
    ) -> int:
        """How many there are in all. Raises TooCostly."""
        if is_exact:
            return (
                len(found)
                if found is not None
                else await search_index.number(self._connection, self._hub.vault, wanted)
            )
        if found is None or len(found) > MOST:
            raise TooCostly
        return len(await self._matching([id_ for id_, _ in found], clauses))

    async def _beside(self, page: Sequence[_Opened]) -> list[_Opened]:
        """What `_include` and `_revinclude` add to a page, each once; MOST_INCLUDED at most."""
        added: dict[UUID, _Opened] = {}
        shown = {one.version.id for one in page}
        newest = list(page)
        includes, revincludes = list(self._query.includes), list(self._query.revincludes)
        while newest and (includes or revincludes) and len(added) < MOST_INCLUDED:
            asked = {
                one
                for include in includes
                for opened in newest
                for one in search.included(include, opened.resource, self._base)
            }
            fresh = [*await self._referred(asked), *await self._referring(revincludes, newest)]
            newest = []
            for one in fresh:
                if one.version.id not in shown and one.version.id not in added and len(added) < MOST_INCLUDED:
                    added[one.version.id] = one
                    newest.append(one)
            includes = [one for one in includes if one.iterate]
            revincludes = [one for one in revincludes if one.iterate]
        return list(added.values())

    async def _referred(self, asked: Iterable[str]) -> list[_Opened]:
        """The member's own resources of these names, Type/id."""
        ids = {}
        for name in asked:
            type_, _, id_ = name.partition("/")
            try:
                ids[UUID(id_)] = type_
            except ValueError:
                continue  # no id of ours
        found = await self._matching(sorted(ids)[:MOST_INCLUDED], ())
        return [one for one in found if one.version.type == ids[one.version.id]]

    async def _referring(self, includes: Sequence[Include], to: Sequence[_Opened]) -> list[_Opened]:
        """The member's own resources that refer to these."""
        found: list[_Opened] = []
        for include in includes:
            names = [f"{one.version.type}/{one.version.id}" for one in to
                     if include.target in ("", one.version.type)]  # fmt: skip
            if names and include.parameter is not None:
                clause = Chain(Clause(include.parameter, "", (), self._base), ()).given(names)
                found += await self._all(include.source, clause)
        return found


def _count(query: Query) -> int:
    return min(query.count if query.count is not None else DEFAULT, LARGEST)


def _versions(some: Iterable[_Opened]) -> tuple[Version, ...]:
    return tuple(one.version for one in some)


def _wanted(member: Member, type_: str, plan: search.Plan) -> Wanted:
    wanted = Wanted(member.id, type_, plan.all_of, updated=plan.updated)
    return wanted if plan.ids is None else replace(wanted, ids=[id_ for one in plan.ids if (id_ := _uuid(one))])


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
