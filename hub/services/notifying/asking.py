"""Answers subscribers who ask: how their subscriptions stand, and which events they had, also those that they missed."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson

from hub.errors import NotFound
from hub.fhir import subscriptions
from hub.fhir.notifications import Event, State
from hub.fhir.subscriptions import TYPE, Content
from hub.runtime import Hub
from hub.services.exchange import noting
from hub.services.exchange.noting import Looked
from hub.services.exchange.reading import Gone
from hub.services.identity.ledger import LookedUp
from hub.services.notifying import telling
from hub.storage import subscriptions as store
from hub.storage import versions
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.subscriptions import Subscription

MOST: Final = 100
"""Subscriptions, or events, of one answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some events of a subscription in order; `after` is the number of the next where there are more."""

    state: State
    events: tuple[Event, ...]
    after: int | None


async def statuses(
    hub: Hub, member: Member, purpose: str, *, ids: Sequence[UUID] | None, states: Sequence[str] | None
) -> list[State]:
    """How the member's own subscriptions stand, all of them or those that are named; the oldest MOST of them."""
    async with hub.database.begin() as connection:
        found = await store.own(connection, member.id, ids=ids, states=states, deleted=False, limit=MOST)
        await noting.note(hub, connection, [Looked(LookedUp(member, "status", purpose, hub.now()), [])])
    return [_state(one) for one in found]


async def status(hub: Hub, member: Member, purpose: str, id_: UUID) -> State:
    """How one stands. Raises NotFound."""
    found = await statuses(hub, member, purpose, ids=[id_], states=None)
    if not found:
        raise NotFound
    return found[0]


async def events(
    hub: Hub,
    member: Member,
    purpose: str,
    rights: Set[str],
    id_: UUID,
    *,
    first: int,
    last: int | None,
    content: Content | None,
) -> Page:
    """Events from the number `first` to `last`, as far as they are kept, and as the token with these `rights` may see them.

    Raises NotFound, Gone.
    """
    async with hub.database.begin() as connection:
        found, wanted = await _wanted(hub, connection, member, id_)
        end = found.events if last is None else min(last, found.events)
        numbered = await store.events(connection, id_, first, end, MOST)
        told = _content(found, content or wanted)
        shown = await telling.shown(
            hub,
            connection,
            member,
            rights,
            found.topic,
            told,
            numbered,
            act="events",
            purpose=purpose,
        )
        if told != "full-resource":  # which has left its leaf
            await noting.note(hub, connection, [Looked(LookedUp(member, "events", purpose, hub.now()), [])])
    more = len(numbered) == MOST and numbered[-1].number < end
    return Page(_state(found), tuple(shown), numbered[-1].number + 1 if more else None)


def _content(found: Subscription, wanted: Content) -> Content:
    """What is sealed is never shown whole, whatever is preferred."""
    return "id-only" if found.topic == subscriptions.MAILBOX and wanted == "full-resource" else wanted


async def _wanted(hub: Hub, connection: AsyncConnection, member: Member, id_: UUID) -> tuple[Subscription, Content]:
    kept = (await versions.own(connection, hub.vault, member.id, [id_])).get(id_)
    if kept is None or kept.type != TYPE:
        raise NotFound
    if kept.deleted:
        raise Gone
    (found,) = await store.own(connection, member.id, ids=[id_], limit=1)
    return found, subscriptions.read(orjson.loads(kept.body)).content


def _state(one: Subscription) -> State:
    return State(one.id, one.topic, one.state, one.events, one.last_error or "" if one.state == "error" else "")
