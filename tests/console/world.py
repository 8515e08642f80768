"""A hub with three regions, people about whom somebody must decide, and users of every role."""

import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from hub.linkage import features
from hub.runtime import Hub, open_hub
from hub.services import accounts, blinds, linking, models
from hub.settings import Settings
from hub.storage import keyring, members, people, resources, reviews
from hub.storage.resources import Incoming
from hub.storage.vault import create_master_key, read_master_key
from tests.console.people import HOMES, HUIJI, JINJIANG, YONGKANG
from tests.people import item_of

PASSWORD = "eight calm herons"
DISPLAYS = {
    YONGKANG: ("Yongkang", "永康市"),
    HUIJI: ("Huiji", "惠济区"),
    JINJIANG: ("Jinjiang", "晋江市"),
}
USERS: dict[str, tuple[str, str | None, tuple[str, ...]]] = {
    "lihua": ("李华", YONGKANG, ("steward",)),
    "zhouping": ("周平", YONGKANG, ("supervisor", "steward")),
    "sunyue": ("孙悦", HUIJI, ("steward",)),
    "audit": ("审计员", HUIJI, ("auditor",)),
    "jin": ("林晋", JINJIANG, ("steward",)),
    "admin": ("管理员", None, ("administrator",)),
}


class Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = datetime(2025, 6, 18, 2, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


def settings_for(database_url: str, folder: Path, **more: Any) -> Settings:
    """Settings of a hub of its own; its keys are made when they are missing."""
    made = Settings(data_dir=folder, database_url=database_url, **more)
    if not made.master_key_file.exists():
        create_master_key(made.master_key_file)
        keyring.create(made.keys_dir, read_master_key(made.master_key_file), "sign")
    return made


@asynccontextmanager
async def open_world(database_url: str, folder: Path, **more: Any) -> AsyncIterator[tuple[Hub, Clock]]:
    """A hub with members and users, and nothing to decide yet; the clock is the test's."""
    clock = Clock()
    async with open_hub(settings_for(database_url, folder, **more), now=clock) as hub:
        await models.install_first(hub)
        async with hub.database.begin() as connection:
            for name, (display, display_zh) in DISPLAYS.items():
                await members.add(
                    connection,
                    name=name,
                    kind="partner" if name == JINJIANG else "county",
                    display=display,
                    display_zh=display_zh,
                    divisions=[HOMES[name]],
                )
        yield hub, clock


async def add_users(hub: Hub, names: Iterable[str] = USERS) -> None:
    """Users of every role, with `PASSWORD`."""
    for name in names:
        display, member, roles = USERS[name]
        await accounts.create_user(hub, name=name, display=display, roles=roles, member=member, password=PASSWORD)


async def add_records(hub: Hub, *patients: dict[str, Any]) -> list[int]:
    """Store, compare and link records, each as a batch of its own; answers their record ids."""
    ids = []
    for patient in patients:
        first = patient["identifier"][0]
        source = first["system"].split(":")[2]
        body = orjson.dumps(patient, option=orjson.OPT_SORT_KEYS)
        async with hub.database.begin() as connection:
            member = await members.by_name(connection, source)
            assert member is not None
            item = Incoming(
                "Patient",
                hub.vault.blind(blinds.RECORD_KEY, source, "Patient", first["value"]),
                body,
                hashlib.sha256(body).digest(),
                tuple(hub.vault.blind(blinds.IDENTIFIER, i["system"], i["value"]) for i in patient["identifier"]),
                None,
            )
            stored = (await resources.upsert(connection, hub.vault, member.id, None, [item], hub.now()))[0]
            known = features.extract(patient)
            items = [item_of(stored, known)]
            outcome = await linking.ingest(hub, connection, member.id, items, hub.now())
            ids.append(outcome.records[0])
    return ids


async def task_of(hub: Hub, a: int, b: int) -> UUID:
    """The conflict about the records a and b."""
    async with hub.database.read() as connection:
        states = ("REVIEW", "DEFERRED", "CONFIRMED", "REJECTED")
        found = await reviews.queue(connection, None, states=states, limit=1000)
    return next(task.id for task in found if {task.a, task.b} == {a, b})


async def person_of(hub: Hub, record_id: int) -> UUID | None:
    """Whom the record belongs to now."""
    async with hub.database.read() as connection:
        return (await people.info(connection, (record_id,)))[record_id].person_id
