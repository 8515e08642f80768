"""Which linkage models score: the one in force, and those beside it whose scores are kept up.

A shadow that may come and a former model that may come back are given every score that the model in force is given, in
the same transaction: whichever is put in force then knows every pair. See docs/model-change.md.
"""

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import orjson

from hub.errors import HubError
from hub.linkage.engines import model_files
from hub.linkage.model import Model
from hub.runtime import Hub
from hub.settings import Settings
from hub.storage import audit, linkage_models
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, Database
from hub.storage.linkage_models import IN_FORCE, Epoch

_MOST_READ = 8


@dataclass(frozen=True, slots=True)
class Scorer:
    """A model and the epoch under which its scores are kept."""

    epoch: Epoch
    model: Model


_known: Final[WeakKeyDictionary[Database, tuple[bytes, Scorer]]] = WeakKeyDictionary()
"""The model in force, and the seals under which it was."""


async def scorers(hub: Hub, connection: AsyncConnection) -> list[Scorer]:
    """All models that score, that in force first; they stay until the transaction ends."""
    await linkage_models.hold(connection)
    kept = await linkage_models.kept(connection)
    found = [_in_force(kept), *(epoch for state, epoch in kept.items() if state != IN_FORCE)]
    return [await scorer(hub, connection, epoch) for epoch in found]


async def in_force(hub: Hub, connection: AsyncConnection, seals: bytes | None = None) -> Scorer:
    """The model that counts, for whoever only reads; one that is known by the `seals` just read is not asked for again."""
    known = _known.get(hub.database)
    if seals is not None and known is not None and known[0] == seals:
        return known[1]
    found = await scorer(hub, connection, _in_force(await linkage_models.kept(connection)))
    if seals is not None:
        _known[hub.database] = seals, found
    return found


def _in_force(kept: dict[str, Epoch]) -> Epoch:
    found = kept.get(IN_FORCE)
    if found is None:
        raise HubError(
            "no-model",
            "No linkage model that this hub wrote is in force; nothing was linked or changed. Run `hub init`, and if "
            "that does not help, find out who wrote to the database.",
        )
    return found


async def scorer(hub: Hub, connection: AsyncConnection, epoch: Epoch) -> Scorer:
    """The model of an epoch; it is read once. Raises HubError `model-changed`."""
    model = hub.models.get(epoch.hash)
    if model is None:
        model = model_files.parsed(orjson.loads(await linkage_models.content(connection, hub.vault, epoch)))
        if model.hash != epoch.hash:
            raise HubError("model-changed", f"The content of linkage model {epoch.id} is not what was approved.")
        while len(hub.models) >= _MOST_READ:
            hub.models.pop(next(iter(hub.models)))
        hub.models[epoch.hash] = model
    return Scorer(epoch, model)


async def name_of(hub: Hub, connection: AsyncConnection, epoch: Epoch) -> str:
    """What a model is called; also one that this version could not score with any more."""
    return str(orjson.loads(await linkage_models.content(connection, hub.vault, epoch))["id"])


async def install_first(hub: Hub) -> bool:
    """Put the first model in force, where there never was one. Raises Invalid for a file that is no model."""
    content, model = _first(hub.settings)
    now = hub.now()
    async with hub.database.begin() as connection:
        await linkage_models.hold_alone(connection)
        if await linkage_models.exists(connection):
            return False
        await linkage_models.add(
            connection, hub.vault, hash_=model.hash, content=content, state=IN_FORCE, proposed_by=None, now=now
        )
        act = Act("first-model", "operator", {"model": model.hash, "name": model.id}, now)
        await audit.append(connection, hub.vault, [act])
    return True


def _first(settings: Settings) -> tuple[bytes, Model]:
    content = model_files.content(settings.linkage_model)
    return orjson.dumps(content), model_files.parsed(content)
