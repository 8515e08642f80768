"""Which of a member's own resources a condition means: FHIR R4's conditional interactions, and references said as searches.

A condition is tested under the member's lock (`resources.lock_member`), in the transaction that writes: whatever else is
written for the member comes before it and is seen, or waits (decision 0020). A single identifier is asked for by its unique
index, of all conditions of a transaction with one statement; any other is a search.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.errors import Invalid, Refused
from hub.fhir import fed, requests, search
from hub.fhir.fed import Identifier
from hub.fhir.requests import Request
from hub.fhir.search import Query
from hub.runtime import Hub
from hub.services.blinds import IDENTIFIER
from hub.services.exchange import checking, noting, searching
from hub.services.exchange.noting import Looked
from hub.services.identity.ledger import LookedUp
from hub.storage import resources
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.resources import Head

MOST: Final = 50
"""Searches that one Bundle may make for its conditions; single identifiers are not counted."""
ENOUGH: Final = 2
"""Of what meets a condition no more are looked for: it is one, or several."""


class NotUnique(Refused):
    """More than one resource is meant by what may mean one only."""

    status = 412

    def __init__(self, what: str = "the condition") -> None:
        super().__init__(
            "not-unique",
            f"Several of your resources meet {what}; nothing was stored. Say more narrowly which is meant.",
        )


class NoMatch(Refused):
    """Nothing is meant by what has to mean one resource."""

    status = 412

    def __init__(self, what: str) -> None:
        super().__init__(
            "no-match", f"None of your resources meets {what}; nothing was stored. Create it first, or name another."
        )


@dataclass(frozen=True, slots=True)
class Criteria:
    """A condition on resources of a type: one identifier, or else a search."""

    type: str
    text: str
    identifier: Identifier | None
    query: Query | None = field(compare=False)


def read(hub: Hub, type_: str, text: str) -> Criteria:
    """The condition that the parameters of an address are. Raises NotFound for a type that is not kept, Invalid."""
    checking.known_type(type_)
    pairs = requests.parameters(text)
    identifier = _identifier(pairs)
    query = None
    if identifier is None:
        query = search.parse(type_, pairs, now=hub.now(), base=f"{hub.settings.base_url}/fhir", strict=True)
        if not query.conditions:
            raise Invalid(
                "bad-request", "A condition names at least one search parameter, such as identifier=system|value."
            )
        if len(query.used) > len(query.conditions):
            raise Invalid(
                "not-supported", "A condition says which resource is meant, and nothing of order, size or additions."
            )
    return Criteria(type_, repr(sorted(pairs)), identifier, query)


def _identifier(pairs: Sequence[tuple[str, str]]) -> Identifier | None:
    """The one identifier that is all the condition asks for."""
    if len(pairs) != 1 or pairs[0][0] != "identifier" or "\\" in pairs[0][1]:
        return None
    try:
        return fed.token(pairs[0][1])
    except Invalid:  # a value without a system, or several: a search can tell
        return None


async def find(
    hub: Hub, connection: AsyncConnection, member: Member, purpose: str, asked: Iterable[Criteria], now: datetime
) -> dict[Criteria, list[Head]]:
    """What of the member's own meets each condition: of several two. Its lock is held. Raises Invalid, Unavailable.

    Searches leave a leaf, and their line in the ledger of the person whom what they find is about.
    """
    every = list(dict.fromkeys(asked))
    values = {one: hub.vault.blind(IDENTIFIER, *one.identifier) for one in every if one.identifier is not None}
    found: dict[Criteria, list[Head]] = {}
    if values:
        under = await resources.own_under(
            connection, member.id, [(one.type, value) for one, value in values.items()], ENOUGH
        )
        found = {one: under.get((one.type, value), []) for one, value in values.items()}
    queries = {one: one.query for one in every if one.query is not None}
    if not queries:
        return found
    searched = await searching.every(hub, connection, member, list(queries.values()), ENOUGH)
    shown = [one for some in searched for one in some]
    await noting.note(hub, connection, [Looked(LookedUp(member, "search", purpose, now), shown)])
    for one, some in zip(queries, searched, strict=True):
        found[one] = [Head(version.id, version.newest, version.at) for version in some]
    return found


def check_all(asked: Iterable[Request], *, together: bool) -> None:
    """Raises Invalid `too-costly` where the conditions of a Bundle make too many searches: before any of them is read.

    `together` it is a transaction, in which references may be searches too.
    """
    searches = set[tuple[str, str]]()
    for one in asked:
        if one.method == "GET":
            continue
        said = [(one.type, one.query or one.if_none_exist)]
        said += [
            (kind, text) for kind, _, text in (it.partition("?") for it in requests.searches(one.body) if together)
        ]
        for kind, text in said:
            with suppress(Invalid):  # what cannot be read is no search, and is refused when it is carried out
                pairs = requests.parameters(text)
                if pairs and _identifier(pairs) is None:
                    searches.add((kind, repr(sorted(pairs))))
        check_number(len(searches))


def check_number(searches: int) -> None:
    """Raises Invalid `too-costly` where conditions make too many searches."""
    if searches > MOST:
        raise Invalid(
            "too-costly",
            f"The conditions of a Bundle make at most {MOST} searches; nothing was stored. Use identifiers, or several Bundles.",
        )


def target(found: Sequence[Head], what: str = "the condition") -> UUID | None:
    """The one resource that is meant; None where there is none. Raises NotUnique."""
    if len(found) > 1:
        raise NotUnique(what)
    return found[0].id if found else None
