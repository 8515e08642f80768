"""What happened that somebody subscribed to, left behind by the very statement or transaction in which it happens.

A row for each, and none where nobody listens: so an event is never missed, whatever dies whenever, and whoever has no
subscriptions pays for one look into a table of a few rows. Who is told of it is found afterwards (`storage.subscriptions`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.fhir.subscriptions import MAILBOX, OWN_RECORDS, TYPE
from hub.storage.database import AsyncConnection, driver, rows_of


def of_resources(*, member: str, at: str, deleted: str, first: int) -> str:
    """SQL that notes versions of resources: what they have in common as expressions, their ids, numbers and types in the
    arrays from the parameter `first` on. Subscriptions are no news: telling of one would change one.
    """
    return f"""
        INSERT INTO subscription_pending (member_id, topic, type, subject, version, deleted, at)
        SELECT {member}, '{OWN_RECORDS}', n.type, n.id, n.version, {deleted}, {at}
        FROM {rows_of("uuid", "int", "text", first=first)} AS n(id, version, type)
        WHERE n.type <> '{TYPE}' AND EXISTS (
            SELECT FROM subscription s WHERE s.member_id = {member} AND s.listening AND s.topic = '{OWN_RECORDS}'
                AND (s.types = '{{}}' OR n.type = ANY(s.types)))"""  # noqa: S608 - our own


_DELETED: Final = of_resources(member="$1::bigint", at="$2::timestamptz", deleted="true", first=3)
_WAITS: Final = f"""
    -- waits: a message in somebody's mailbox
    INSERT INTO subscription_pending (member_id, topic, type, subject, version, deleted, at)
    SELECT $1, '{MAILBOX}', '', $2, 0, false, $3
    WHERE EXISTS (SELECT FROM subscription s WHERE s.member_id = $1 AND s.listening AND s.topic = '{MAILBOX}')"""  # noqa: S608


async def deleted(
    connection: AsyncConnection, member_id: int, type_: str, ids: Sequence[UUID], versions: Sequence[int], now: datetime
) -> None:
    """Resources of one type were deleted, at these versions."""
    await driver(connection).execute(_DELETED, member_id, now, list(ids), list(versions), [type_] * len(ids))


async def waits(connection: AsyncConnection, recipient_id: int, item_id: UUID, now: datetime) -> None:
    """A message waits in the recipient's mailbox."""
    await driver(connection).execute(_WAITS, recipient_id, item_id, now)
