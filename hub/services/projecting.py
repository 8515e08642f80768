"""Persons as they follow from scores, decisions and what sources say, and the tasks that are left to people.

The partition is a pure function of the records that hang together (linkage.clusters). All within the caller's
transaction, under row locks in id order.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hub.errors import Conflict
from hub.linkage import clusters
from hub.linkage.features import Features
from hub.linkage.resident_id import Form
from hub.runtime import Hub
from hub.storage import linkage_models, members, people, review_openings
from hub.storage.database import AsyncConnection
from hub.storage.people import Pair, RecordInfo

_ROUNDS = 5
_KINDS = ("MUST", "CANNOT")


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


async def project(
    hub: Hub,
    connection: AsyncConnection,
    ids: Sequence[int],
    *,
    cause: str,
    now: datetime,
    decision_seq: int | None = None,
    strangers: Mapping[int, UUID] | None = None,
) -> Outcome:
    """Bring the persons that depend on the records `ids` up to date. Raises Conflict `contradiction`.

    Those of `strangers` {record: the id it lends} hang together with nobody, and nothing is asked about them.
    """
    alone = strangers or {}
    wanted = {id_ for id_ in ids if id_ not in alone}
    state = await _state(hub, connection, await lock_component(connection, sorted(wanted))) if wanted else _NOBODY
    found = _partition(state, state.decided)
    moves = _moves(state, found) | {id_: (None, lent) for id_, lent in alone.items()}
    if moves:
        await people.move_records(connection, moves, cause=cause, decision_seq=decision_seq, now=now)
    person = {id_: info.person_id for id_, info in state.records.items()} | {
        id_: new for id_, (_, new) in moves.items()
    }
    opened = 0
    if wanted:
        opened = await _task_reviews(connection, state.pairs, state.decided, state.records, person, now)
    linked = sum(len(wanted & cluster) for cluster in found if len(cluster) > 1)
    return Outcome(linked, opened, moves, tuple(ids))


async def foresee(
    hub: Hub, connection: AsyncConnection, pair: tuple[int, int], kind: str | None
) -> Mapping[int, tuple[UUID | None, UUID]]:
    """The moves {record: (from, to)} that would follow if MUST, CANNOT or nothing (None) held of the pair; writes nothing.

    Raises Conflict `contradiction`. Under the locks of `lock_component` it is what `project` will do.
    """
    state = await _state(hub, connection, await people.component(connection, pair), pair)
    decided = [c for c in state.decided if (c.a, c.b) != pair]
    if kind is not None:
        decided.append(people.Constraint(*pair, kind))
    return _moves(state, _partition(state, decided))


@dataclass(frozen=True, slots=True)
class _State:
    """What the persons of the records `component` follow from."""

    component: Sequence[int]
    pairs: Sequence[Pair]
    decided: Sequence[people.Constraint]
    records: Mapping[int, RecordInfo]
    distinct: Sequence[Mapping[int, Any]]


_NOBODY: Final = _State((), (), (), {}, ())


async def _state(
    hub: Hub, connection: AsyncConnection, component: Sequence[int], foreseen: Collection[int] = ()
) -> _State:
    """What the projection of a component follows from, also if the `foreseen` records were decided to be one person."""
    pairs = await people.pairs_touching(connection, component)
    inside = set(component)
    decided = await people.constraints_touching(connection, component)
    ends = {id_ for pair in pairs for id_ in (pair.a, pair.b)} | {id_ for c in decided for id_ in (c.a, c.b)}
    records = await people.info(connection, inside | ends)
    # Also those that only a decision joins: what they are is what their person already is when a link would join it.
    joined = {id_ for p in pairs if p.decision == "auto" for id_ in (p.a, p.b)}
    joined.update(*((c.a, c.b) for c in decided if c.kind == "MUST"), foreseen)
    return _State(component, pairs, decided, records, await distinct(hub, connection, records, joined & inside))


def _moves(state: _State, partition: Sequence[frozenset[int]]) -> dict[int, tuple[UUID | None, UUID]]:
    """Whose person changes: a person has the id that its oldest record lends."""
    moves: dict[int, tuple[UUID | None, UUID]] = {}
    for cluster in partition:
        anchor = state.records[min(cluster)].anchor
        for id_ in cluster:
            if state.records[id_].person_id != anchor:
                moves[id_] = (state.records[id_].person_id, anchor)
    return moves


async def lock_component(connection: AsyncConnection, ids: Sequence[int]) -> list[int]:
    """The records that hang together with `ids`, locked; read again until nothing has joined them meanwhile.

    The models are held before any record, as whoever changes the model does: the two never wait for each other.
    """
    await linkage_models.hold(connection)
    component = await people.component(connection, ids)
    for _ in range(_ROUNDS):
        await people.lock_records(connection, component)
        again = await people.component(connection, ids)
        if again == component:
            return component
        component = again
    raise Conflict("busy", "These records are being changed by others; try again.", retry="NORMAL")


def _partition(state: _State, decided: Sequence[people.Constraint]) -> list[frozenset[int]]:
    inside = set(state.component)
    links = [(p.a, p.b, p.weight) for p in state.pairs if p.decision == "auto" and p.a in inside and p.b in inside]
    must, cannot = [
        [(c.a, c.b) for c in decided if c.kind == kind and c.a in inside and c.b in inside] for kind in _KINDS
    ]
    return partition(state.component, links, must, cannot, state.distinct)


def partition(
    records: Collection[int],
    links: Sequence[tuple[int, int, float]],
    must: Sequence[tuple[int, int]],
    cannot: Sequence[tuple[int, int]],
    distinct: Sequence[Mapping[int, Any]],
) -> list[frozenset[int]]:
    """The persons the records make up, in order of their oldest records. Raises Conflict `contradiction`.

    `links` are (a, b, weight) of pairs to be joined automatically, `must` and `cannot` what people decided, all among
    the records; `distinct` see `clusters.project`.
    """
    joined = {id_ for a, b, _ in links for id_ in (a, b)}.union(*must)
    alone = [frozenset((id_,)) for id_ in records if id_ not in joined]
    try:
        together = clusters.project(joined, [clusters.Edge(*link) for link in links], must, cannot, distinct=distinct)
    except clusters.Contradiction as error:
        raise Conflict(
            "contradiction",
            "This contradicts an earlier decision about records that would come together. Undo that one first.",
        ) from error
    return sorted([*alone, *together], key=min)


async def distinct(
    hub: Hub, connection: AsyncConnection, records: Mapping[int, RecordInfo], paired: Collection[int]
) -> list[Mapping[int, Any]]:
    """Values of which a person has one, for the records that links could bring together.

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
    await review_openings.withdraw(connection, settled)
    await review_openings.withdraw_unfounded(connection, list(records))
    return await review_openings.open_tasks(
        connection,
        [(p.a, p.b, _reason(p), p.weight, (records[p.a].member_id, records[p.b].member_id)) for p in best.values()],
        now,
    )


def _reason(pair: Pair) -> str:
    if pair.vetoes:
        return pair.vetoes[0]
    return "uncertain" if pair.decision == "review" else "contradiction"
