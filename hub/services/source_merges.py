"""Follows what a source says of its own records: this one is replaced by that one, or it no longer is.

Each assertion is an event beside the stewards' (SOURCE_MERGE, SOURCE_UNMERGE); persons follow from all of them. What holds
is what the newest version of the replaced record says, in whatever order the two records arrive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.errors import Conflict
from hub.runtime import Hub
from hub.services.blinds import IDENTIFIER
from hub.services.preparing import Ready
from hub.storage import audit, decisions, people, source_links
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.decisions import SOURCE_MERGE, SOURCE_UNMERGE, Decision
from hub.storage.members import Member
from hub.storage.resources import Incoming, Stored

REASON: Final = "asserted-by-source"


@dataclass(frozen=True, slots=True)
class Followed:
    """The `last` event written, if any, the rows whose survivor is not known yet, and the records that were `joined`."""

    last: int | None
    waiting: tuple[int, ...]
    joined: tuple[int, ...] = ()


async def follow(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    ready: Sequence[Ready],
    incoming: Sequence[Incoming],
    stored: Sequence[Stored],
    now: datetime,
) -> Followed:
    """Write the events that follow from persons just stored as `incoming`; the caller brings persons up to date.

    Raises Conflict `merge-cycle` where a record would come to replace itself, and `contradiction`.
    """
    newest = {result.id: one for one, result in zip(ready, stored, strict=True) if result.counts}
    said = {id_: _blind(hub, one.replaced_by) for id_, one in newest.items() if one.replaced_by is not None}
    # A resource at its first version has said nothing before.
    changed = [result.id for result in stored if result.counts and (result.version > 1 or result.id in said)]
    before = await source_links.replace(connection, member.id, changed, said) if changed else {}
    ended = [loser for loser, survivor in before.items() if said.get(loser) != survivor]
    links = {loser: survivor for loser, survivor in said.items() if before.get(loser) != survivor}
    links |= await _awaited(connection, member, incoming, stored)
    if not ended and not links:
        return Followed(None, ())
    found = await source_links.survivors(connection, member.id, list(set(links.values())))
    joined = {loser: found[survivor] for loser, survivor in links.items() if survivor in found}
    records = await source_links.record_ids(connection, [*ended, *joined, *joined.values()])
    await people.lock_records(connection, records.values())
    last = await _end(hub, connection, member, [records[loser] for loser in ended], now)
    for loser, survivor in sorted(joined.items(), key=lambda pair: records[pair[0]]):
        await _check_chain(connection, member, loser, survivor)
        last = await _join(hub, connection, member, records[loser], records[survivor], now) or last
    waiting = tuple(newest[loser].row for loser in links if loser not in joined and loser in newest)
    return Followed(last, waiting, tuple(records[survivor] for survivor in joined.values()))


def _blind(hub: Hub, identifier: tuple[str, str]) -> bytes:
    return hub.vault.blind(IDENTIFIER, *identifier)


async def _awaited(
    connection: AsyncConnection, member: Member, incoming: Sequence[Incoming], stored: Sequence[Stored]
) -> dict[UUID, bytes]:
    """Records replaced by one that has only now come."""
    values = [
        value
        for one, result in zip(incoming, stored, strict=True)
        if result.change == "new"
        for value in one.identifiers
    ]
    return dict(await source_links.waiting_for(connection, member.id, values)) if values else {}


async def _check_chain(connection: AsyncConnection, member: Member, loser: UUID, survivor: UUID) -> None:
    if await source_links.leads_back(connection, member.id, survivor, loser):
        raise Conflict(
            "merge-cycle",
            "The record would be replaced, over others, by itself. Nothing was stored.",
            retry="FIX_FIRST",
        )


async def _join(
    hub: Hub, connection: AsyncConnection, member: Member, loser: int, survivor: int, now: datetime
) -> int | None:
    """The event that `survivor` replaces `loser`; None where that holds already."""
    for event in await decisions.source_merges(connection, [loser]):
        if event.evidence["loser"] == loser and survivor in (event.a, event.b):
            return None
    return await _append(hub, connection, member, SOURCE_MERGE, loser, survivor, None, now)


async def _end(
    hub: Hub, connection: AsyncConnection, member: Member, losers: Sequence[int], now: datetime
) -> int | None:
    """Take back what was said of records that are not replaced any more, or by another."""
    last = None
    for event in await decisions.source_merges(connection, losers):
        loser = event.evidence["loser"]
        if loser in losers:
            survivor = event.b if loser == event.a else event.a
            last = await _append(hub, connection, member, SOURCE_UNMERGE, loser, survivor, event.seq, now)
    return last


async def _append(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    kind: str,
    loser: int,
    survivor: int,
    supersedes: int | None,
    now: datetime,
) -> int:
    a, b = sorted((loser, survivor))
    event = Decision(kind, a, b, member.name, None, REASON, {"loser": loser}, supersedes, now)
    seq = await decisions.append(connection, event)
    content = {"event": seq, "loser": loser, "survivor": survivor}
    act = "source-merge" if kind == SOURCE_MERGE else "source-unmerge"
    await audit.append(connection, hub.vault, [Act(act, member.name, content, now)])
    return seq
