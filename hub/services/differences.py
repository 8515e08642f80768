"""What putting another linkage model in force would change: persons, review tasks, and where it speaks against people.

Persons come of the very function that arrivals use, so that what is shown here is what happens. Decisions of people win
over every model; that a model speaks against one is told, and changes nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from uuid import UUID

import numpy as np

from hub.linkage import reprojection
from hub.linkage.reprojection import Ends, Standing
from hub.runtime import Hub
from hub.services import projecting
from hub.storage import people, standing
from hub.storage.database import AsyncConnection
from hub.storage.linkage_models import Epoch
from hub.storage.standing import Ids, Task

Pair = tuple[int, int]
_PART = 20_000
"""Records that are read and projected at a time."""


@dataclass(frozen=True, slots=True)
class Regrouped:
    """A person whose records come from, or go to, several: the ids it gives way to or takes over."""

    person: UUID
    others: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """All that would change. `moves` are {record: (from, to)}; `splits` are of today's persons, `joins` of the coming.

    `against_same` are pairs that people decided are one person and the model holds apart, `against_different` those
    decided to be two that it would join, be it through others. `digest` is equal exactly for equal differences.
    """

    records: int
    persons_now: int
    persons_then: int
    moves: Mapping[int, tuple[UUID, UUID]]
    splits: tuple[Regrouped, ...]
    joins: tuple[Regrouped, ...]
    lost: tuple[UUID, ...]
    given: tuple[UUID, ...]
    opened: tuple[Task, ...]
    withdrawn: tuple[Pair, ...]
    against_same: tuple[Pair, ...]
    against_different: tuple[Pair, ...]
    digest: str


async def find(hub: Hub, connection: AsyncConnection, present: Epoch, coming: Epoch) -> Difference:
    """The difference between how things stand under `present` and how they would under `coming`, whose scores are whole.

    Memory: some columns of ids of everybody, and the features of those whose persons may change, a part at a time.
    """
    await standing.take_room(connection)
    now = _standing(*await standing.persons(connection))
    linked = now.known(_ends(*await standing.links(connection, coming.id)))
    must, cannot = [now.known(_ends(*await standing.decided(connection, kind))) for kind in ("MUST", "CANNOT")]
    was, becomes = await _projected(hub, connection, coming, now, linked, must, cannot)
    anchors = await _anchors(connection, {*was.values(), *becomes.values()})
    moves = {
        record: (anchors[was[record]], anchors[then]) for record, then in sorted(becomes.items()) if then != was[record]
    }
    arrived = {record: then for record, (_, then) in moves.items()}
    gone, made = {*was.values()} - {*becomes.values()}, {*becomes.values()} - {*was.values()}
    persons = len(np.unique(now.persons))
    opened, withdrawn = await standing.tasks(connection, coming.id, arrived)
    against_same, against_different = await _clashes(connection, coming, now, linked, must, cannot)
    found = Difference(
        records=len(now.records),
        persons_now=persons,
        persons_then=persons - len(gone) + len(made),
        moves=moves,
        splits=_regrouped(was, becomes, anchors),
        joins=_regrouped(becomes, was, anchors),
        lost=tuple(sorted(anchors[one] for one in gone)),
        given=tuple(sorted(anchors[one] for one in made)),
        opened=tuple(opened),
        withdrawn=tuple(withdrawn),
        against_same=against_same,
        against_different=against_different,
        digest="",
    )
    return replace(found, digest=_digest(present, coming, found))


def _standing(records: Ids, persons: Ids) -> Standing:
    order = np.argsort(found := np.frombuffer(records, np.int64))
    return Standing(found[order], np.frombuffer(persons, np.int64)[order])


def _ends(a: Ids, b: Ids) -> Ends:
    return Ends(np.frombuffer(a, np.int64), np.frombuffer(b, np.int64))


async def _projected(
    hub: Hub, connection: AsyncConnection, coming: Epoch, now: Standing, linked: Ends, must: Ends, cannot: Ends
) -> tuple[dict[int, int], dict[int, int]]:
    """Of every record whose person may change, the person today and then, named by their oldest records."""
    was: dict[int, int] = {}
    becomes: dict[int, int] = {}
    for part in reprojection.parts(now, linked, must, size=_PART):
        ids = part.tolist()
        links = await standing.links_from(connection, coming.id, ids)
        decided = must.within(part)
        paired = {id_ for a, b, _ in links for id_ in (a, b)}.union(*decided)
        distinct = await projecting.distinct(hub, connection, await people.info(connection, paired), paired)
        for cluster in projecting.partition(ids, links, decided, cannot.within(part), distinct):
            becomes |= dict.fromkeys(cluster, min(cluster))
        was |= zip(ids, now.persons[now.places(part)].tolist(), strict=True)
    return was, becomes


async def _anchors(connection: AsyncConnection, records: Collection[int]) -> dict[int, UUID]:
    """The person ids that records lend."""
    return {id_: info.anchor for id_, info in (await people.info(connection, records)).items()}


def _regrouped(of: Mapping[int, int], to: Mapping[int, int], anchors: Mapping[int, UUID]) -> tuple[Regrouped, ...]:
    """The persons of one side whose records are in several persons of the other."""
    found: dict[int, set[int]] = {}
    for record, person in of.items():
        found.setdefault(person, set()).add(to[record])
    return tuple(
        Regrouped(anchors[person], tuple(anchors[other] for other in sorted(others)))
        for person, others in sorted(found.items())
        if len(others) > 1
    )


async def _clashes(
    connection: AsyncConnection, coming: Epoch, now: Standing, linked: Ends, must: Ends, cannot: Ends
) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Decisions that the model alone would not have come to: pairs to be one person, and pairs to be two."""
    group = reprojection.linked_groups(now, linked)
    unlinked, joined = [
        pairs.where((group[now.places(pairs.a)] == group[now.places(pairs.b)]) == together)
        for pairs, together in ((must, False), (cannot, True))
    ]
    possible = await standing.scored_among_must(connection, coming.id)
    return tuple(pair for pair in unlinked.pairs() if pair not in possible), tuple(joined.pairs())


def _digest(present: Epoch, coming: Epoch, found: Difference) -> str:
    """SHA-256 of the two models and of everything that would change between them."""
    parts = (
        [f"models {present.id} {present.hash} {coming.id} {coming.hash}"],
        (f"move {record} {old} {new}" for record, (old, new) in found.moves.items()),
        (f"open {task.a} {task.b} {task.reason}" for task in found.opened),
        (f"withdraw {a} {b}" for a, b in found.withdrawn),
        (f"same {a} {b}" for a, b in found.against_same),
        (f"different {a} {b}" for a, b in found.against_different),
    )
    hashing = sha256()
    for line in chain.from_iterable(parts):
        hashing.update(f"{line}\n".encode())
    return hashing.hexdigest()
