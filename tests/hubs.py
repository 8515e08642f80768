"""Ready hubs for tests: set up as `hub init` does it, on a database of the test's own, with a clock that can be moved.

`hub` is open and has no members but itself; `enrolled` adds a member with fresh keys; `serve` gives its interface
over HTTP in the same process.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from fastapi import APIRouter
from sqlalchemy import text
from starlette.routing import Route

from certs.keys import DecryptionKey, SigningKey
from hub.api import fhir, problems
from hub.api.application import Application
from hub.api.fhir.directory import Directory
from hub.runtime import Hub, open_hub
from hub.services import enrolment, setup, trust
from hub.settings import Settings
from hub.storage.members import Member
from tests import documented
from tests.databases import Server

BASE_URL = "http://hub.test"


class Clock:
    """Stands still until it is moved; begins at the real time, to the second."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **span: float) -> datetime:
        """Move on by `span` (days, hours, minutes, seconds); answers the new time."""
        self.moment += timedelta(**span)
        return self.moment


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A member and the private keys that only its gateway would have."""

    member: Member
    auth: SigningKey
    sig: SigningKey
    enc: DecryptionKey


def settings_for(folder: Path, database_url: str, **others: object) -> Settings:
    """Settings of a test's hub."""
    given = {"data_dir": folder, "database_url": database_url, "database_pool": 6, "base_url": BASE_URL} | others
    return Settings.model_validate(given)


@pytest.fixture
def clock() -> Clock:
    """The clock of `hub`."""
    return Clock()


@pytest.fixture(scope="session")
def new_hub(
    database_server: Server, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """(folder, database) of a hub as `hub init` leaves it; copied, never used itself."""
    folder = tmp_path_factory.mktemp("new") / "hub"

    def prepare(database_url: str) -> None:
        asyncio.run(setup.initialise(settings_for(folder, database_url)))

    return folder, database_server.create_prepared(migrated_template, prepare)


@pytest.fixture
def hub_settings(tmp_path: Path, database_server: Server, new_hub: tuple[Path, str]) -> Iterator[Settings]:
    """The settings of `hub`."""
    folder, template = new_hub
    shutil.copytree(folder, tmp_path / "hub")
    name = database_server.create(template)
    yield settings_for(tmp_path / "hub", database_server.url(name))
    database_server.drop(name)


@pytest.fixture
async def hub(hub_settings: Settings, clock: Clock) -> AsyncIterator[Hub]:
    """An open hub, set up and empty."""
    async with open_hub(hub_settings, now=clock) as opened:
        yield opened


async def enrol(
    hub: Hub,
    name: str,
    divisions: Sequence[str],
    *,
    kind: str = "county",
    display: str = "",
    display_zh: str = "",
    publish: bool = True,
) -> Enrolled:
    """Enrol a member with one fresh key of each purpose, and publish the trust list with it."""
    member = await enrolment.add_member(
        hub,
        name=name,
        kind=kind,
        display=display or name.capitalize(),
        display_zh=display_zh or name.capitalize(),
        divisions=divisions,
    )
    made = Enrolled(member, SigningKey.generate(), SigningKey.generate(), DecryptionKey.generate())
    keys = [
        {**made.auth.public.to_jwk(), "purpose": "auth"},
        {**made.sig.public.to_jwk(), "purpose": "sig"},
        {**made.enc.public.to_jwk(), "purpose": "enc"},
    ]
    await enrolment.add_keys(hub, name, {"keys": keys})
    if publish:
        await trust.publish(hub)
    return made


@pytest.fixture
async def yongkang(hub: Hub) -> Enrolled:
    """The destination region."""
    return await enrol(hub, "yongkang", ["330784000000"], display="Yongkang", display_zh="永康市")


@pytest.fixture
async def huiji(hub: Hub) -> Enrolled:
    """The origin region."""
    return await enrol(hub, "huiji", ["410108000000"], display="Huiji", display_zh="惠济区")


@asynccontextmanager
async def serve(hub: Hub, *routers: APIRouter, host: str = "127.0.0.1") -> AsyncIterator[httpx2.AsyncClient]:
    """A client at `host` of the interface's parts (routers of hub.api), served in this process."""
    app = Application(fhir.DIRECTORY if fhir.router in routers else Directory([]))
    problems.install(app)
    app.state.hub = hub
    for router in routers:
        app.include_router(router)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=(host, 50000))
    own = [route.path for router in routers for route in router.routes if isinstance(route, Route)]
    hooks = documented.hooks(own)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, event_hooks=hooks) as client:
        yield client


async def acts(hub: Hub, name: str) -> list[dict[str, Any]]:
    """The contents of the audit leaves of one act, oldest first, with who did it as `actor`."""
    async with hub.database.read() as connection:
        rows = await connection.execute(
            text("SELECT actor, content FROM audit_leaf WHERE act = :act ORDER BY id"), {"act": name}
        )
        return [{**orjson.loads(hub.vault.open(row.content))["content"], "actor": row.actor} for row in rows]
