"""Decisions about pairs, append-only, and the constraints in force that follow from them.

Stewards decide (MUST_LINK, CANNOT_LINK, RETRACT, DEFER) and a source asserts of two records of its own (SOURCE_MERGE,
SOURCE_UNMERGE). Neither takes back what the other said: what is in force follows from all events of a pair.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import Conflict
from hub.storage.tables import decision_event, link_constraint

SOURCE_MERGE: Final = "SOURCE_MERGE"
SOURCE_UNMERGE: Final = "SOURCE_UNMERGE"
BY_SOURCES: Final = (SOURCE_MERGE, SOURCE_UNMERGE)


@dataclass(frozen=True, slots=True)
class Decision:
    """One event about the records `a` < `b`; of a SOURCE_MERGE the evidence says which is the `loser`."""

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
    held = in_force(await of_pair(connection, decision.a, decision.b))
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


def in_force(events: Iterable[Decision]) -> Decision | None:
    """What holds of a pair after these events of it, oldest first. Raises Conflict `contradiction`."""
    decided = asserted = None
    for event in events:
        if event.kind in ("MUST_LINK", "CANNOT_LINK"):
            decided = event
        elif event.kind == "RETRACT":
            decided = None
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
