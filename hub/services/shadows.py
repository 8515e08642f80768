"""Scores everybody under a proposed model beside the one in force: in batches, while records arrive, resumable.

From the moment it is proposed every arrival is scored under it too, in its own transaction; what was there before is
scored here, with the cursor in the transaction that scored it. A crash repeats nothing and forgets nothing.
"""

from collections.abc import Callable
from dataclasses import replace

import orjson

from hub.errors import Conflict, NotFound
from hub.linkage.engines import model_files
from hub.linkage.engines.model_files import Content
from hub.runtime import Hub
from hub.services import approval, linking, models
from hub.storage import audit, linkage_models, people
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.linkage_models import FORMER, IN_FORCE, RETIRED, SHADOW, Epoch

_BATCH = 500
Progress = Callable[[int, int], None]


async def propose(hub: Hub, content: Content, by: str) -> Epoch:
    """Begin the shadow epoch of a model, or go on with it. Raises Invalid, NotAllowed, Conflict."""
    model = model_files.parsed(content)
    now = hub.now()
    async with approval.noted(hub, "model", by, model=model.hash), hub.database.begin() as connection:
        who = await approval.staff(hub, connection, by)
        begun = _standing_of(model.hash, await linkage_models.kept(connection))
        if begun is None:
            await linkage_models.hold_alone(connection)  # who is at work does not know of the shadow yet
            begun = _standing_of(model.hash, await linkage_models.kept(connection))
        if begun is None:
            begun = await linkage_models.add(
                connection,
                hub.vault,
                hash_=model.hash,
                content=orjson.dumps(content),
                state=SHADOW,
                proposed_by=who,
                now=now,
            )
            said = {"epoch": begun.id, "model": model.hash, "name": model.id}
            await audit.append(connection, hub.vault, [Act("propose-model", who, said, now)])
    return begun


def _standing_of(hash_: str, kept: dict[str, Epoch]) -> Epoch | None:
    """The shadow that the model is already; None when it can be begun. Raises Conflict."""
    if IN_FORCE in kept and kept[IN_FORCE].hash == hash_:
        raise Conflict("already-in-force", "This model is in force; nothing is to be changed.")
    if FORMER in kept and kept[FORMER].hash == hash_:
        raise Conflict("is-former", "This is the former model, whose scores are kept: use `hub linkage roll-back`.")
    shadow = kept.get(SHADOW)
    if shadow is not None and shadow.hash != hash_:
        raise Conflict(
            "another-shadow",
            f"Another model (epoch {shadow.id}, proposed by {shadow.proposed_by}) is being previewed; apply it, or drop "
            "it with `hub linkage discard`.",
        )
    return shadow


async def current(connection: AsyncConnection) -> Epoch:
    """The shadow there is. Raises NotFound."""
    found = (await linkage_models.kept(connection)).get(SHADOW)
    if found is None:
        raise NotFound("No model is being previewed; begin with `hub linkage preview FILE`.")
    return found


async def score(hub: Hub, shadow: Epoch, *, progress: Progress | None = None) -> Epoch:
    """Score who is not scored yet. Raises Conflict `lease-lost` when another process does that, or it was dropped."""
    while not shadow.is_whole:
        shadow = await _step(hub, shadow)
        if progress is not None:
            progress(shadow.cursor, shadow.last_record)
    return shadow


async def _step(hub: Hub, shadow: Epoch) -> Epoch:
    """Score the next records in one transaction."""
    async with hub.database.begin() as connection:
        await linkage_models.hold(connection)
        if not await linkage_models.lock_cursor(connection, shadow):
            raise Conflict(
                "lease-lost", "Another process goes on with this preview, or it was dropped.", retry="NORMAL"
            )
        ids = await people.records_behind(connection, shadow.cursor, shadow.last_record, _BATCH)
        if ids:
            await linking.score_for(hub, connection, await models.scorer(hub, connection, shadow), ids)
        cursor = ids[-1] if ids else shadow.last_record
        await linkage_models.advance(connection, shadow, cursor)
        return replace(shadow, cursor=cursor)


async def discard(hub: Hub, by: str) -> Epoch:
    """Drop the shadow; its scores go with the next retention. Raises NotFound, NotAllowed."""
    async with approval.noted(hub, "discard-model", by), hub.database.begin() as connection:
        await linkage_models.hold_alone(connection)
        who = await approval.staff(hub, connection, by)
        shadow = await current(connection)
        await retire(hub, connection, shadow, who)
        return shadow


async def retire(hub: Hub, connection: AsyncConnection, epoch: Epoch, by: str) -> None:
    """Keep no more scores of a model; the models are held alone."""
    now = hub.now()
    await linkage_models.change(connection, epoch, state=RETIRED, state_at=now)
    content = {"epoch": epoch.id, "model": epoch.hash, "was": epoch.state}
    await audit.append(connection, hub.vault, [Act("retire-model", by, content, now)])
