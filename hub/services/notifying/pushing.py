"""Sends notifications: a handshake first, then events in the order of their numbers, and signs of life between.

The next is sent when the last was taken. Who does not take it is asked again on the schedule of WIRE.md, with the same id and the
same events, and is in the state error after five days; a handshake has three tries.
"""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid5

import orjson

from hub.channels.webhook import Attempt
from hub.domain import scopes
from hub.fhir import notifications, subscriptions
from hub.fhir.notifications import Kind, State
from hub.fhir.subscriptions import JSON, Wanted
from hub.runtime import Hub
from hub.services import subscribing
from hub.services.notices import GIVE_UP, SCHEDULE
from hub.services.notifying import states, telling
from hub.storage import audit, members, versions
from hub.storage import subscriptions as store
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.subscriptions import Subscription

HANDSHAKES: Final = 3
"""Tries before a subscription that was never taken up is in the state error."""
_CLAIM_SECONDS: Final = 90
_BATCH: Final = 20


@dataclass(frozen=True, slots=True)
class _Letter:
    """What is to be sent to whom."""

    claimed: Subscription
    member: Member
    wanted: Wanted
    secret: str
    kind: Kind
    id: str
    body: bytes


async def push(hub: Hub) -> int:
    """Send what is due; answers how many subscriptions that were."""
    async with hub.database.begin() as connection:
        claimed = await store.claim(connection, hub.now(), seconds=_CLAIM_SECONDS, limit=_BATCH)
    letters: list[_Letter] = []
    failed: list[Exception] = []
    for one in claimed:
        try:
            async with hub.database.begin() as connection:
                if (letter := await _prepare(hub, connection, one)) is not None:
                    letters.append(letter)
        except Exception as error:  # noqa: BLE001 - one that cannot be told must not hold up the others; raised below
            failed.append(error)
    # At once, each within the time it is claimed for; beside a round with a slow receiver the worker begins the next.
    attempts = await asyncio.gather(*(_send(hub, letter) for letter in letters))
    for letter, attempt in zip(letters, attempts, strict=True):
        try:
            async with hub.database.begin() as connection:
                await _settle(hub, connection, letter, attempt)
        except Exception as error:  # noqa: BLE001 - as above
            failed.append(error)
    if failed:
        raise failed[0]
    return len(claimed)


async def _prepare(hub: Hub, connection: AsyncConnection, one: Subscription) -> _Letter | None:
    """What is to be sent; None where it ends instead."""
    now, member = hub.now(), await members.by_id(connection, one.member_id)
    if member.state != "active" or (one.ends_at is not None and one.ends_at <= now):
        await states.turn(
            hub, connection, member, one, "off", "the member has left" if member.state != "active" else ""
        )
        return None
    found = (await versions.own(connection, hub.vault, member.id, [one.id])).get(one.id)
    if found is None or found.deleted:
        return None
    wanted = subscriptions.read(orjson.loads(found.body))
    endpoint = await subscribing.endpoint_of(hub, connection, member, wanted.endpoint)
    if endpoint is None:
        await states.turn(hub, connection, member, one, "error", "no endpoint in force is registered at this address")
        return None
    kind, part = _kind(one, now)
    state = State(one.id, one.topic, one.state, one.events)
    events = []
    if kind == "event-notification":
        opened = scopes.read(" ".join(member.scopes))
        due = await store.events(connection, one.id, one.sent + 1, one.offered, one.most)
        events = await telling.shown(hub, connection, member, opened, one.topic, wanted.content, due)
    id_ = f"{one.id}.{part}"
    body = notifications.notification(
        f"{hub.settings.base_url}/fhir", state, kind, id_=uuid5(one.id, id_), at=now, events=events
    )
    return _Letter(one, member, wanted, endpoint.secret, kind, id_, body)


def _kind(one: Subscription, now: datetime) -> tuple[Kind, str]:
    """What is due, and what makes its id: that of events and handshakes is the same over attempts."""
    if one.state == subscribing.REQUESTED:
        return "handshake", f"handshake.{one.version}"
    if one.offered > one.sent:
        return "event-notification", f"{one.sent + 1}.{one.offered}"
    return "heartbeat", f"heartbeat.{int(now.timestamp())}"


async def _send(hub: Hub, letter: _Letter) -> Attempt:
    wanted = letter.wanted
    try:
        async with asyncio.timeout(wanted.timeout):
            return await hub.webhooks.send(
                wanted.endpoint,
                letter.secret,
                message_id=letter.id,
                at=hub.now(),
                body=letter.body,
                media_type=JSON,
                more=wanted.headers,
            )
    except TimeoutError:
        return Attempt("retry", f"the receiver did not answer within {wanted.timeout} seconds")


async def _settle(hub: Hub, connection: AsyncConnection, letter: _Letter, attempt: Attempt) -> None:
    one, now = letter.claimed, hub.now()
    if attempt.outcome == "delivered":
        if letter.kind == "handshake":
            await states.turn(hub, connection, letter.member, one, "active")
        elif await store.succeed(connection, one, now) and letter.kind == "event-notification":
            content = {"subscription": str(one.id), "to": letter.member.name, "content": letter.wanted.content}
            numbers = {"first": one.sent + 1, "last": one.offered}
            await audit.append(connection, hub.vault, [Act("notify", "hub", content | numbers, now)])
        return
    since = one.failing_since or now
    handshakes = letter.kind == "handshake" and one.attempts >= HANDSHAKES
    if attempt.outcome == "gone":
        await states.turn(hub, connection, letter.member, one, "off", attempt.detail)
    elif attempt.outcome == "refused" or handshakes or now - since >= GIVE_UP:
        await states.turn(hub, connection, letter.member, one, "error", attempt.detail)
    else:
        await store.fail(connection, one, since=since, next_at=now + _wait(one, attempt), error=attempt.detail)


def _wait(one: Subscription, attempt: Attempt) -> timedelta:
    wait = SCHEDULE[min(one.attempts, len(SCHEDULE)) - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - jitter
    return max(wait, timedelta(seconds=attempt.retry_after or 0))
