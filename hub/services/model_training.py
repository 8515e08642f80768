"""Trains a linkage model on the hub's own records: a sample of them, in memory only, and nothing of them on disk.

The model begins from the one in force. Of names and birth dates its tables tell those that several records share.
"""

import random
from collections.abc import Collection

import orjson

from hub.errors import Invalid
from hub.linkage import fitting
from hub.linkage.engines.model_files import Content
from hub.linkage.features import Features
from hub.linkage.fitting import Seen
from hub.runtime import Hub
from hub.services import models
from hub.storage import linkage_models, linkage_samples, people
from hub.storage.database import AsyncConnection

_KEYS = 80_000
"""Blocking keys that are read, with whoever shares them; what bounds memory."""
_ANYBODY = 40_000
_AT_ONCE = 2000
_LOWEST, _RANGE = -(2**63), 2**64


async def train(hub: Hub, model_id: str, *, seed: int = 1) -> Content:
    """The JSON of a model called `model_id`; the same for the same records and seed. Raises Invalid `too-few-records`."""
    async with hub.database.read() as connection:
        present = (await models.in_force(hub, connection)).epoch
        base = orjson.loads(await linkage_models.content(connection, hub.vault, present))
        seen = await _seen(hub, connection, seed)
    return fitting.fit(seen, hub.vault.blocking_secret, base, model_id, seed)


async def _seen(hub: Hub, connection: AsyncConnection, seed: int) -> Seen:
    records, keys = await linkage_samples.sizes(connection)
    if records < 2:
        raise Invalid("too-few-records", "There are not two records to train on.")
    share = min(1.0, _KEYS / max(keys, 1))
    width = int(share * _RANGE)
    low = _LOWEST + random.Random(seed).randrange(_RANGE - width + 1)  # noqa: S311 - a sample, not a secret
    blocks = await linkage_samples.blocks_between(connection, low, low + width - 1, hub.settings.block_limit)
    anybody = await linkage_samples.anybody(connection, _ANYBODY, seed)
    ids = sorted({*anybody, *(id_ for holders in blocks.values() for id_ in holders)})
    known = await _features(hub, connection, ids)
    place = {id_: at for at, id_ in enumerate(known)}
    return Seen(
        features=list(known.values()),
        blocks={key: [place[id_] for id_ in holders] for key, holders in blocks.items()},
        share=share,
        anybody=[place[id_] for id_ in anybody],
        population=records,
    )


async def _features(hub: Hub, connection: AsyncConnection, ids: Collection[int]) -> dict[int, Features]:
    listed, found = list(ids), {}
    for start in range(0, len(listed), _AT_ONCE):
        some = await people.features(connection, hub.vault, listed[start : start + _AT_ONCE])
        found.update({id_: Features.from_bytes(data) for id_, data in some.items()})
    return found
