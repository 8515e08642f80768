"""What requests that come together tell by themselves: which conditions they test, and what they make where nothing meets these.

Without the member's lock and without the database: so much less is left to do while others of the member wait. Whether it is
as it was taken to be is seen in the transaction that writes (`entries`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

import orjson

from hub.errors import NotFound, Refused
from hub.fhir import requests
from hub.fhir.requests import Request
from hub.runtime import Hub
from hub.services.exchange import checking, conditions, indexing, stated
from hub.services.exchange.conditions import Criteria
from hub.services.preparing import Ready
from hub.storage.ids import new_id
from hub.storage.members import Member

MOST_DRAFTED: Final = 2**20
"""Bytes of the resources of one Bundle."""
References = Mapping[str, tuple[Request, Criteria]]
"""References that are said as searches, by what they say: the first entry that has one, and its condition."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource as it is kept and stored, if it comes to be under `id`; `body` is its entry's with references led."""

    id: UUID
    body: bytes
    resource: dict[str, Any]
    kept: bytes
    ready: Ready
    tokens: Sequence[int] | None

    def ready_as(self, id_: UUID) -> Ready:
        """The same under another id: which is its key where its sender gave it no number."""
        if id_ == self.id or self.ready.key != str(self.id):
            return self.ready
        return self.ready._replace(key=str(id_))


@dataclass(frozen=True, slots=True)
class Understood:
    """Requests that change something; `criteria` by their places, and the `ids` that what they make is to have.

    `together` they are a transaction, and what is refused names its entry. `drafts` are of what is not refused, with
    references `led` so; None where nothing was drafted.
    """

    purpose: str
    together: bool
    changing: Sequence[Request]
    criteria: Mapping[int, Criteria]
    references: References
    ids: Mapping[int, UUID]
    drafts: Mapping[int, Draft] = field(default_factory=dict)
    led: Mapping[str, str] | None = None

    @property
    def conditions(self) -> list[Criteria]:
        """All that have to be found: whom requests are about, and whom references mean."""
        return [*self.criteria.values(), *(one for _, one in self.references.values())]


def understand(hub: Hub, member: Member, purpose: str, asked: Sequence[Request], *, together: bool) -> Understood:
    """Raises NotFound, Invalid, for what no look at what is there would change."""
    if member.kind != "county":
        raise NotFound
    changing = [one for one in asked if one.method != "GET"]
    criteria, references = _conditions(hub, changing, together)
    ids = {one.at: new_id() for one in changing if one.method == "POST" or (one.query and one.method == "PUT")}
    return Understood(purpose, together, changing, criteria, references, ids)


def drafted(hub: Hub, member: Member, understood: Understood) -> Understood:
    """The same with what its entries make where nothing meets their conditions, unless that is too much to be held while it
    waits, or a reference is a search.

    An entry that is left out is refused in its turn, or not written: what is there already is not made.
    """
    writing = [one for one in understood.changing if one.method in ("POST", "PUT")]
    if understood.references or sum(len(one.body) for one in writing) > MOST_DRAFTED:
        return understood
    try:
        ids = {one.at: understood.ids.get(one.at) or stated.uuid(one.id) for one in writing}
    except NotFound:
        return understood
    made = {one.full_url: f"{one.type}/{ids[one.at]}" for one in writing if one.full_url}
    drafts: dict[int, Draft] = {}
    for one in writing:
        with suppress(Refused):
            drafts[one.at] = draft(hub, member, one.type, requests.resolved(one.body, made), ids[one.at])
    return replace(understood, drafts=drafts, led=made)


def draft(hub: Hub, member: Member, type_: str, body: bytes, id_: UUID) -> Draft:
    """The resource that a body is. Raises Invalid, NotAllowed, TooLarge."""
    resource = orjson.loads(body)
    kept = checking.check(member, type_, resource, body)
    ready = checking.read(member, resource, kept, id_)
    return Draft(id_, body, resource, kept, ready, indexing.tokens(hub, member.id, resource))


def _conditions(hub: Hub, changing: Sequence[Request], together: bool) -> tuple[dict[int, Criteria], References]:
    """The conditions of the requests by their places, and of references. Raises Invalid, NotFound."""
    criteria, references = dict[int, Criteria](), dict[str, tuple[Request, Criteria]]()
    searches = set[Criteria]()
    for one in changing:
        with naming(one, together):
            stated.checked(one)
            if condition := one.query or (one.if_none_exist if one.method == "POST" else ""):
                criteria[one.at] = _counted(conditions.read(hub, one.type, condition), searches)
            for said in requests.searches(one.body) - references.keys() if together else ():
                type_, _, text = said.partition("?")
                references[said] = one, _counted(conditions.read(hub, type_, text), searches)
    return criteria, references


def _counted(one: Criteria, searches: set[Criteria]) -> Criteria:
    """The condition, put among those that are searches. Raises Invalid when these are too many."""
    if one.query is not None:
        searches.add(one)
        conditions.check_number(len(searches))
    return one


@contextmanager
def naming(one: Request, together: bool) -> Iterator[None]:
    """A refusal of one of many says which it is of."""
    try:
        yield
    except Refused as refusal:
        if together:
            refusal.detail = f"Bundle.entry[{one.at}]: {refusal.detail}"
        raise
