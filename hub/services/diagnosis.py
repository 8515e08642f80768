"""What is wrong with this hub, and what to do: read by `hub doctor`. Changes nothing."""

import asyncio
import shutil
import stat
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from certs.errors import CertsError
from hub.errors import HubError
from hub.runtime import Hub, open_hub
from hub.services import overview, trust
from hub.settings import Settings
from hub.storage import mailbox, members, schedules, seals, work

_FREE_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: well or not, in words, with what to do."""

    what: str
    ok: bool
    text: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at folder, keys, database, trust list, work and schedules. Never raises for what it finds."""
    findings = [_folder(settings), _master_key(settings.master_key_file)]
    if not all(finding.ok for finding in findings):
        return findings
    return findings + asyncio.run(_inside(settings))


def _folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    if not folder.is_dir():
        return Finding("data folder", False, f"{folder} does not exist", "run `hub init`, or set HUB_DATA_DIR")
    free = shutil.disk_usage(folder).free
    if free < _FREE_BYTES:
        return Finding("data folder", False, f"{free // 2**20} MiB free on its disk", "make room: at least 2 GiB")
    return Finding("data folder", True, f"{folder}, {free // 2**30} GiB free")


def _master_key(path: Path) -> Finding:
    if not path.exists():
        return Finding("master key", False, f"there is none at {path}", "run `hub init`, or set HUB_KEY_FILE")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding("master key", False, "other users may read it", f"chmod 600 {path}")
    return Finding("master key", True, "readable by its owner only")


async def _inside(settings: Settings) -> list[Finding]:
    try:
        async with open_hub(settings) as hub:
            looks = (_database, _rows, _members, _trust, _work, _mailboxes, _schedules)
            return [await _guarded(hub, look) for look in looks]
    except (HubError, OSError, RuntimeError) as error:
        text = error.detail if isinstance(error, HubError) else f"{type(error).__name__}: {error}"
        return [Finding("database", False, text, "start it, or set HUB_DATABASE_URL")]


async def _guarded(hub: Hub, look: Callable[[Hub], Coroutine[None, None, Finding]]) -> Finding:
    try:
        return await look(hub)
    except (HubError, CertsError) as error:
        text = error.detail if isinstance(error, HubError) else error.message.en
        return Finding(look.__name__.strip("_"), False, f"{text} ({error.code})", "see the text")


async def _database(hub: Hub) -> Finding:
    await overview.check_ready(hub)
    return Finding("database", True, "answers, with this version's schema")


async def _rows(hub: Hub) -> Finding:
    async with hub.database.read() as connection:
        forged = await seals.forged(connection)
    if forged:
        text = f"{len(forged)} rows were not written by this hub and count as absent, first {forged[0]}"
        return Finding("rights", False, text, "find out who wrote to the database; enter anew what is missing")
    return Finding(
        "rights", True, "members, keys, agreements, consents, cases and linkage models are as this hub wrote them"
    )


async def _members(hub: Hub) -> Finding:
    async with hub.database.read() as connection:
        found = [member for member in await members.all_members(connection) if member.kind != "hub"]
        keys = await members.keys(connection)
    bare = [m.name for m in found if not any(key.member_id == m.id and key.use == "enc" for key in keys)]
    if bare:
        return Finding("members", False, f"without keys: {', '.join(bare)}", "hub key add NAME JWKS")
    return Finding("members", True, f"{len(found)} enrolled")


async def _trust(hub: Hub) -> Finding:
    found = await trust.current(hub)
    left = found.next_update - hub.now()
    if left < timedelta(days=1):
        return Finding("trust list", False, f"ends in {left.total_seconds() / 3600:.0f} hours", "hub key publish")
    return Finding("trust list", True, f"version {found.version}, valid for {left.days} days more")


async def _work(hub: Hub) -> Finding:
    async with hub.database.read() as connection:
        waiting, oldest, dead = await work.health(connection)
    if dead:
        return Finding(
            "work", False, f"{dead} documents were set aside after repeated failures", "see the worker's log"
        )
    if oldest is not None and hub.now() - oldest > timedelta(minutes=10):
        return Finding("work", False, f"{waiting} wait, the oldest since {oldest:%Y-%m-%d %H:%M} UTC", "run `hub work`")
    return Finding("work", True, f"{waiting} documents wait")


async def _mailboxes(hub: Hub) -> Finding:
    async with hub.database.read() as connection:
        waiting = await mailbox.waiting(connection)
        names = {member.id: member.name for member in await members.all_members(connection)}
    late = [names[id_] for id_, (_, since) in waiting.items() if hub.now() - since > timedelta(days=2)]
    if late:
        return Finding("mailboxes", False, f"not read for two days: {', '.join(sorted(late))}", "ask that region")
    return Finding("mailboxes", True, f"{sum(number for number, _ in waiting.values())} messages wait")


async def _schedules(hub: Hub) -> Finding:
    async with hub.database.read() as connection:
        found = await schedules.last(connection)
    failed = [slot["schedule"] for slot in found if slot["state"] == "FAILED"]
    if failed:
        return Finding("schedules", False, f"failed the last time: {', '.join(failed)}", "see the worker's log")
    every = hub.settings.heartbeat_seconds
    beat = next((slot["due_at"] for slot in found if slot["schedule"] == "heartbeat"), None)
    if every and (beat is None or hub.now() - beat > timedelta(seconds=60 + 2 * every)):
        since = f"since {beat:%Y-%m-%d %H:%M:%S} UTC" if beat else "yet"
        return Finding("schedules", False, f"no heartbeat {since}", "run `hub work`")
    text = f"{len(found)} have run" if found else "none has run yet"
    return Finding("schedules", True, text + (f", the last heartbeat {beat:%H:%M:%S} UTC" if every and beat else ""))
