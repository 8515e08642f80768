"""How much each member may ask, over all processes of the hub that answer, for next to nothing a request.

A member's bucket is one row of the database. Each process lets requests through on credit, a quarter of a second's worth,
and settles with the row behind their backs: no request waits for it unless the credit is used up. What several processes
let through too much is owed, and paid in before anything more. A process that is killed takes with it the memory of what it
let through since it last settled, which is no more than its credit; nothing is left locked or lost to the member.
"""

import asyncio
import math
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

import structlog

from hub.domain.quotas import Bucket, Quota
from hub.errors import HubError, Invalid, NotFound, TooMany
from hub.runtime import Hub
from hub.settings import Settings
from hub.storage import audit, members, quotas
from hub.storage.audit import Act
from hub.storage.database import Database
from hub.storage.members import Member

log = structlog.get_logger(__name__)

SETTLE: Final = 0.25
"""Seconds of a member's rate that a process lets through before it settles, and how often it does so at least."""
PAUSE: Final = 0.1
"""Seconds for which an empty bucket is not looked at again, and over which what came in meanwhile is spread evenly: let
through at one go, it would hold up everybody again and again. It ends once the bucket has filled a little."""
RECHECK: Final = timedelta(seconds=10)
"""How old the quota itself may be: a change counts everywhere by then."""
MOST_HELD: Final = 256 * 2**20
"""Bytes of one member's bodies that one process has in memory before the next large one is refused."""
_NOTED: Final = timedelta(minutes=1)
_SAID: Final = "Nothing was stored; send it again after the seconds of Retry-After."


class Allowance:
    """One member in one process: its quota, the credit, and what it was let through since the last settlement."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self.quota = _common(settings)
        self.bucket = Bucket.full(self.quota, now)
        self._credit = self._spent = self._sent = self._refused = self._held = 0
        self._settled_at = self._closed_until = self._next_at = self._step = 0.0
        self._read_at: datetime | None = None
        self._noted_at: datetime | None = None
        self._settling: asyncio.Task[None] | None = None

    async def admit(self, hub: Hub, member: Member, size: int) -> None:
        """Let one request with a body of `size` bytes through. Raises TooMany."""
        now = hub.now()
        at = now.timestamp()
        if self._step and at - self._settled_at >= SETTLE:
            await asyncio.shield(self._settle(hub, member))  # it was quiet, and may be within its rate again
        while self._credit < 1:
            if at < self._closed_until:
                raise self._too_many(member, self._closed_until - at)
            await asyncio.shield(self._settle(hub, member))
        if self._step:
            at = hub.now().timestamp()  # others may have gone ahead while this one waited for a settlement
            if at < self._next_at:
                raise self._too_many(member, self._next_at - at)
            self._next_at = max(self._next_at, at - self._step) + self._step
        self._credit -= 1
        self._spent += 1
        if size:
            self._weigh(member, size, now)
        if self._credit < 1 or at - self._settled_at >= SETTLE:
            self._settle(hub, member)

    def _too_many(self, member: Member, wait: float) -> TooMany:
        self._refused += 1
        return TooMany(
            f"More than {self.quota.per_second:g} requests a second came from {member.name}. {_SAID}",
            retry_after=math.ceil(wait),
            policy="requests",
        )

    def _weigh(self, member: Member, size: int, now: datetime) -> None:
        """Raises TooMany for a body that is more than what is left of the day's."""
        wait = self._now(now).wait_for(self.quota, size)
        if wait:
            self._refused += 1
            raise TooMany(
                f"More than {self.quota.bytes_a_day} bytes a day came from {member.name}. {_SAID}",
                retry_after=math.ceil(wait),
                policy="bytes",
            )

    def hold(self, size: int) -> None:
        """So many bytes of bodies are in this process's memory, or are not any more where it is below 0."""
        self._held += size

    def check_held(self) -> None:
        """Raises TooMany where the bodies that are under way are too large together."""
        if self._held > MOST_HELD:
            self._refused += 1
            raise TooMany(
                f"Bodies of more than {MOST_HELD >> 20} MiB are under way at once. {_SAID}",
                retry_after=10,
                policy="at-once",
            )

    def receive(self, size: int) -> None:
        """So many bytes of a body came in."""
        self._sent += size

    def left(self, now: datetime) -> tuple[int, int, int, int]:
        """(requests, seconds until all of them are there again, bytes, seconds until all): as far as this process knows."""
        quota, bucket = self.quota, self._now(now)
        return (
            max(0, math.floor(bucket.requests)),
            math.ceil((quota.burst - bucket.requests) / quota.per_second),
            max(0, math.floor(bucket.bytes)),
            math.ceil((quota.bytes_a_day - bucket.bytes) * 86_400 / quota.bytes_a_day),
        )

    def _now(self, now: datetime) -> Bucket:
        return self.bucket.after(self.quota, now, self._spent, self._sent)

    def _settle(self, hub: Hub, member: Member) -> "asyncio.Task[None]":
        """The settlement under way, or a new one."""
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self.settle(hub, member))
            self._settling.add_done_callback(_ended)
        return self._settling

    async def settle(self, hub: Hub, member: Member) -> None:
        """Tell the database what was let through, and learn how much more may be. Raises Unavailable."""
        now, spent, sent, refused = hub.now(), self._spent, self._sent, self._refused
        async with hub.database.begin() as connection:
            if self._read_at is None or now - self._read_at >= RECHECK:
                self.quota = await quotas.of(connection, member.id) or _common(hub.settings)
                self._read_at = now
            found = await quotas.lock(connection, member.id, Bucket.full(self.quota, now))
            left = found.after(self.quota, now, spent, sent)
            await quotas.keep(connection, member.id, left)
            noted = refused > 0 and (self._noted_at is None or now - self._noted_at >= _NOTED)
            if noted:
                act = Act("throttle", member.name, {"requests": refused}, now)
                await audit.append(connection, hub.vault, [act])
        if noted:
            self._noted_at = now
            self._refused -= refused
        self.bucket = left
        self._spent -= spent
        self._sent -= sent
        at = self._settled_at = now.timestamp()
        chunk = max(1, min(self.quota.burst, math.ceil(self.quota.per_second * SETTLE)))
        self._credit = max(0, math.floor(min(chunk, self.bucket.requests)) - self._spent)
        wait = self.bucket.wait(self.quota)
        self._closed_until = at + max(PAUSE, wait) if wait else 0.0
        if self.bucket.requests >= min(2 * chunk, max(1, self.quota.burst / 2)):
            self._step = self._next_at = 0.0
        elif wait or self._step:
            self._step = PAUSE / max(1, self._credit)

    async def end(self, hub: Hub, member: Member) -> None:
        """Tell the database what it was not told yet, if it can be reached."""
        if self._settling is not None:
            await asyncio.wait([self._settling])
        if self._spent or self._sent:
            await asyncio.wait([self._settle(hub, member)])


_known: Final[WeakKeyDictionary[Database, dict[int, tuple[Member, Allowance]]]] = WeakKeyDictionary()


def of(hub: Hub, member: Member) -> Allowance:
    """What this process knows of the member."""
    known = _known.get(hub.database)
    if known is None:
        known = _known[hub.database] = {}
    found = known.get(member.id)
    if found is None:
        found = known[member.id] = (member, Allowance(hub.settings, hub.now()))
    return found[1]


async def settle_all(hub: Hub) -> None:
    """Settle with everybody: before a process that was told to end does so."""
    for member, allowance in list(_known.get(hub.database, {}).values()):
        await allowance.end(hub, member)


async def change(
    hub: Hub,
    name: str,
    *,
    per_second: float | None = None,
    burst: int | None = None,
    at_once: int | None = None,
    bytes_a_day: int | None = None,
    common: bool = False,
) -> Quota:
    """Set what is given of a member's quota, and nothing else; where `common`, the rest is what all have.

    Answers the quota as it is then. Raises NotFound, Invalid.
    """
    async with hub.database.begin() as connection:
        member = await members.by_name(connection, name)
        if member is None:
            raise NotFound(f"There is no active member named {name}.")
        old = (None if common else await quotas.of(connection, member.id)) or _common(hub.settings)
        new = Quota(
            old.per_second if per_second is None else per_second,
            old.burst if burst is None else burst,
            old.at_once if at_once is None else at_once,
            old.bytes_a_day if bytes_a_day is None else bytes_a_day,
        )
        if not (0 < new.per_second < math.inf) or min(new.burst, new.at_once, new.bytes_a_day >> 20) < 1:
            raise Invalid("bad-quota", "Each part of a quota is more than nothing, and a day at least 1 MiB.")
        is_given = (per_second, burst, at_once, bytes_a_day) != (None,) * 4
        if not is_given and not common:
            return old
        await quotas.put(connection, member.id, new if is_given else None)
        content = {
            "member": name,
            "per_second": new.per_second,
            "burst": new.burst,
            "at_once": new.at_once,
            "bytes_a_day": new.bytes_a_day,
            "common": not is_given,
        }
        await audit.append(connection, hub.vault, [Act("set-quota", "operator", content, hub.now())])
    return new


async def listed(hub: Hub) -> dict[int, Quota]:
    """Member id → its quota, of every active member."""
    async with hub.database.read() as connection:
        own = await quotas.of_members(connection)
        common = _common(hub.settings)
        return {member.id: own.get(member.id, common) for member in await members.all_members(connection)}


def _common(settings: Settings) -> Quota:
    """What a member has that was given no quota of its own."""
    return Quota(settings.quota_per_second, settings.quota_burst, settings.quota_at_once, settings.quota_bytes_a_day)


def _ended(task: "asyncio.Task[None]") -> None:
    """Of a settlement that nobody waited for: what it could not tell the next one will."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.warning("quota-not-settled", error=error.code if isinstance(error, HubError) else type(error).__name__)
