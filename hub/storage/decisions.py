"""Decisions about pairs, append-only, and the constraints in force that follow from them.

Stewards decide (MUST_LINK, CANNOT_LINK, RETRACT, DEFER, PROPOSE, DECLINE, LAPSE) and a source asserts of two records of
its own (SOURCE_MERGE, SOURCE_UNMERGE). Neither takes back what the other said: what is in force follows from all events
of a pair.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import Conflict
from hub.storage.database import driver
from hub.storage.tables import decision_event, link_constraint

SOURCE_MERGE: Final = "SOURCE_MERGE"
SOURCE_UNMERGE: Final = "SOURCE_UNMERGE"
BY_SOURCES: Final = (SOURCE_MERGE, SOURCE_UNMERGE)
_NOTED_ONLY: Final = frozenset({"DEFER", "PROPOSE", "DECLINE", "LAPSE"})
"""They leave what is in force alone, also what others are changing: they are written without the records' locks."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One event about the records `a` < `b`.

    MUST_LINK and CANNOT_LINK put a constraint in force; RETRACT ends it, or puts back the one that its evidence names as
    `restores`. DEFER, PROPOSE, DECLINE and LAPSE change nothing that is in force. Of a SOURCE_MERGE, which holds until a
    SOURCE_UNMERGE, the evidence says which of the two is the `loser`.
    """

    kind: str
    a: int
    b: int
    actor: str
    approver: str | None
    reason: str
    evidence: dict[str, Any]
    supersedes: int | None
    at: datetime
    seq: int = 0


async def append(connection: AsyncConnection, decision: Decision) -> int:
    """Write the event and bring the constraint in force up to date; answers its sequence number."""
    seq = int(
        (
            await connection.execute(
                insert(decision_event)
                .values(
                    kind=decision.kind,
                    subjects=[decision.a, decision.b],
                    actor=decision.actor,
                    approver=decision.approver,
                    reason=decision.reason,
                    evidence=decision.evidence,
                    supersedes=decision.supersedes,
                    valid_from=decision.at,
                )
                .returning(decision_event.c.seq)
            )
        ).scalar_one()
    )
    if decision.kind in _NOTED_ONLY:
        return seq
    held = held_after(await of_pair(connection, decision.a, decision.b))
    if held is None:
        await connection.execute(
            delete(link_constraint).where(link_constraint.c.a == decision.a, link_constraint.c.b == decision.b)
        )
    else:
        values = {"kind": "CANNOT" if held.kind == "CANNOT_LINK" else "MUST", "seq": held.seq}
        await connection.execute(
            upsert(link_constraint)
            .values(a=decision.a, b=decision.b, **values)
            .on_conflict_do_update(index_elements=["a", "b"], set_=values)
        )
    return seq


async def by_seq(connection: AsyncConnection, seqs: Iterable[int]) -> dict[int, Decision]:
    """The events of these sequence numbers."""
    found = await _events(connection, "seq = ANY(CAST(:seqs AS bigint[]))", seqs=list(seqs))
    return {decision.seq: decision for decision in found}


async def in_force(connection: AsyncConnection, ids: Sequence[int]) -> list[Decision]:
    """The events behind the constraints with an end among the records `ids`."""
    # One array, however many there are: a change of the model asks about everybody at once.
    rows = await driver(connection).fetch(
        "SELECT seq FROM link_constraint WHERE a = ANY($1::bigint[]) OR b = ANY($1::bigint[])", list(ids)
    )
    return await _events(connection, "seq = ANY(CAST(:seqs AS bigint[]))", seqs=[row["seq"] for row in rows])


async def all_in_force(connection: AsyncConnection, limit: int) -> list[Decision]:
    """The newest `limit` events behind all constraints, the oldest of these first."""
    seqs = select(link_constraint.c.seq).order_by(link_constraint.c.seq.desc()).limit(limit)
    return list((await by_seq(connection, (await connection.execute(seqs)).scalars())).values())


def held_after(events: Iterable[Decision]) -> Decision | None:
    """What holds of a pair after these events of it, oldest first. Raises Conflict `contradiction`."""
    by_seq: dict[int, Decision] = {}
    decided = asserted = None
    for event in events:
        by_seq[event.seq] = event
        if event.kind in ("MUST_LINK", "CANNOT_LINK"):
            decided = event
        elif event.kind == "RETRACT":
            restored = event.evidence.get("restores")
            decided = by_seq[restored["seq"]] if restored else None
        elif event.kind == SOURCE_MERGE:
            asserted = event
        elif event.kind == SOURCE_UNMERGE:
            asserted = None
    if asserted is not None and decided is not None and decided.kind == "CANNOT_LINK":
        raise Conflict(
            "contradiction",
            "The source of these records says that they are one person, and a steward that they are not. "
            "Nothing was stored; one of the two has to be taken back first.",
        )
    return asserted or decided


async def of_pair(connection: AsyncConnection, a: int, b: int) -> list[Decision]:
    """All events about the pair, oldest first."""
    return await _events(connection, "subjects @> ARRAY[:a, :b]::bigint[]", a=a, b=b)


async def of_records(connection: AsyncConnection, ids: Sequence[int]) -> list[Decision]:
    """All events that touch any of the records, oldest first."""
    return await _events(connection, "subjects && CAST(:ids AS bigint[])", ids=list(ids))


async def source_merges(connection: AsyncConnection, ids: Sequence[int]) -> list[Decision]:
    """The assertions of sources in force about any of the records, oldest first."""
    held: dict[tuple[int, int], Decision] = {}
    condition = "kind IN ('SOURCE_MERGE', 'SOURCE_UNMERGE') AND subjects && CAST(:ids AS bigint[])"
    for event in await _events(connection, condition, ids=list(ids)):
        held.pop((event.a, event.b), None)
        if event.kind == SOURCE_MERGE:
            held[event.a, event.b] = event
    return list(held.values())


async def _events(connection: AsyncConnection, condition: str, **values: Any) -> list[Decision]:
    rows = await connection.execute(
        select(decision_event).where(text(condition).bindparams(**values)).order_by(decision_event.c.seq)
    )
    return [
        Decision(
            row.kind,
            row.subjects[0],
            row.subjects[1],
            row.actor,
            row.approver,
            row.reason,
            row.evidence,
            row.supersedes,
            row.valid_from,
            row.seq,
        )
        for row in rows
    ]
