"""Links arriving records into persons, and brings persons up to date after a decision.

Order does not matter: scores depend on two records only, and the partition is a pure function of the records that hang
together (linkage.clusters). A pair once found is weighed again whenever its records are, however many have come to
share its keys since. All within the caller's transaction, under sorted locks. ARCHITECTURE §6.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from hub.errors import Conflict
from hub.linkage import blocking, clusters, constraints, score
from hub.linkage.features import Features
from hub.linkage.resident_id import Form
from hub.runtime import Hub
from hub.services import reexamination
from hub.storage import members, people, reviews
from hub.storage.database import AsyncConnection
from hub.storage.people import NewRecord, Pair, RecordInfo

_ROUNDS = 5
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
class Outcome:
    """What linking came to: records now sharing a person with others, tasks opened, moves {record: (from, to)}.

    `examined` earlier decisions were looked at again, `reopened` of them are called into question.
    """

    linked: int
    reviews: int
    moves: Mapping[int, tuple[UUID | None, UUID]]
    records: tuple[int, ...]
    examined: int = 0
    reopened: int = 0


async def ingest(
    hub: Hub, connection: AsyncConnection, member_id: int, items: Sequence[Item], now: datetime
) -> Outcome:
    """Store, compare and link `items`, all records of one member."""
    keys = [blocking.keys(item.features, hub.vault.blocking_secret) for item in items]
    # The keys that replaced records had as well: nobody may compare with what such a record was a moment ago.
    former = await people.keys_of(connection, [item.resource_id for item in items])
    await people.lock_keys(connection, former.union(*keys))
    ids = await people.put_records(
        connection,
        hub.vault,
        member_id,
        [
            NewRecord(item.resource_id, item.version, item.features.to_bytes(), bool(item.features.number("live")))
            for item in items
        ],
        now,
    )
    known = {id_: item.features for id_, item in zip(ids, items, strict=True)}
    live = {id_: own for id_, item, own in zip(ids, items, keys, strict=True) if item.features.number("live")}
    # Compared before their keys are stored: most keys are new, and are then looked for and found missing at once.
    await _compare(hub, connection, live, known)
    await people.put_keys(connection, live)
    done = await project(hub, connection, ids, cause="ingest", now=now)
    if former:  # only what was known before can have been decided about
        await reexamination.look_again(hub, connection, ids, now)
    return done


async def rescore(hub: Hub, connection: AsyncConnection, ids: Sequence[int], now: datetime, *, cause: str) -> Outcome:
    """Compare stored records anew, as reconciliation does: what no longer speaks for a link is forgotten."""
    await people.lock_all_keys(
        connection
    )  # before reading: a record that changes meanwhile would be judged by its past
    stored = await people.features(connection, hub.vault, ids)
    known = {id_: Features.from_bytes(data) for id_, data in stored.items()}
    keys = {
        id_: tuple(blocking.keys(found, hub.vault.blocking_secret))
        for id_, found in known.items()
        if found.number("live")
    }
    before = {(pair.a, pair.b) for pair in await people.pairs_touching(connection, list(known))}
    await people.forget_pairs(connection, list(known))
    await _compare(hub, connection, keys, known, before)
    done = await project(hub, connection, list(known), cause=cause, now=now)
    again = await reexamination.look_again(hub, connection, list(known), now)
    return replace(done, examined=again.examined, reopened=again.reopened)


async def _compare(
    hub: Hub,
    connection: AsyncConnection,
    keys: Mapping[int, Sequence[int]],
    known: dict[int, Features],
    before: Collection[tuple[int, int]] = (),
) -> None:
    """Score the records of `keys` against all that share a key with them, and the pairs found `before`.

    What is not plainly different is kept.
    """
    pairs = sorted((await candidates(connection, keys, hub.settings.block_limit)).union(before))
    missing = {id_ for pair in pairs for id_ in pair} - known.keys()
    for id_, data in (await people.features(connection, hub.vault, missing)).items():
        known[id_] = Features.from_bytes(data)
    pairs = [pair for pair in pairs if all(known[id_].number("live") for id_ in pair)]
    if not pairs:
        return
    place = {id_: at for at, id_ in enumerate(known)}
    left = np.array([place[a] for a, _ in pairs], dtype=np.intp)
    right = np.array([place[b] for _, b in pairs], dtype=np.intp)
    unique = await members.unique_sources(connection)
    found = score.score_indexed(hub.model, list(known.values()), left, right, unique_sources=unique)
    kept = [
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
    await people.put_pairs(connection, hub.model.hash[:16], kept)


async def candidates(
    connection: AsyncConnection, keys: Mapping[int, Sequence[int]], limit: int
) -> set[tuple[int, int]]:
    """Pairs of the records of `keys` with each other, and with those stored, that share a key.

    Of a key that more than `limit` records share, only those of members that hold few of them count: a member that
    fills a key, by error or on purpose, hides its own records and nobody else's.
    """
    holders: dict[int, list[int]] = {}
    for id_, own in keys.items():
        for key in own:
            holders.setdefault(key, []).append(id_)
    stored = await people.blocks(connection, holders, limit)
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
    everyone = await people.blocks(connection, crowded, _CROWD)
    blocks = {key: {*block, *everyone.get(key, ())} for key, block in crowded.items()}
    members = await people.members_of(connection, set().union(*blocks.values()))
    thin: dict[int, set[int]] = {}
    for key, block in blocks.items():
        held = Counter(members[id_] for id_ in block)
        few = {id_ for id_ in block if held[members[id_]] <= _FEW}
        thin[key] = few if len(few) <= limit else set()
    return thin


async def project(
    hub: Hub,
    connection: AsyncConnection,
    ids: Sequence[int],
    *,
    cause: str,
    now: datetime,
    decision_seq: int | None = None,
) -> Outcome:
    """Bring the persons that depend on the records `ids` up to date. Raises Conflict `contradiction`."""
    component = await _lock_component(connection, ids)
    pairs = await people.pairs_touching(connection, component)
    inside = set(component)
    decided = await people.constraints_touching(connection, component)
    ends = {id_ for pair in pairs for id_ in (pair.a, pair.b)} | {id_ for c in decided for id_ in (c.a, c.b)}
    records = await people.info(connection, inside | ends)
    partition = _partition(
        component,
        [p for p in pairs if p.decision == "auto" and p.a in inside and p.b in inside],
        [c for c in decided if c.a in inside and c.b in inside],
        await _distinct(
            hub, connection, records, {i for p in pairs if p.decision == "auto" for i in (p.a, p.b)} & inside
        ),
    )
    person = {id_: info.person_id for id_, info in records.items()}
    moves: dict[int, tuple[UUID | None, UUID]] = {}
    for cluster in partition:
        anchor = records[min(cluster)].anchor
        for id_ in cluster:
            if person[id_] != anchor:
                moves[id_] = (person[id_], anchor)
                person[id_] = anchor
    if moves:
        await people.move_records(connection, moves, cause=cause, decision_seq=decision_seq, now=now)
    opened = await _task_reviews(connection, pairs, decided, records, person, now)
    wanted = set(ids)
    linked = sum(len(wanted & cluster) for cluster in partition if len(cluster) > 1)
    return Outcome(linked, opened, moves, tuple(ids))


async def _lock_component(connection: AsyncConnection, ids: Sequence[int]) -> list[int]:
    """The records that hang together with `ids`, locked; read again until nothing has joined them meanwhile."""
    component = await people.component(connection, ids)
    for _ in range(_ROUNDS):
        await people.lock_records(connection, component)
        again = await people.component(connection, ids)
        if again == component:
            return component
        component = again
    raise Conflict("busy", "These records are being changed by others; try again.", retry="NORMAL")


def _partition(
    component: Sequence[int],
    edges: Sequence[Pair],
    found: Sequence[people.Constraint],
    distinct: Sequence[Mapping[int, Any]],
) -> list[frozenset[int]]:
    """The persons the records make up, in order of their oldest records. Raises Conflict `contradiction`."""
    must = [(c.a, c.b) for c in found if c.kind == "MUST"]
    joined = {id_ for p in edges for id_ in (p.a, p.b)}.union(*must)
    alone = [frozenset((id_,)) for id_ in component if id_ not in joined]
    try:
        together = clusters.project(
            joined,
            [clusters.Edge(p.a, p.b, p.weight) for p in edges],
            must,
            [(c.a, c.b) for c in found if c.kind == "CANNOT"],
            distinct=distinct,
        )
    except clusters.Contradiction as error:
        raise Conflict(
            "contradiction",
            "This contradicts an earlier decision about records that would come together. Undo that one first.",
        ) from error
    return sorted([*alone, *together], key=min)


async def _distinct(
    hub: Hub, connection: AsyncConnection, records: Mapping[int, RecordInfo], paired: Collection[int]
) -> list[Mapping[int, Any]]:
    """Values of which a person has one, for the records that edges could bring together.

    The checked resident ID, and of each source that holds one live record a person that record itself.
    """
    if not paired:
        return []
    live = [records[id_] for id_ in paired if records[id_].live]
    own = [
        {record.id: record.id for record in live if record.member_id == member_id}
        for member_id in (await members.unique_sources(connection)).values()
    ]
    values: dict[int, str] = {}
    for id_, data in (await people.features(connection, hub.vault, paired)).items():
        number = Features.from_bytes(data).resident_id
        if number is not None and number.form is Form.CHECKED:
            values[id_] = number.text
    return [values, *own]


async def _task_reviews(
    connection: AsyncConnection,
    pairs: Sequence[Pair],
    found: Sequence[people.Constraint],
    records: Mapping[int, RecordInfo],
    person: Mapping[int, UUID | None],
    now: datetime,
) -> int:
    """One open task for each two persons that may be one; tasks that are answered by the projection are withdrawn."""
    apart = {frozenset((person[c.a], person[c.b])) for c in found if c.kind == "CANNOT"}
    best: dict[frozenset[UUID | None], Pair] = {}
    settled: list[tuple[int, int]] = []
    for pair in pairs:
        between = frozenset((person[pair.a], person[pair.b]))
        if len(between) == 1 or between in apart:
            settled.append((pair.a, pair.b))
            continue
        other = best.get(between)
        if other is None or (-pair.weight, pair.a, pair.b) < (-other.weight, other.a, other.b):
            best[between], pair = pair, other or pair
        if pair is not best[between]:
            settled.append((pair.a, pair.b))
    await reviews.withdraw(connection, settled)
    await reviews.withdraw_unfounded(connection, list(records))
    return await reviews.open_tasks(
        connection,
        [(p.a, p.b, _reason(p), p.weight, (records[p.a].member_id, records[p.b].member_id)) for p in best.values()],
        now,
    )


def _reason(pair: Pair) -> str:
    if pair.vetoes:
        return pair.vetoes[0]
    return "uncertain" if pair.decision == "review" else "contradiction"
