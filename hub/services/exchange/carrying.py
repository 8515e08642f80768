"""Carries out requests of their own that look at what is there: conditional ones, and patches.

Those of a member that come at the same time share a transaction, one after the other: each sees what the one before it
has written, so that of two conditional creates the second finds what the first has made.
"""

from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

from hub.errors import HubError
from hub.fhir.requests import Request
from hub.runtime import Hub
from hub.services.exchange import entries, noting, writing
from hub.services.exchange.noting import Looked
from hub.services.exchange.writing import Written
from hub.services.gathering import Gathering
from hub.services.identity.ledger import LookedUp
from hub.storage import versions
from hub.storage.database import AsyncConnection, Database
from hub.storage.members import Member

_Asked = tuple[Hub, Member, str, Request]
_Done = Written | HubError | None
_Carrying = Gathering[_Asked, _Done]
_gatherings: Final[WeakKeyDictionary[Database, dict[int, _Carrying]]] = WeakKeyDictionary()


async def carry_out(hub: Hub, member: Member, purpose: str, one: Request) -> Written | None:
    """What came of it; None for a delete of what is not there.

    Raises whatever `entries.settle` or the write is refused for.
    """
    of_members = _gatherings.setdefault(hub.database, {})
    gathering = of_members.setdefault(member.id, Gathering(_together, at_once=1))
    done = await gathering.ask((hub, member, purpose, one))
    if isinstance(done, HubError):
        raise done
    return done


async def _together(asked: Sequence[_Asked]) -> Sequence[_Done]:
    """One member's requests in one transaction, in their order."""
    hub, member, *_ = asked[0]
    types = {one.type for *_, one in asked}
    async with writing.begun(hub, member, types) as connection:
        return [await _one(hub, connection, member, purpose, one) for _, _, purpose, one in asked]


async def _one(hub: Hub, connection: AsyncConnection, member: Member, purpose: str, one: Request) -> _Done:
    now = hub.now()
    try:
        settled = await entries.settle(hub, connection, member, purpose, [one], now, together=False)
    except HubError as refusal:  # its own, and nothing was written
        return refusal
    if one.at in settled.writes:
        (outcome,) = await writing.write_each(hub, connection, member, [settled.writes[one.at]], now)
        return outcome
    done = settled.done[one.at]
    if done is None:
        return None
    found = (await versions.own(connection, hub.vault, member.id, [done.id]))[done.id]
    await noting.note(hub, connection, [Looked(LookedUp(member, "read", purpose, now), [found])])
    return Written(done.id, done.version, done.at, found.body, done.change)
