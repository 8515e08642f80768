"""Asks people about what a source's word has brought together: records of others that look like two persons.

A source says of its own records only that one replaces the other, and is believed. Where stewards had joined one of them
with somebody else's record, two persons of other regions may come together by it: that nobody has decided.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import combinations, product
from typing import Final
from uuid import UUID

from hub.domain.ordering import SOURCE_MERGE
from hub.linkage import score
from hub.linkage.features import Features
from hub.linkage.score import PairScore
from hub.runtime import Hub
from hub.services import models
from hub.storage import audit, members, people, review_reopenings
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection

_MOST: Final = 20
"""Records of each of the persons that are compared, the oldest first."""
_MOST_PAIRS: Final = 1000
Moves = Mapping[int, tuple[UUID | None, UUID]]


async def question(hub: Hub, connection: AsyncConnection, records: Collection[int], moves: Moves, now: datetime) -> int:
    """One conflict for each person of the replaced and replacing `records` that `moves` made of unlike ones."""
    if not records:
        return 0
    infos = await people.info(connection, records)
    asked = 0
    for person in sorted({info.person_id for info in infos.values() if info.person_id is not None}):
        pairs = await _brought_together(connection, person, moves)
        worst = await _worst(hub, connection, pairs)
        if worst is None:
            continue
        (a, b), found = worst
        owners = await people.members_of(connection, (a, b))
        reason = found.vetoes[0] if found.vetoes else SOURCE_MERGE
        task = (a, b, None, found.weight, (owners[a], owners[b]))
        opened = await review_reopenings.reopen(connection, [task], reason=reason, now=now)
        acts = [Act("reopen", "hub", {"task": str(id_), "decision": None}, now) for id_, _ in opened]
        await audit.append(connection, hub.vault, acts)
        asked += len(opened)
    return asked


async def _brought_together(connection: AsyncConnection, person: UUID, moves: Moves) -> Sequence[tuple[int, int]]:
    """Pairs of the person's live records that belonged to two persons before, and about which nobody has decided."""
    ids = await people.records_of(connection, person)
    infos = await people.info(connection, ids)
    parts: defaultdict[UUID | None, list[int]] = defaultdict(list)
    for id_ in sorted(ids):
        part = parts[moves[id_][0] if id_ in moves else person]
        if infos[id_].live and len(part) < _MOST:
            part.append(id_)
    decided = {(found.a, found.b) for found in await people.constraints_touching(connection, ids)}
    pairs = [tuple(sorted(pair)) for one, other in combinations(parts.values(), 2) for pair in product(one, other)]
    return [(a, b) for a, b in pairs[:_MOST_PAIRS] if (a, b) not in decided]


async def _worst(
    hub: Hub, connection: AsyncConnection, pairs: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int], PairScore] | None:
    """The pair that speaks most against one person; None where none does."""
    if not pairs:
        return None
    stored = await people.features(connection, hub.vault, {id_ for pair in pairs for id_ in pair})
    known = {id_: Features.from_bytes(data) for id_, data in stored.items()}
    model = (await models.in_force(hub, connection)).model
    unique = await members.unique_sources(connection)
    scores = score.score_pairs(model, [(known[a], known[b]) for a, b in pairs], unique_sources=unique)
    against = [one for one in zip(pairs, scores, strict=True) if one[1].vetoes or one[1].decision == "no-link"]
    return min(against, key=lambda one: (not one[1].vetoes, one[1].weight, one[0]), default=None)
