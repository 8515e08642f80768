"""Tells members that something waits: content-free notices by webhook, and what has become overdue.

A notice names ids and numbers, never people. Each is queued once (its dedupe value), sent until received, on the
schedule of WIRE.md; an endpoint that fails for five days is disabled with one alert.
"""

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from hub.channels.webhook import Attempt
from hub.domain.messages import State
from hub.runtime import Hub
from hub.storage import audit, deliveries, mailbox, members, submissions
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.deliveries import Delivery
from hub.storage.members import Endpoint

SCHEDULE: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
)
GIVE_UP: Final = timedelta(days=5)
WARNED: Final = timedelta(days=7)
_CLAIM_SECONDS: Final = 60
_SEND_SECONDS: Final = 20
_BATCH: Final = 50


async def tell(
    hub: Hub, connection: AsyncConnection, member_id: int, topic: str, dedupe: str, content: dict[str, Any]
) -> int:
    """Queue a notice to each of the member's endpoints; answers how many were queued now."""
    payload = orjson.dumps({"type": f"lianqiao.{topic}", **content}, option=orjson.OPT_SORT_KEYS)
    queued = 0
    for endpoint in await members.endpoints(connection, hub.vault, [member_id]):
        if endpoint.state == "disabled":
            continue
        key = f"{topic}:{dedupe}"
        if await deliveries.queue(connection, endpoint.id, topic, key, payload, hub.now()) is not None:
            queued += 1
    return queued


async def push(hub: Hub) -> int:
    """Send the notices that are due; answers how many were delivered."""
    now = hub.now()
    async with hub.database.begin() as connection:
        claimed = await deliveries.claim(connection, now, seconds=_CLAIM_SECONDS, limit=_BATCH)
        endpoints = {e.id: e for e in await members.endpoints(connection, hub.vault)} if claimed else {}
    # At once, each within the time it is claimed for, so that nothing is sent twice; beside a round with a slow receiver the
    # worker begins the next.
    attempts = await asyncio.gather(*(_send(hub, item, endpoints[item.endpoint_id]) for item in claimed))
    failed: list[Exception] = []
    for item, attempt in zip(claimed, attempts, strict=True):
        try:
            async with hub.database.begin() as connection:
                await _settle(hub, connection, item, endpoints[item.endpoint_id], attempt, hub.now())
        except Exception as error:  # noqa: BLE001 - one notice that cannot be settled must not undo the others; raised below
            failed.append(error)
    if failed:
        raise failed[0]
    return sum(attempt.outcome == "delivered" for attempt in attempts)


async def _send(hub: Hub, item: Delivery, endpoint: Endpoint) -> Attempt:
    try:
        async with asyncio.timeout(_SEND_SECONDS):
            return await hub.webhooks.send(
                endpoint.address, endpoint.secret, message_id=str(item.id), at=hub.now(), body=item.payload
            )
    except TimeoutError:
        return Attempt("retry", f"the receiver did not answer within {_SEND_SECONDS} seconds")


async def _settle(
    hub: Hub, connection: AsyncConnection, item: Delivery, endpoint: Endpoint, attempt: Attempt, now: datetime
) -> None:
    if attempt.outcome == "delivered":
        await deliveries.settle(connection, item.id, state="PUSHED", now=now)
        await _health(hub, connection, endpoint, "active", None, now)
        return
    failing_since = endpoint.failing_since or now
    over = attempt.outcome in ("gone", "refused") or now - failing_since >= GIVE_UP or item.attempts > len(SCHEDULE)
    if over:
        await deliveries.settle(connection, item.id, state="DEAD", now=now, error=attempt.detail)
    else:
        wait = SCHEDULE[min(item.attempts, len(SCHEDULE)) - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - jitter
        wait = max(wait, timedelta(seconds=attempt.retry_after or 0))
        await deliveries.settle(connection, item.id, state="QUEUED", now=now, next_at=now + wait, error=attempt.detail)
    disabled = attempt.outcome == "gone" or now - failing_since >= GIVE_UP
    if disabled:
        await deliveries.abandon(connection, endpoint.id, now, "the endpoint was disabled")
    await _health(hub, connection, endpoint, "disabled" if disabled else "failing", failing_since, now)


async def _health(
    hub: Hub, connection: AsyncConnection, endpoint: Endpoint, state: str, since: datetime | None, now: datetime
) -> None:
    """Note a change of an endpoint's health; each change is one leaf in the log, so one alert."""
    if await members.set_endpoint_state(connection, endpoint.id, state, since):
        content = {"endpoint": endpoint.id, "state": state}
        await audit.append(connection, hub.vault, [Act("endpoint", "hub", content, now)])


async def escalate(hub: Hub) -> dict[str, int]:
    """Find answers that are overdue and tell both sides once."""
    now = hub.now()
    async with hub.database.begin() as connection:
        late = await deliveries.overdue(connection, now, 500)
        for notice in late:
            content = {"notice": notice.id, "kind": notice.kind, "due_at": notice.due_at}
            for member_id in (notice.member_id, notice.to_member):
                await tell(hub, connection, member_id, "deadline", str(notice.id), content)
        if late:
            acts = [Act("overdue", "hub", {"notice": notice.id, "kind": notice.kind}, now) for notice in late]
            await audit.append(connection, hub.vault, acts)
    return {"overdue": len(late)}


async def expire(hub: Hub) -> dict[str, int]:
    """End the messages whose time is over; their senders see it."""
    now = hub.now()
    async with hub.database.begin() as connection:
        items = await mailbox.expired(connection, hub.vault, now, 500)
        for item in sorted(items, key=lambda item: item.sender_id):
            await mailbox.settle(connection, hub.vault, item.id, State.EXPIRED, receipt=None, errors=None, now=now)
            await submissions.move(connection, item.submission_id, State.EXPIRED, now)
            await deliveries.void_notice(connection, item.id)
        if items:
            acts = [Act("expire", "hub", {"message": str(item.message_id)}, now) for item in items]
            await audit.append(connection, hub.vault, acts)
    return {"expired": len(items)}


async def warn(hub: Hub) -> dict[str, int]:
    """Tell senders once of messages that nobody fetches and that expire within a week."""
    now = hub.now()
    async with hub.database.begin() as connection:
        items = await mailbox.expiring(connection, hub.vault, now, WARNED, 500)
        for item in sorted(items, key=lambda item: item.sender_id):
            await submissions.move(connection, item.submission_id, State.EXPIRING, now, f"{item.expires_at:%Y-%m-%d}")
            told = {"kind": item.kind, "message_id": str(item.message_id), "expires_at": item.expires_at}
            await tell(hub, connection, item.sender_id, "expiring", str(item.id), told)
        if items:
            acts = [Act("warn", "hub", {"message": str(item.message_id)}, now) for item in items]
            await audit.append(connection, hub.vault, acts)
    return {"expiring": len(items)}


async def give_up(hub: Hub) -> dict[str, int]:
    """End the messages that were lent again and again without a receipt; their senders see an error."""
    now, times = hub.now(), hub.settings.mailbox_lendings
    async with hub.database.begin() as connection:
        items = await mailbox.lent_too_often(connection, hub.vault, now, times, 500)
        for item in sorted(items, key=lambda item: item.sender_id):
            text = f"The recipient read it {item.attempt} times and never gave a receipt. Ask the recipient."
            errors = orjson.dumps([{"code": "no-receipt", "text": text, "path": None, "retry": "CONTACT"}])
            await mailbox.settle(connection, hub.vault, item.id, State.DEAD, receipt=None, errors=errors, now=now)
            await submissions.move(connection, item.submission_id, State.DEAD, now, "no-receipt")
            await deliveries.void_notice(connection, item.id)
        if items:
            acts = [Act("give-up", "hub", {"message": str(item.message_id)}, now) for item in items]
            await audit.append(connection, hub.vault, acts)
    return {"dead": len(items)}
