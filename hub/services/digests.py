"""The daily digest: what a day brought to a member, in numbers only; told to its webhook, and laid into a partner's mailbox.

A partner may have no system of its own, so its digest waits for it like a message, signed for and audited like one. A
slot's digest is made once however often it is asked for.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from hub.runtime import Hub
from hub.services import letters, notices
from hub.storage import deliveries, members
from hub.storage.database import AsyncConnection
from hub.storage.members import Member

KIND: Final = "digest"
_PARTNER: Final = "partner"


async def digest(hub: Hub, slot: datetime) -> dict[str, int]:
    """Queue the digest of the day that ends with `slot` for everybody who has an endpoint, and for each partner."""
    since = slot - timedelta(days=1)
    queued = laid = 0
    async with hub.database.begin() as connection:
        for member in await members.all_members(connection):
            content: dict[str, Any] = {"from": since, "until": slot}
            content |= await deliveries.digest_counts(connection, member.id, since, slot)
            queued += await notices.tell(hub, connection, member.id, KIND, slot.isoformat(), content)
            if member.kind == _PARTNER:
                laid += await _lay(hub, connection, member, slot, content)
    return {"digests": queued, "letters": laid}


async def _lay(hub: Hub, connection: AsyncConnection, member: Member, slot: datetime, content: dict[str, Any]) -> int:
    """Put the digest into the partner's mailbox, from the hub itself; 0 when it lies there already."""
    message_id = uuid5(NAMESPACE_URL, f"urn:lianqiao:digest:{member.name}:{slot.isoformat()}")
    body = orjson.dumps({"type": "lianqiao.digest", **content}, option=orjson.OPT_SORT_KEYS)
    return int(await letters.lay(hub, connection, member, KIND, message_id, body))
