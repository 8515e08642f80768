"""Trains a linkage model on the hub's own records: a sample of them, in memory only, and nothing of them on disk.

The model begins from the one in force. Of names and birth dates its tables tell those that several records share. What
people decided corrects what was counted, where that is asked for (decision 0016).
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from hub.errors import Invalid
from hub.linkage import fitting, learning
from hub.linkage.columns import Extracted, Pairs
from hub.linkage.engines.model_files import Content
from hub.linkage.features import Features
from hub.linkage.fitting import Seen
from hub.runtime import Hub
from hub.services import labels, models
from hub.storage import linkage_models, linkage_samples, people
from hub.storage.database import AsyncConnection

_KEYS = 80_000
"""Blocking keys that are read, with whoever shares them; what bounds memory."""
_ANYBODY = 40_000
_AT_ONCE = 2000
_LOWEST, _RANGE = -(2**63), 2**64
_MOST_LABELS = 50_000
_FEWEST_LABELS = 10
"""Pairs of either kind below which nothing can be learnt."""


@dataclass(frozen=True, slots=True)
class _Taught:
    """Pairs of places among `features`, and whether each is one person."""

    features: Sequence[Features]
    left: Sequence[int]
    right: Sequence[int]
    same: Sequence[bool]


async def train(hub: Hub, model_id: str, *, seed: int = 1, decisions: bool = False) -> Content:
    """The JSON of a model called `model_id`, which also learns from `decisions`; the same for the same records and seed.

    Raises Invalid `too-few-records`, `labels-too-few`.
    """
    async with hub.database.read() as connection:
        taught = await _decided(hub, connection) if decisions else None
        present = (await models.in_force(hub, connection)).epoch
        base = orjson.loads(await linkage_models.content(connection, hub.vault, present))
        seen = await _seen(hub, connection, seed)
    content = fitting.fit(seen, hub.vault.blocking_secret, base, model_id, seed)
    if taught is None:
        return content
    left, right = [np.array(places, dtype=np.intp) for places in (taught.left, taught.right)]
    return learning.taught(content, Pairs.of(Extracted.of(taught.features), left, right), np.array(taught.same))


async def _decided(hub: Hub, connection: AsyncConnection) -> _Taught:
    """Decisions in force and sure judgements of samples about live records. Raises Invalid `labels-too-few`."""
    found = await labels.known(connection, _MOST_LABELS)
    known = await _features(hub, connection, {id_ for label in found for id_ in (label.a, label.b)})
    live = [one for one in found if all(id_ in known and known[id_].number("live") for id_ in (one.a, one.b))]
    number = sum(label.same for label in live)
    if min(number, len(live) - number) < _FEWEST_LABELS:
        raise Invalid(
            "labels-too-few",
            f"To learn from decisions takes {_FEWEST_LABELS} pairs or more of one person and as many of two people; "
            f"there are {number} and {len(live) - number}.",
        )
    place = {id_: at for at, id_ in enumerate(known)}
    return _Taught(
        features=list(known.values()),
        left=[place[label.a] for label in live],
        right=[place[label.b] for label in live],
        same=[label.same for label in live],
    )


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
