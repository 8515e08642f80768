"""Quotas of members, and their buckets: one row a member, which every process settles with."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.domain.quotas import Bucket, Quota
from hub.storage import seals
from hub.storage.tables import member_bucket, member_quota


async def of_members(connection: AsyncConnection) -> dict[int, Quota]:
    """Member id → its quota, of those that have one of their own."""
    rows = seals.genuine(connection, member_quota, await connection.execute(select(member_quota)))
    return {row.member_id: _quota(row) for row in rows}


async def of(connection: AsyncConnection, member_id: int) -> Quota | None:
    """The quota that a member has of its own."""
    row = await seals.find(connection, member_quota, member_quota.c.member_id == member_id)
    return _quota(row) if row is not None else None


async def put(connection: AsyncConnection, member_id: int, quota: Quota | None) -> None:
    """Set a member's own quota in the place of what it had; None leaves it what all have."""
    if quota is None:
        await connection.execute(delete(member_quota).where(member_quota.c.member_id == member_id))
        return
    values = asdict(quota) | {"per_second": float(quota.per_second)}
    sealed = values | {"seal": seals.of(connection, member_quota, values | {"member_id": member_id})}
    await connection.execute(
        upsert(member_quota)
        .values(member_id=member_id, **sealed)
        .on_conflict_do_update(index_elements=["member_id"], set_=sealed)
    )


async def lock(connection: AsyncConnection, member_id: int, full: Bucket) -> Bucket:
    """The member's bucket, `full` where it has none yet; nobody else settles with it until the transaction ends."""
    row = (
        await connection.execute(
            upsert(member_bucket)
            .values(member_id=member_id, **asdict(full))
            .on_conflict_do_update(index_elements=["member_id"], set_={"member_id": member_id})
            .returning(member_bucket)
        )
    ).one()
    return Bucket(row.requests, row.bytes, row.at)


async def keep(connection: AsyncConnection, member_id: int, bucket: Bucket) -> None:
    """Store what is left of a bucket that was locked."""
    await connection.execute(
        member_bucket.update().where(member_bucket.c.member_id == member_id).values(**asdict(bucket))
    )


def _quota(row: Any) -> Quota:
    return Quota(row.per_second, row.burst, row.at_once, row.bytes_a_day)
