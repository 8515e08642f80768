"""What of its events a subscriber may be shown at this moment, and what showing it leaves behind.

An event keeps its number whatever may be shown of it: what policy, consent or the member's scopes do not permit now comes
without its focus. Whole resources are the member's own only, and leave what reading them leaves.
"""

from collections.abc import Sequence, Set
from typing import Final
from uuid import UUID

from certs.seal_header import read_header_bytes
from hub.domain import policy, scopes
from hub.domain.messages import State
from hub.fhir import exact
from hub.fhir.notifications import Event
from hub.fhir.subscriptions import MAILBOX, Content
from hub.runtime import HUB_NAME, Hub
from hub.services import routing
from hub.services.exchange import noting
from hub.services.exchange.noting import Looked
from hub.services.identity.ledger import LookedUp
from hub.storage import mailbox, members, versions
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.subscriptions import Numbered
from hub.storage.versions import Version

ACT: Final = "notify"
MOST_BYTES: Final = 2**20
"""Of the resources in one answer or notification: those behind come without, and are read one by one."""
_URI: Final = "urn:ietf:rfc:3986"


async def shown(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    opened: Set[str],
    topic: str,
    content: Content,
    found: Sequence[Numbered],
    *,
    act: str = ACT,
    purpose: str = "",
) -> list[Event]:
    """The events as `member` may see them whose rights are `opened`, with a look-up's line and leaf of what is shown whole."""
    if content == "empty":
        return [Event(one.number, one.at) for one in found]
    if topic == MAILBOX:
        return [await _waiting(hub, connection, member, opened, one) for one in found]
    allowed = [one for one in found if scopes.opens(opened, f"system/{one.type}.r")]
    bodies: dict[tuple[UUID, int], Version] = {}
    if content == "full-resource":
        bodies = await _bodies(hub, connection, member, [one for one in allowed if not one.deleted])
        looked = LookedUp(member, act, purpose, hub.now())
        await noting.note(hub, connection, [Looked(looked, list(bodies.values()))])
    visible = {one.number for one in allowed}
    return [_event(hub, one, content, bodies) if one.number in visible else Event(one.number, one.at) for one in found]


async def _bodies(
    hub: Hub, connection: AsyncConnection, member: Member, wanted: Sequence[Numbered]
) -> dict[tuple[UUID, int], Version]:
    """The member's own resources at these versions, as many as there is room for."""
    named = sorted({(one.subject, one.version) for one in wanted})
    ids, numbers = [id_ for id_, _ in named], [number for _, number in named]
    found = await versions.pinned(connection, hub.vault, member.id, ids, numbers, most_bytes=MOST_BYTES)
    return {(one.id, one.version): one for one in found}


def _event(hub: Hub, one: Numbered, content: Content, bodies: dict[tuple[UUID, int], Version]) -> Event:
    body = bodies.get((one.subject, one.version))
    return Event(
        one.number,
        one.at,
        focus={"reference": f"{hub.settings.base_url}/fhir/{one.type}/{one.subject}"},
        change="delete" if one.deleted else "create" if one.version == 1 else "update",
        version=one.version,
        whole=content == "full-resource",
        resource=exact.shown(body.body, str(body.id), body.version, body.at) if body is not None else None,
    )


async def _waiting(hub: Hub, connection: AsyncConnection, member: Member, opened: Set[str], one: Numbered) -> Event:
    """A message that waits and may still be handed over, by the id under which the mailbox has it."""
    if not scopes.opens(opened, "lianqiao/mailbox.r") or not await _is_handed_over(
        hub, connection, member, one.subject
    ):
        return Event(one.number, one.at)
    return Event(one.number, one.at, focus={"identifier": {"system": _URI, "value": f"urn:uuid:{one.subject}"}})


async def _is_handed_over(hub: Hub, connection: AsyncConnection, member: Member, item_id: UUID) -> bool:
    item = await mailbox.get(connection, hub.vault, item_id, member.id)
    if item is None or item.state not in (State.AVAILABLE, State.RECEIVED) or item.expires_at <= hub.now():
        return False
    sender = await members.by_id(connection, item.sender_id)
    if sender.name == HUB_NAME:
        return True
    considered = await routing.consider(hub, connection, sender, read_header_bytes(item.header))
    return not isinstance(considered.answer, policy.Deny)
