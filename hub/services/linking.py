"""Links arriving records into persons, and brings persons up to date after a decision.

Order does not matter: scores depend on two records only, and the partition is a pure function of the records that hang
together (linkage.clusters). A pair once found is weighed again whenever its records are, however many have come to
share its keys since, and under every model that is kept (services.models). All within the caller's transaction, under
sorted locks. ARCHITECTURE §6.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import numpy as np

from hub.linkage import blocking, constraints, score
from hub.linkage.features import Features
from hub.linkage.score import Scores
from hub.runtime import Hub
from hub.services import models, projecting, reexamination
from hub.services.models import Scorer
from hub.services.projecting import Outcome
from hub.storage import arrivals, blocking_keys, members, met_pairs, people
from hub.storage.database import AsyncConnection
from hub.storage.people import NewRecord, Pair

_FEW = 3
"""Records of one member that may share a crowded key and still count."""
_CROWD = 1000
"""Records of a crowded key that are looked at, the oldest first."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record that arrived: its resource, and what linkage knows of it."""

    resource_id: UUID
    version: int
    features: Features


@dataclass(frozen=True, slots=True)
class Taken:
    """The records that items came to be, in their order. `strangers` {record: the id it lends} are new, and like nobody."""

    ids: list[int]
    strangers: Mapping[int, UUID]


async def ingest(
    hub: Hub, connection: AsyncConnection, member_id: int, items: Sequence[Item], now: datetime
) -> Outcome:
    """Store, compare and link `items`, all records of one member."""
    taken = await take_up(hub, connection, member_id, items, now)
    return await catch_up(hub, connection, taken.ids, cause="ingest", now=now, strangers=taken.strangers)


async def take_up(hub: Hub, connection: AsyncConnection, member_id: int, items: Sequence[Item], now: datetime) -> Taken:
    """Store and compare `items`. The persons are for `catch_up` to bring up to date."""
    scorers = await models.scorers(hub, connection)
    keys = [blocking.keys(item.features, hub.vault.blocking_secret) for item in items]
    # The keys that replaced records had as well: nobody may compare with what such a record was a moment ago.
    resources = [item.resource_id for item in items if item.version > 1]
    former = await met_pairs.keys_of_resources(connection, resources) if resources else set[int]()
    locked = blocking_keys.stripes(former.union(*keys))
    stored, before = await _store(hub, connection, member_id, items, locked, now)
    ids = stored.ids
    known = {id_: item.features for id_, item in zip(ids, items, strict=True)}
    live = {id_: own for id_, item, own in zip(ids, items, keys, strict=True) if item.features.number("live")}
    blocks = await blocking_keys.meet(connection, live, hub.settings.block_limit)
    pairs = await _candidates(connection, live, blocks, hub.settings.block_limit)
    met = await _compare(hub, connection, scorers, pairs.union(await _would_meet(connection, before, live)), known)
    return Taken(ids, {id_: lent for id_, lent in stored.strangers.items() if id_ not in met})


async def _store(
    hub: Hub,
    connection: AsyncConnection,
    member_id: int,
    items: Sequence[Item],
    locked: Sequence[int],
    now: datetime,
) -> tuple[Taken, set[tuple[int, int]]]:
    """Store records with stripes of keys `locked`; a resource at its first version has none yet. Answers with them the pairs
    that were found before of the others.
    """
    records = [
        NewRecord(item.resource_id, item.version, item.features.to_bytes(), bool(item.features.number("live")))
        for item in items
    ]
    fresh = [one for one in records if one.version == 1]
    others = [one for one in records if one.version > 1]
    before: set[tuple[int, int]] = set()
    found: list[int] = []
    if others:
        await blocking_keys.lock(connection, locked)
        before = await met_pairs.of_resources(connection, [one.resource_id for one in others])
        found = await people.put_records(connection, hub.vault, member_id, others, now)
    added = await arrivals.add(connection, hub.vault, member_id, fresh, now, locked)
    by_resource = {
        one.resource_id: id_
        for some, ids in ((fresh, added), (others, found))
        for one, id_ in zip(some, ids, strict=True)
    }
    return Taken([by_resource[one.resource_id] for one in records], added), before


async def _would_meet(
    connection: AsyncConnection, before: Collection[tuple[int, int]], keys: Mapping[int, Sequence[int]]
) -> list[tuple[int, int]]:
    """Those of the pairs found `before` that still share a key, however many others share it by now."""
    if not before:
        return []
    others = {id_ for pair in before for id_ in pair} - keys.keys()
    known = await met_pairs.keys(connection, others) | {id_: frozenset(own) for id_, own in keys.items()}
    return [(a, b) for a, b in before if a in known and b in known and known[a] & known[b]]


async def rescore(hub: Hub, connection: AsyncConnection, ids: Sequence[int], now: datetime, *, cause: str) -> Outcome:
    """Compare stored records anew, as reconciliation does: what no longer speaks for a link is forgotten."""
    scorers = await models.scorers(hub, connection)
    await _weigh_again(hub, connection, scorers, ids, forget=True)
    return await catch_up(hub, connection, ids, cause=cause, now=now)


async def score_for(hub: Hub, connection: AsyncConnection, scorer: Scorer, ids: Sequence[int]) -> None:
    """Compare stored records under one model only, for which they are new; persons stay as they are."""
    await _weigh_again(hub, connection, [scorer], ids, forget=False)


async def _weigh_again(
    hub: Hub, connection: AsyncConnection, scorers: Sequence[Scorer], ids: Sequence[int], *, forget: bool
) -> None:
    # Before reading: a record that changes meanwhile would be judged by its past.
    await blocking_keys.lock_all(connection)
    stored = await people.features(connection, hub.vault, ids)
    known = {id_: Features.from_bytes(data) for id_, data in stored.items()}
    keys = {
        id_: tuple(blocking.keys(found, hub.vault.blocking_secret))
        for id_, found in known.items()
        if found.number("live")
    }
    before = await people.pairs_known(connection, ids)
    if forget:
        await people.forget_pairs(connection, ids)
    pairs = await candidates(connection, keys, hub.settings.block_limit)
    await _compare(hub, connection, scorers, pairs.union(before), known)


async def _compare(
    hub: Hub,
    connection: AsyncConnection,
    scorers: Sequence[Scorer],
    candidates: Collection[tuple[int, int]],
    known: dict[int, Features],
) -> set[int]:
    """Score pairs of records; the features of some of these are `known`.

    What a model does not hold for plainly different is kept as its score; answers the records of such pairs.
    """
    pairs = sorted(candidates)
    missing = {id_ for pair in pairs for id_ in pair} - known.keys()
    if missing:
        for id_, data in (await people.features(connection, hub.vault, missing)).items():
            known[id_] = Features.from_bytes(data)
    pairs = [pair for pair in pairs if all(known[id_].number("live") for id_ in pair)]
    if not pairs:
        return set()
    place = {id_: at for at, id_ in enumerate(known)}
    left = np.array([place[a] for a, _ in pairs], dtype=np.intp)
    right = np.array([place[b] for _, b in pairs], dtype=np.intp)
    features, unique = list(known.values()), await members.unique_sources(connection)
    judges = [one.model for one in scorers]
    weighed = score.score_under(judges, features, left, right, unique_sources=unique)
    met: set[int] = set()
    for scorer, found in zip(scorers, weighed, strict=True):
        kept = _kept(pairs, found)
        await people.put_pairs(connection, scorer.epoch.id, kept)
        met.update(id_ for pair in kept for id_ in (pair.a, pair.b))
    return met


def _kept(pairs: list[tuple[int, int]], found: Scores) -> list[Pair]:
    return [
        Pair(
            *pairs[at],
            weight=float(found.weight[at]),
            probability=float(1 / (1 + np.exp2(-found.weight[at]))),
            decision=score.DECISIONS[found.decision[at]],
            vetoes=constraints.names(int(found.vetoes[at])),
            levels=found.levels[at].tobytes(),
        )
        for at in np.flatnonzero(found.decision)
    ]


async def candidates(
    connection: AsyncConnection, keys: Mapping[int, Sequence[int]], limit: int
) -> set[tuple[int, int]]:
    """Pairs of the records of `keys` with each other, and with those stored, that share a key (`_candidates`)."""
    stored = await blocking_keys.blocks(connection, (key for own in keys.values() for key in own), limit)
    return await _candidates(connection, keys, stored, limit)


async def _candidates(
    connection: AsyncConnection, keys: Mapping[int, Sequence[int]], stored: Mapping[int, Sequence[int]], limit: int
) -> set[tuple[int, int]]:
    """Pairs of the records of `keys` with each other, and with those `stored` behind each key, that share a key.

    Of a key that more than `limit` records share, only those of members that hold few of them count: a member that
    fills a key, by error or on purpose, hides its own records and nobody else's.
    """
    holders: dict[int, list[int]] = {}
    for id_, own in keys.items():
        for key in own:
            holders.setdefault(key, []).append(id_)
    blocks = {key: {*ids, *stored.get(key, ())} for key, ids in holders.items() if len(ids) > 1 or key in stored}
    crowded = {key: block for key, block in blocks.items() if len(block) > limit}
    if crowded:
        blocks |= await _thinned(connection, crowded, limit)
    return {
        (min(id_, other), max(id_, other))
        for key, block in blocks.items()
        for id_ in holders[key]
        if id_ in block
        for other in block
        if other != id_
    }


async def _thinned(connection: AsyncConnection, crowded: Mapping[int, set[int]], limit: int) -> dict[int, set[int]]:
    """The records of crowded keys without those of members that hold too many; none where too many are left."""
    everyone = await blocking_keys.blocks(connection, crowded, _CROWD)
    blocks = {key: {*block, *everyone.get(key, ())} for key, block in crowded.items()}
    members = await people.members_of(connection, set().union(*blocks.values()))
    thin: dict[int, set[int]] = {}
    for key, block in blocks.items():
        held = Counter(members[id_] for id_ in block)
        few = {id_ for id_ in block if held[members[id_]] <= _FEW}
        thin[key] = few if len(few) <= limit else set()
    return thin


async def catch_up(
    hub: Hub,
    connection: AsyncConnection,
    ids: Sequence[int],
    *,
    cause: str,
    now: datetime,
    decision_seq: int | None = None,
    strangers: Mapping[int, UUID] | None = None,
) -> Outcome:
    """Let persons follow records that are new or have changed, and hold what was decided about these against them.

    Nothing can be known or decided of `strangers` (`Taken`): each is a person of its own.
    """
    done = await projecting.project(
        hub, connection, ids, cause=cause, now=now, decision_seq=decision_seq, strangers=strangers or {}
    )
    met = [id_ for id_ in ids if id_ not in (strangers or {})]
    if not met:
        return done
    again = await reexamination.look_again(hub, connection, met, now)
    return replace(done, examined=again.examined, reopened=again.reopened)
