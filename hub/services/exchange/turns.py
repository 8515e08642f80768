"""Which of a member's transactions may be done at once, each as if the others were not there: by what they say they are about.

Plainly so only: where that takes a look at more than identifiers, or may be what an earlier one changes, it comes in a later
turn. What is found behind identifiers is compared when it is known (`apart`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hub.errors import NotFound
from hub.fhir.fed import Identifier
from hub.services.exchange import stated
from hub.services.exchange.entries import Settled
from hub.services.exchange.understanding import Understood

MOST: Final = 400
"""Entries of all that are done at once."""
_Named = tuple[str, Identifier]


@dataclass(frozen=True, slots=True)
class About:
    """A transaction as it says: the message and the resources that it names, by which identifiers it asks for more of them
    (type, identifier), and which it writes.
    """

    names: frozenset[UUID]
    asked: frozenset[_Named]
    written: frozenset[_Named]
    entries: int
    is_plain: bool


def about(message_id: UUID, understood: Understood | None) -> About:
    """What a transaction says; None is one that nothing comes of but its refusal."""
    if understood is None:
        return About(frozenset((message_id,)), frozenset(), frozenset(), 0, is_plain=True)
    names = {message_id}
    for one in understood.changing:
        if one.id:
            try:
                names.add(stated.uuid(one.id))
            except NotFound:  # names nothing
                continue
    made = [one.ready for one in understood.drafts.values()]
    written = {(one.type, Identifier(*each)) for one in made for each in one.identifiers}
    return About(
        frozenset(names),
        frozenset((one.type, one.identifier) for one in understood.conditions if one.identifier is not None),
        frozenset(written),
        len(understood.changing),
        is_plain=understood.led is not None
        and all(one.query is None for one in understood.criteria.values())
        and all(one.method != "PATCH" for one in understood.changing),
    )


def first(waiting: Sequence[About]) -> list[int]:
    """The places of those that may be done at once: the first, and what is apart from all that come before it."""
    chosen = [0]
    entries = waiting[0].entries
    names, asked, written = set(waiting[0].names), set(waiting[0].asked), set(waiting[0].written)
    for at, one in enumerate(waiting[1:] if waiting[0].is_plain else (), 1):
        entries += one.entries
        if not one.is_plain or entries > MOST:
            break
        is_apart = names.isdisjoint(one.names) and (asked | written).isdisjoint(one.asked)
        if is_apart and asked.isdisjoint(one.written):
            chosen.append(at)
        names |= one.names
        asked |= one.asked
        written |= one.written
    return chosen


def apart(settled: Iterable[Settled]) -> list[bool]:
    """Is each about other resources than those before it, now that these are known?"""
    met: set[UUID] = set()
    found = []
    for one in settled:
        ids = {write.id for write in one.writes.values()} | {done.id for done in one.done.values() if done is not None}
        found.append(met.isdisjoint(ids))
        met |= ids
    return found
