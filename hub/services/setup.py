"""Makes a hub out of nothing: master key, the hub's key, three roots, the schema, the hub itself as a member,
a linkage model, a trust list.

Doing it again changes nothing but what is missing, so that an interrupted set-up is finished by repeating it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hub.errors import HubError
from hub.runtime import Hub, open_hub, utc_now
from hub.services import enrolment, models, promotion, reading_anew, trust
from hub.settings import Settings
from hub.storage import audit, keyring, sandboxes, seals
from hub.storage.audit import Act
from hub.storage.database import locate, make_data_dir
from hub.storage.migrate import upgrade_async
from hub.storage.vault import create_master_key, read_master_key


@dataclass(frozen=True, slots=True)
class Initialised:
    """`made` names what was not there before; `roots_file` is what gateways pin."""

    made: tuple[str, ...]
    roots_file: Path
    trust_version: int | None


async def initialise(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> Initialised:
    """Set up the data folder and the database. Raises HubError that says what stands in the way."""
    made = _make_keys(settings)
    url, embedded = locate(settings)
    try:
        await upgrade_async(url)
        if await sandboxes.settle(url, sandbox=settings.sandbox):
            made = (*made, "a database for invented members only")
        async with open_hub(settings, now=now) as hub:
            await _seal_rows(hub)
            await enrolment.enrol_hub(hub)
            await models.install_first(hub)
            await reading_anew.run(hub)
            version = await trust.publish_if_due(hub)
            if settings.sandbox:
                promotion.write_key(hub)
    finally:
        if embedded is not None:
            embedded.close()
    return Initialised(made, trust.roots_file(settings), version)


async def _seal_rows(hub: Hub) -> None:
    """Once in a hub's life: what an older version wrote gets its seals, and the log says how much.

    That it was done is remembered outside the database, or whoever writes there would have it done again; a machine that
    joins a hub later, and remembers nothing, sees it by the rows that are sealed.
    """
    done = hub.settings.data_dir / "rows-sealed"
    if done.exists():
        return
    async with hub.database.begin() as connection:
        sealed = {} if await seals.are_in_use(connection) else await seals.seal_unsealed(connection)
        if sealed:
            await audit.append(connection, hub.vault, [Act("seal-rows", "operator", {"rows": sealed}, hub.now())])
    done.touch()


def _make_keys(settings: Settings) -> tuple[str, ...]:
    folder, made = settings.keys_dir, []
    make_data_dir(settings.data_dir)
    if not settings.master_key_file.exists():
        if any(folder.glob("*.key")):
            raise HubError(
                "no-master-key",
                f"{folder} holds keys sealed under a master key that is not at {settings.master_key_file}; bring it back.",
            )
        create_master_key(settings.master_key_file)
        made.append("master key")
    vault = read_master_key(settings.master_key_file)
    if not keyring.exists(folder, "sign"):
        keyring.create(folder, vault, "sign")
        made.append("the hub's key")
    if not trust.roots_file(settings).exists():
        # Once exported, roots may be taken away to their officers: what is missing then is not made anew.
        for name in keyring.ROOTS:
            if not keyring.exists(folder, name):
                keyring.create(folder, vault, name)
                made.append(name)
        trust.write_roots(settings, [keyring.load(folder, vault, name).public for name in keyring.ROOTS])
    return tuple(made)
