"""What a decision about two records would change: exactly what it will change, as long as nothing else does.

Worked out by the code that carries it out (`projecting.foresee`), which writes nothing. `seen` stands for all of it: a decision
that names it is refused when it would now change something else.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal
from uuid import UUID

import orjson

from hub.errors import Conflict
from hub.linkage import score
from hub.linkage.features import Features
from hub.runtime import Hub
from hub.services import models, projecting
from hub.services.identity.steward_acts import sees
from hub.services.sessions import User
from hub.services.source_records import Record
from hub.storage import decisions, members, people
from hub.storage.database import AsyncConnection
from hub.storage.decisions import Decision

Kind = Literal["MUST", "CANNOT"]
_COMPARED: Final = 50
"""Records of each person that are compared with those of the other, the oldest first."""


@dataclass(frozen=True, slots=True)
class Move:
    """A record, named by its id at the hub, changes from one person to another."""

    resource_id: UUID
    before: UUID | None
    after: UUID


@dataclass(frozen=True, slots=True)
class Foreseen:
    """`person` is whom the target belongs to afterwards; of `moves` those the user may see, `hidden` the number of others.

    `clashes` are vetoes among the records that come together (`linkage.constraints`); where there is a `contradiction`
    with an earlier decision nothing can be changed. `held` is the decision in force about the pair.
    """

    seen: str
    person: UUID
    moves: tuple[Move, ...]
    hidden: int
    clashes: tuple[str, ...]
    contradiction: bool
    held: Decision | None


async def foresee(
    hub: Hub, connection: AsyncConnection, user: User, source: Record, target: Record, kind: Kind | None
) -> Foreseen:
    """What follows if stewards said `kind` of the two, or nothing (None): then what their source says holds still."""
    a, b = sorted((source.id, target.id))
    events = await decisions.of_pair(connection, a, b)
    held = decisions.held_after(events)
    asserted = decisions.held_after([event for event in events if event.kind in decisions.BY_SOURCES])
    apart = kind == "MUST" and held is not None and held.kind == "CANNOT_LINK"
    found = None if apart else await _moves(hub, connection, (a, b), kind or ("MUST" if asserted else None))
    moves = found or {}
    infos = await people.info(connection, {a, b, *moves})
    after = moves[target.id][1] if target.id in moves else infos[target.id].person_id
    if after is None:
        raise LookupError(f"record {target.id} belongs to nobody")
    shown = [
        Move(infos[id_].resource_id, *move) for id_, move in sorted(moves.items()) if sees(user, infos[id_].member_id)
    ]
    sides = [await _records(connection, infos[id_].person_id) for id_ in (a, b)]
    told = [
        sorted((record.id, record.version) for record in (source, target)),
        sorted({*sides[0], *sides[1]}),
        kind,
        found is None,
        held.seq if held else None,
        sorted([id_, str(old), str(new)] for id_, (old, new) in moves.items()),
    ]
    return Foreseen(
        seen=hashlib.sha256(orjson.dumps(told)).hexdigest()[:32],
        person=after,
        moves=tuple(shown),
        hidden=len(moves) - len(shown),
        clashes=await _clashes(hub, connection, *sides) if kind == "MUST" else (),
        contradiction=found is None,
        held=held,
    )


async def _moves(
    hub: Hub, connection: AsyncConnection, pair: tuple[int, int], kind: Kind | None
) -> Mapping[int, tuple[UUID | None, UUID]] | None:
    """What would move; None where it contradicts a decision."""
    try:
        return await projecting.foresee(hub, connection, pair, kind)
    except Conflict as conflict:
        if conflict.code != "contradiction":
            raise
        return None


async def _records(connection: AsyncConnection, person: UUID | None) -> list[int]:
    """All records of a person, the oldest first."""
    return await people.records_of(connection, person) if person is not None else []


async def _clashes(hub: Hub, connection: AsyncConnection, one: Sequence[int], other: Sequence[int]) -> tuple[str, ...]:
    """The vetoes between records of two persons, compared anew: where two are plainly different no score is kept."""
    if set(one) & set(other):
        return ()
    stored = await people.features(connection, hub.vault, [*one[:_COMPARED], *other[:_COMPARED]])
    known = {id_: Features.from_bytes(data) for id_, data in stored.items()}
    pairs = [(known[a], known[b]) for a, b in product(one[:_COMPARED], other[:_COMPARED])]
    model, unique = (await models.in_force(hub, connection)).model, await members.unique_sources(connection)
    found = score.score_pairs(model, pairs, unique_sources=unique)
    return tuple(sorted({veto for pair in found for veto in pair.vetoes}))
