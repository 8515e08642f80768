"""Makes the files of exports: claimed work, one type of resources a transaction, taken up where it was left.

Whoever dies loses the type in hand. The row of the work is locked while a type is listed, so that a lease that runs out
meanwhile passes to nobody.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from hub.errors import HubError
from hub.runtime import Hub
from hub.services.exchange import export_others
from hub.services.exchange.exports import KIND
from hub.services.preparing import PERSON_TYPE
from hub.storage import audit, exports, members, work
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.exports import DONE, FAILED, Export
from hub.storage.work import Work

log = structlog.get_logger(__name__)

_DIED: Final = "worker-died"


async def make_one(hub: Hub, stop: Callable[[], bool] = lambda: False) -> int:
    """Claim one export and make its files, or as many as are made when `stop` says so; 0 when there is none."""
    async with hub.database.begin() as connection:
        claimed = await work.claim(connection, (KIND,), hub.now(), seconds=hub.settings.lease_seconds, limit=1)
    for item in claimed:
        try:
            if item.attempts > hub.settings.work_attempts:
                await _give_back(hub, item, _DIED)  # every try ended with its worker
            else:
                await _make(hub, item, stop)
        except Exception as error:
            code = error.code if isinstance(error, HubError) else type(error).__name__
            if code == work.LEASE_LOST:
                log.info("export passed on", work=item.id)
                continue
            log.exception("export failed", work=item.id, attempt=item.attempts)
            await _give_back(hub, item, code)
    return len(claimed)


async def _make(hub: Hub, item: Work, stop: Callable[[], bool]) -> None:
    found = await _begun(hub, item)
    while found is not None and found.done < len(found.types):
        if stop():
            async with hub.database.begin() as connection:
                await work.lay_down(connection, item)
            return
        found = await _list_next(hub, item)
    await _finish(hub, item)


async def _begun(hub: Hub, item: Work) -> Export | None:
    """The export, as of a moment that is settled once; None when it was taken back."""
    async with hub.database.begin() as connection:
        await work.hold(connection, item, _lease(hub))
        found = await exports.by_id(connection, item.subject)
        if found is not None and found.as_of is None:
            await exports.begin(connection, found.id, hub.now())
        return found


async def _list_next(hub: Hub, item: Work) -> Export | None:
    """Make the files of the next type."""
    async with hub.database.begin() as connection:
        await work.hold(connection, item, _lease(hub))
        found = await exports.by_id(connection, item.subject)
        if found is not None and found.done < len(found.types):
            await _list(hub, connection, found, found.types[found.done])
            await exports.progress(connection, found.id)
            await work.progressed(connection, item)
            await work.hold(connection, item, _lease(hub))
        return await exports.by_id(connection, item.subject)


async def _list(hub: Hub, connection: AsyncConnection, found: Export, type_: str) -> None:
    """The files of one type: the member's own, and those of members whose agreement lets their people go along."""
    await exports.list_type(connection, found, type_, found.member_id, deletions=found.since is not None)
    if type_ == PERSON_TYPE:
        caller = await members.by_id(connection, found.member_id)
        for owner in await export_others.owners(connection, caller, found.purpose, hub.now()):
            await exports.list_type(connection, found, type_, owner, deletions=False)


async def _finish(hub: Hub, item: Work) -> None:
    now = hub.now()
    async with hub.database.begin() as connection:
        await work.finish(connection, item)
        found = await exports.by_id(connection, item.subject)
        if found is not None:
            await exports.settle(connection, found.id, DONE, _until(hub, now))
            made = sum(file.count for file in await exports.files(connection, found.id))
            content = {"export": str(found.id), "resources": made}
            await audit.append(connection, hub.vault, [Act("export-made", "hub", content, now)])


async def _give_back(hub: Hub, item: Work, code: str) -> None:
    """Leave it for later, or set it aside when its tries are used up: whoever asked for it sees that then."""
    now = hub.now()
    retry_at = now + timedelta(seconds=min(300, 2**item.attempts))
    async with hub.database.begin() as connection:
        dead = await work.fail(connection, item, code, retry_at=retry_at, most=hub.settings.work_attempts)
        if dead:
            await exports.settle(connection, item.subject, FAILED, _until(hub, now))
            content = {"export": str(item.subject), "work": KIND, "code": code}
            await audit.append(connection, hub.vault, [Act("set-aside", "hub", content, now)])
            log.error("export set aside", work=item.id, code=code)


def _lease(hub: Hub) -> datetime:
    return hub.now() + timedelta(seconds=hub.settings.lease_seconds)


def _until(hub: Hub, now: datetime) -> datetime:
    return now + timedelta(hours=hub.settings.export_hours)
