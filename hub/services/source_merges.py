"""Follows what a source says of its own records: this one is replaced by that one, or it no longer is.

Each assertion is an event beside the stewards' (SOURCE_MERGE, SOURCE_UNMERGE); persons follow from all of them. What holds
is what the newest version of the replaced record says, in whatever order the two records arrive. What contradicts a steward,
or would go round in a ring, is not followed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.errors import Conflict
from hub.linkage import clusters
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
CONTRADICTION: Final = "contradiction"
CYCLE: Final = "merge-cycle"
_TOLD: Final = {
    CONTRADICTION: "The source of these records says that they are one person, and a steward that they are not. "
    "Nothing was stored; one of the two has to be taken back first.",
    CYCLE: "The record would be replaced, over others, by itself. Nothing was stored.",
}


@dataclass(frozen=True, slots=True)
class Followed:
    """The `last` event written, if any, the rows whose survivor is not known yet, the survivors that records were `joined` to,
    and those of these records that came as they are.
    """

    last: int | None
    waiting: tuple[int, ...]
    joined: tuple[int, ...] = ()
    unchanged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Late:
    """An earlier word that cannot be followed now that what replaces the record `loser` has come, with the row `row`.

    `apart` are the two records that a steward has decided to be different.
    """

    loser: UUID
    row: int
    apart: tuple[int, int]


class NotFollowed(Conflict):
    """What a source says cannot be: `rows` {row: code} say so themselves or, where none does, `late` was said before."""

    def __init__(self, code: str, rows: Mapping[int, str], late: Sequence[Late] = ()) -> None:
        super().__init__(code, _TOLD[code])
        self.rows = rows
        self.late = late


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

    Raises NotFollowed: `merge-cycle` where a record would come to replace itself, and `contradiction`.
    """
    newest = {result.id: one for one, result in zip(ready, stored, strict=True) if result.counts}
    again = await _again(connection, ready, stored)
    newest |= again
    said = {id_: _blind(hub, one.replaced_by) for id_, one in newest.items() if one.replaced_by is not None}
    # A resource at its first version has said nothing before.
    changed = [result.id for result in stored if result.counts and (result.version > 1 or result.id in said)]
    changed += again
    before = await source_links.replace(connection, member.id, changed, said) if changed else {}
    ended = [loser for loser, survivor in before.items() if said.get(loser) != survivor]
    links = {loser: survivor for loser, survivor in said.items() if before.get(loser) != survivor}
    came = await _awaited(connection, member, incoming, stored)
    links |= {loser: survivor for loser, (survivor, _) in came.items()}
    if not ended and not links:
        return Followed(None, ())
    found = await source_links.survivors(connection, member.id, list(set(links.values())))
    joined = {loser: found[survivor] for loser, survivor in links.items() if survivor in found}
    records = await source_links.record_ids(connection, [*ended, *joined, *joined.values()])
    await people.lock_records(connection, records.values())
    last = await _end(hub, connection, member, [records[loser] for loser in ended], now)
    # What is said now, row by row, and then what was said before of records that still waited.
    own = {loser: newest[loser] for loser in joined if loser in said}
    joined = dict(sorted(joined.items(), key=lambda pair: (*_place(own.get(pair[0])), records[pair[0]])))
    refused = await _refused(connection, member, joined, own, records)
    if refused:
        saying = [(result.id, one) for one, result in zip(ready, stored, strict=True) if result.id in own]
        raise _not_followed(refused, own, saying, {loser: row for loser, (_, row) in came.items()})
    for loser, survivor in joined.items():
        last = await _join(hub, connection, member, records[loser], records[survivor], now) or last
    waiting = tuple(newest[loser].row for loser in links if loser not in joined and loser in newest)
    survivors = tuple(records[survivor] for survivor in joined.values())
    return Followed(last, waiting, survivors, tuple(records[loser] for loser in joined if loser in again))


async def _again(connection: AsyncConnection, ready: Sequence[Ready], stored: Sequence[Stored]) -> dict[UUID, Ready]:
    """Records that come as they are and say what was let go, since a steward had decided against it."""
    repeated = {
        result.id: one
        for one, result in zip(ready, stored, strict=True)
        if result.change == "same" and one.replaced_by is not None
    }
    missing = await source_links.unsaid(connection, list(repeated)) if repeated else set()
    counting = {result.id for result in stored if result.counts}
    return {id_: one for id_, one in repeated.items() if id_ in missing - counting}


def _place(own: Ready | None) -> tuple[bool, int]:
    return (True, 0) if own is None else (False, own.row)


def _blind(hub: Hub, identifier: tuple[str, str]) -> bytes:
    return hub.vault.blind(IDENTIFIER, *identifier)


async def _awaited(
    connection: AsyncConnection, member: Member, incoming: Sequence[Incoming], stored: Sequence[Stored]
) -> dict[UUID, tuple[bytes, int]]:
    """Records replaced by one that has only now come, and its row."""
    rows = {
        value: one.row or 0
        for one, result in zip(incoming, stored, strict=True)
        if result.change == "new"
        for value in one.identifiers
    }
    found = await source_links.waiting_for(connection, member.id, list(rows)) if rows else []
    return {loser: (survivor, rows[survivor]) for loser, survivor in found}


@dataclass(frozen=True, slots=True)
class _Why:
    """The code of what speaks against a replacement, and the two records that a steward keeps apart, if that does."""

    code: str
    apart: tuple[int, int] = (0, 0)


async def _refused(
    connection: AsyncConnection,
    member: Member,
    joined: Mapping[UUID, UUID],
    own: Collection[UUID],
    records: Mapping[UUID, int],
) -> dict[UUID, _Why]:
    """Which of the replacements `joined` {loser: survivor} cannot be, each held against what is known and those before it.

    Those of the losers `own` are being said; the others were said before, and whatever would make a ring of them is not.
    """
    if not joined:
        return {}
    chains = await source_links.chains(connection, member.id, [*joined, *joined.values()])
    after = {loser: survivor for loser, survivor in chains.items() if loser not in own}
    together = await _decided(connection, [records[id_] for id_ in {*joined, *joined.values()}])
    refused: dict[UUID, _Why] = {}
    for loser, survivor in joined.items():
        if loser in own and _last(after, survivor) == loser:
            refused[loser] = _Why(CYCLE)
            continue
        try:
            together.must_join(records[loser], records[survivor])
        except clusters.Contradiction as error:
            refused[loser] = _Why(CONTRADICTION, error.apart)
        else:
            after[loser] = survivor
    return refused


async def _decided(connection: AsyncConnection, ids: Sequence[int]) -> clusters.Forest:
    """The records `ids` and all that hang together with them, as far as decisions and sources' words join them."""
    component = await people.component(connection, ids)
    held = await people.constraints_touching(connection, component)
    cannot = [(one.a, one.b) for one in held if one.kind == "CANNOT"]
    forest = clusters.Forest(component, cannot)
    for one in held:
        if one.kind == "MUST":
            forest.must_join(one.a, one.b)
    return forest


def _last(after: dict[UUID, UUID], record: UUID) -> UUID:
    """Where the replacements `after` a record end; the way there is shortened, so that long ones are gone once only."""
    passed: set[UUID] = set()
    while record in after and record not in passed:
        passed.add(record)
        record = after[record]
    after.update(dict.fromkeys(passed - {record}, record))
    return record


def _not_followed(
    refused: Mapping[UUID, _Why],
    own: Mapping[UUID, Ready],
    saying: Sequence[tuple[UUID, Ready]],
    came: Mapping[UUID, int],
) -> NotFollowed:
    """What cannot be followed: rows alone, as long as there are any, since without them the rest may be possible.

    Of a record's rows (`saying`) those that say what its newest (`own`) says: without that, each of them would.
    """
    rows = {
        one.row: refused[loser].code
        for loser, one in saying
        if loser in refused and one.replaced_by == own[loser].replaced_by
    }
    late = [] if rows else [Late(loser, came[loser], why.apart) for loser, why in refused.items()]
    return NotFollowed(next(iter(refused.values())).code, rows, late)


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
