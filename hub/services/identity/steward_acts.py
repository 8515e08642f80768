"""What a steward's acts at /fhir have in common: which records are meant, whether she may see them, and the traces.

She may act on records of her own region, and on a pair that stands in her queue of conflicts. Of any other record she
learns nothing, not even that it exists; the attempt is noted for its person.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hub.errors import Conflict, Invalid, NotAllowed, NotFound, Refused
from hub.fhir.fed import Identifier
from hub.runtime import Hub
from hub.services import cases, source_records
from hub.services.blinds import IDENTIFIER
from hub.services.sessions import User
from hub.services.source_records import Record
from hub.storage import audit, people, resources, reviews
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection

_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Named:
    """How a caller names a record: by its id at the hub (with the version it saw), by identifiers, or by both."""

    id: UUID | None = None
    version: int | None = None
    identifiers: tuple[Identifier, ...] = ()


class Hidden(NotFound):
    """Nothing there, or nothing the user may see; `records` are those that exist, for the ledger only."""

    def __init__(self, records: Iterable[int] = ()) -> None:
        super().__init__("There is no such record, or it does not concern your region.")
        self.records = tuple(records)


@asynccontextmanager
async def refusals_noted(hub: Hub, user: User, act: str) -> AsyncIterator[None]:
    """A leaf for each refusal, and a line in the ledger of whoever was meant, in a transaction of their own."""
    try:
        yield
    except Refused as refusal:
        now = hub.now()
        async with hub.database.begin() as connection:
            if isinstance(refusal, Hidden) and refusal.records:
                shown = (await source_records.load(hub, connection, refusal.records)).values()
                await cases.note(hub, connection, user, shown, act=act, fields=(), now=now, outcome="not-visible")
            content = {"attempt": act, "reason": refusal.code, "region": user.region}
            await audit.append(connection, hub.vault, [Act("refuse", user.name, content, now)])
        raise


def check_role(user: User) -> None:
    """Raises NotAllowed `role-missing`."""
    if not user.may_decide:
        raise NotAllowed("role-missing", "Only stewards and supervisors decide.")


async def record_of(hub: Hub, connection: AsyncConnection, user: User, named: Named) -> Record:
    """The record that is meant, whoever may see it: nothing of it may be told before that is checked. Raises Hidden, Invalid."""
    found = meant = {named.id} if named.id is not None else None
    for identifier in named.identifiers:
        value = hub.vault.blind(IDENTIFIER, *identifier)
        some = await resources.by_identifier(connection, hub.vault, "Patient", value, limit=_MOST)
        all_ = {one.id for one in some}
        meant = all_ if meant is None else meant & all_
        ids = {one.id for one in some if named.id is not None or user.visible is None or one.member_id in user.visible}
        found = ids if found is None else found & ids
    if found is None:
        raise Invalid("bad-request", "A record is named by its id or by its identifiers.")
    if len(found) > 1:
        raise Invalid("ambiguous", "The identifiers name more than one record.")
    record = await people.record_of_resource(connection, found.pop()) if found else None
    loaded = await source_records.load(hub, connection, [record]) if record is not None else {}
    if record is None or record not in loaded:
        hidden = [await people.record_of_resource(connection, id_) for id_ in sorted((meant or set()) - found)]
        raise Hidden(
            [one for one in hidden if one is not None]
        )  # the attempt is in the ledgers of those who were meant
    return loaded[record]


def check_version(named: Named, record: Record) -> None:
    """Raises Conflict `stale` where the caller names another version than the newest."""
    if named.version not in (None, record.version):
        raise Conflict("stale", "The record has changed since the version you name.")


async def check_visible(connection: AsyncConnection, user: User, records: Sequence[Record]) -> None:
    """May the user act on these two records? Raises Hidden."""
    if not all(sees(user, record.member.id) for record in records) and not await is_queued(connection, user, *records):
        raise Hidden(record.id for record in records)


async def is_queued(connection: AsyncConnection, user: User, one: Record, other: Record) -> bool:
    """Are the two a conflict of the user's region, open or decided?"""
    a, b = sorted((one.id, other.id))
    task = await reviews.of_pair(connection, a, b)
    own = user.visible is None or (task is not None and bool(set(task.member_ids) & set(user.visible)))
    return task is not None and task.state != "WITHDRAWN" and own


def sees(user: User, member_id: int) -> bool:
    """Is it a record that the user may see whatever it is compared with?"""
    return user.visible is None or member_id in user.visible


async def note_refusal(hub: Hub, actor: str, attempt: str, reason: str) -> None:
    """A leaf for somebody who is no steward at all."""
    async with hub.database.begin() as connection:
        content = {"attempt": attempt, "reason": reason, "region": actor}
        await audit.append(connection, hub.vault, [Act("refuse", actor, content, hub.now())])
