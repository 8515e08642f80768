"""Wires the parts of one hub process together: the only file that chooses implementations.

`Hub` is what services are given: settings, database, vault, keys, linkage models that were read, and the clock.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from certs.keys import SigningKey
from hub.channels.webhook import Webhooks
from hub.linkage.model import Model
from hub.settings import Settings
from hub.storage import keyring, sandboxes, seals
from hub.storage.database import Database, locate, open_database
from hub.storage.vault import Vault, read_master_key

HUB_NAME = "hub"


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Hub:
    """Everything a service needs, and nothing that knows HTTP; `models` are by hash, and `services.models` fills it."""

    settings: Settings
    database: Database
    vault: Vault
    signer: SigningKey
    models: dict[str, Model]
    webhooks: Webhooks
    now: Callable[[], datetime]


@asynccontextmanager
async def open_hub(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> AsyncIterator[Hub]:
    """A hub on an initialised data folder and database. Raises HubError that says what is missing."""
    vault = read_master_key(settings.master_key_file)
    signer = keyring.load(settings.keys_dir, vault, "sign")
    url, embedded = locate(settings)
    database = open_database(url, pool=settings.database_pool, embedded=embedded, options=seals.options(vault))
    webhooks = Webhooks(allow_private=settings.webhook_private)
    try:
        if settings.sandbox:
            async with database.read() as connection:
                await sandboxes.require(connection, sandbox=True)
        yield Hub(settings, database, vault, signer, {}, webhooks, now)
    finally:
        await webhooks.close()
        await database.close()
