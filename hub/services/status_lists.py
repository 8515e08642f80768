"""Status lists, made from the registry: what is not valid is found there, and nowhere else.

A document is kept until a status in it changes or half of its life is over, and is never kept when a change came
between reading the registry and signing (`storage.certificates.lock_list`). Token Status List, two bits.
"""

from datetime import datetime
from typing import Final

from certs.status import SIZE, TTL, Status, StatusList, StatusRef
from hub.errors import NotFound
from hub.runtime import Hub
from hub.storage import certificates
from hub.storage.certificates import Certificate
from hub.storage.database import AsyncConnection

STATUSES: Final = {status.name.lower(): status for status in Status}
"""How a certificate that was issued can stand, as the registry writes it."""


def uri_of(hub: Hub, list_id: int) -> str:
    """Where a list is fetched."""
    return f"{hub.settings.base_url}/status/{list_id}"


async def document(hub: Hub, list_id: int) -> str:
    """The signed list, made anew when a status changed or half of its life is over. Raises NotFound."""
    async with hub.database.read() as connection:
        kept = await certificates.list_document(connection, list_id)
    if kept is not None and _is_fresh(hub, kept[1]):
        return kept[0]
    async with hub.database.begin() as connection:
        size = await certificates.lock_list(connection, list_id)
        if size is None:
            raise NotFound
        kept = await certificates.list_document(connection, list_id)
        if kept is not None and _is_fresh(hub, kept[1]):
            return kept[0]
        now = hub.now()
        changed = await certificates.withdrawn(connection, list_id)
        made = StatusList(
            uri_of(hub, list_id), size, {index: STATUSES[status] for index, status in changed.items()}
        ).sign(hub.signer, now)
        await certificates.put_list_document(connection, list_id, made, now)
    return made


def _is_fresh(hub: Hub, signed_at: datetime) -> bool:
    return hub.now() - signed_at < TTL / 2


async def find(hub: Hub, connection: AsyncConnection, ref: StatusRef) -> Certificate | None:
    """The certificate whose status is at `ref`, if it is one of this hub's lists."""
    base = uri_of(hub, 0).removesuffix("0")
    number = ref.uri.removeprefix(base)
    if not ref.uri.startswith(base) or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    if ref.index >= SIZE:
        return None
    return await certificates.by_index(connection, int(number), ref.index)


def standing(found: Certificate) -> Status:
    """The status of a certificate that was issued."""
    return STATUSES[found.status]
