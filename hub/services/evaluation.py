"""How a linkage model judges pairs about which people have decided, beside the model in force.

Stewards decide about pairs that a model found doubtful: how right it is where nobody was asked, they do not tell.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hub.errors import Invalid
from hub.linkage import score
from hub.linkage.engines import model_files
from hub.linkage.engines.model_files import Content
from hub.linkage.features import Features
from hub.linkage.model import Model
from hub.linkage.quality import Proportion, Quality
from hub.linkage.score import Decision
from hub.runtime import Hub
from hub.services import models
from hub.services.blinds import IDENTIFIER
from hub.storage import linkage_samples, members, people, standing
from hub.storage.database import AsyncConnection
from mappings.vocabulary import record_system

_AT_ONCE = 2000
MOST_LABELS = 200_000


class Label(NamedTuple):
    """Two records, each by (region, its record id), and whether they are one person."""

    left: tuple[str, str]
    right: tuple[str, str]
    same: bool


class _Known(NamedTuple):
    a: int
    b: int
    same: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """How often a model came to each decision about pairs that are one person, and that are two."""

    name: str
    same: Mapping[Decision, int]
    different: Mapping[Decision, int]

    def quality(self, *decisions: Decision) -> Quality:
        """Were the model's `decisions` taken for "one person"."""
        hits, wrong = (sum(counts[one] for one in decisions) for counts in (self.same, self.different))
        return Quality(Proportion(hits, hits + wrong), Proportion(hits, sum(self.same.values())))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Both models on the same pairs; `unknown` are labels of records that the hub does not have."""

    present: Judged
    coming: Judged
    pairs: int
    unknown: int


async def evaluate(hub: Hub, content: Content, labels: Sequence[Label] | None = None) -> Evaluation:
    """Judge by `labels`, or else by the decisions of people in force. Raises Invalid."""
    coming = model_files.parsed(content)
    async with hub.database.read() as connection:
        present = (await models.in_force(hub, connection)).model
        known = await _decided(connection) if labels is None else await _found(hub, connection, labels)
        if not known:
            raise Invalid("no-labels", "There is no pair to judge by: nobody has decided yet, or no record is known.")
        counts = await _counts(hub, connection, (present, coming), known)
    judged = [Judged(model.id, *counted) for model, counted in zip((present, coming), counts, strict=True)]
    return Evaluation(judged[0], judged[1], len(known), len(labels) - len(known) if labels else 0)


async def _decided(connection: AsyncConnection) -> list[_Known]:
    """Pairs about which a decision is in force."""
    found = []
    for kind in ("MUST", "CANNOT"):
        found += [_Known(a, b, kind == "MUST") for a, b in zip(*await standing.decided(connection, kind), strict=True)]
    return found


async def _found(hub: Hub, connection: AsyncConnection, labels: Sequence[Label]) -> list[_Known]:
    """The labels whose records the hub has."""
    if len(labels) > MOST_LABELS:
        raise Invalid("too-many-labels", f"At most {MOST_LABELS:,} pairs at once.")
    blinds = {who: hub.vault.blind(IDENTIFIER, record_system(who[0]), who[1]) for label in labels for who in label[:2]}
    ids = await linkage_samples.records_known_as(connection, set(blinds.values()))
    pairs = [(ids.get(blinds[label.left]), ids.get(blinds[label.right]), label.same) for label in labels]
    return [_Known(a, b, same) for a, b, same in pairs if a is not None and b is not None and a != b]


async def _counts(
    hub: Hub, connection: AsyncConnection, judges: Sequence[Model], known: Sequence[_Known]
) -> list[tuple[Counter[Decision], Counter[Decision]]]:
    """For each model how often it came to each decision, about pairs of one person and about others."""
    counts: list[tuple[Counter[Decision], Counter[Decision]]] = [(Counter(), Counter()) for _ in judges]
    unique = await members.unique_sources(connection)
    for start in range(0, len(known), _AT_ONCE):
        part = known[start : start + _AT_ONCE]
        stored = await people.features(connection, hub.vault, {id_ for one in part for id_ in one[:2]})
        place = {id_: at for at, id_ in enumerate(stored)}
        features = [Features.from_bytes(data) for data in stored.values()]
        left, right = [np.array([place[one[end]] for one in part], dtype=np.intp) for end in (0, 1)]
        scores = score.score_under(judges, features, left, right, unique_sources=unique)
        for (same, different), found in zip(counts, scores, strict=True):
            for one, decision in zip(part, found.decision.tolist(), strict=True):
                (same if one.same else different)[score.DECISIONS[decision]] += 1
    return counts
