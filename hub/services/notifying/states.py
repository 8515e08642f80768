"""Turns a subscription into another state: in its table, in a new version of its resource, and in the log, at once.

Members request and turn off; active and error are the hub's to say (FHIR R4, Subscription.status).
"""

import hashlib
from typing import Any, Final

from hub.fhir import exact
from hub.fhir.subscriptions import TYPE
from hub.runtime import Hub
from hub.services.exchange import indexing
from hub.storage import audit, resources, versions
from hub.storage import subscriptions as store
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, write_together
from hub.storage.members import Member
from hub.storage.resources import Incoming
from hub.storage.subscriptions import Subscription

ACT: Final = "subscription"


async def turn(
    hub: Hub, connection: AsyncConnection, member: Member, one: Subscription, state: str, error: str = ""
) -> None:
    """Say so, unless the member has changed the subscription since it was claimed, or somebody else has it in hand."""
    await resources.lock_member(connection, member.id)
    now = hub.now()
    found = (await versions.own(connection, hub.vault, member.id, [one.id], lock=True)).get(one.id)
    if found is None or found.deleted or found.newest != one.version:
        return
    if not await store.turn(connection, one, state, found.newest + 1, now, error):
        return
    resource: dict[str, Any] = exact.read(found.body)
    resource.pop("error", None)
    resource |= {"status": state} | ({"error": error} if error else {})
    body = exact.write(resource)
    incoming = Incoming(TYPE, found.key, body, hashlib.sha256(body).digest(), (), None)
    (stored,) = await resources.upsert(connection, hub.vault, member.id, None, [incoming], now)
    if stored.version != found.newest + 1:
        raise LookupError(f"subscription {one.id} is at version {stored.version}")
    tokens = indexing.tokens(hub, member.id, resource)
    await write_together(connection, *indexing.telling(member.id, [(one.id, now, TYPE, tokens)]))
    content = {"subscription": str(one.id), "member": member.name, "version": stored.version, "state": state}
    await audit.append(connection, hub.vault, [Act(ACT, "hub", content | ({"reason": error} if error else {}), now)])
