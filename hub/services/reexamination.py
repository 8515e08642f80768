"""Decisions looked at again when a record changes (再核查再清理): what new evidence calls into question becomes a task.

The decision stays in force until somebody decides. When the evidence turns back, the task is closed as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from hub.domain.ordering import NEW_EVIDENCE
from hub.linkage import changes, score
from hub.linkage.changes import Decided
from hub.linkage.features import Features
from hub.linkage.model import Model
from hub.linkage.score import PairScore
from hub.runtime import Hub
from hub.services import models
from hub.storage import audit, decisions, members, people, review_reopenings
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.decisions import Decision


@dataclass(frozen=True, slots=True)
class LookedAgain:
    """How many decisions were held against today's evidence, and of how many a task was opened."""

    examined: int
    reopened: int


async def look_again(hub: Hub, connection: AsyncConnection, ids: Sequence[int], now: datetime) -> LookedAgain:
    """Hold the decisions in force about the records `ids` against how their pairs compare now."""
    found = [d for d in await decisions.in_force(connection, ids) if "levels" in d.evidence]
    if not found:
        return LookedAgain(0, 0)
    infos = await people.info(connection, {id_ for d in found for id_ in (d.a, d.b)})
    live = [d for d in found if all(id_ in infos and infos[id_].live for id_ in (d.a, d.b))]
    gone = [d for d in found if d not in live]
    model = (await models.in_force(hub, connection)).model
    scores = await _compare(hub, connection, model, live)
    turned = [(d, s) for d, s in zip(live, scores, strict=True) if _turned(model, d, s)]
    asked = {d.seq for d, _ in turned}
    kept = [d for d in live if d.seq not in asked]
    member_of = {id_: info.member_id for id_, info in infos.items()}
    opened = await review_reopenings.reopen(
        connection,
        [(d.a, d.b, d.seq, s.weight, (member_of[d.a], member_of[d.b])) for d, s in turned],
        reason=NEW_EVIDENCE,
        now=now,
    )
    closed = await review_reopenings.close_again(connection, [*kept, *gone])
    noted = [("reopen", task, seq) for task, seq in opened] + [("close-again", task, seq) for task, seq in closed]
    acts = [Act(act, "hub", {"task": str(task), "decision": seq}, now) for act, task, seq in noted]
    await audit.append(connection, hub.vault, acts)
    return LookedAgain(len(live), len(opened))


async def _compare(hub: Hub, connection: AsyncConnection, model: Model, found: Sequence[Decision]) -> list[PairScore]:
    stored = await people.features(connection, hub.vault, {id_ for d in found for id_ in (d.a, d.b)})
    known = {id_: Features.from_bytes(data) for id_, data in stored.items()}
    unique = await members.unique_sources(connection)
    return score.score_pairs(model, [(known[d.a], known[d.b]) for d in found], unique_sources=unique)


def _turned(model: Model, decision: Decision, found: PairScore) -> bool:
    return changes.is_material(
        cast(Decided, decision.kind),
        changes.between(model, decision.evidence["levels"], changes.named(found.levels)),
        vetoes_before=decision.evidence["vetoes"],
        vetoes_after=found.vetoes,
    )
