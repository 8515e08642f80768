"""What a verdict about a pair rests on at this moment: the comparison, its vetoes, and what hangs on the two persons."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hub.domain import risks
from hub.domain.risks import Facts, Risk, Verdict
from hub.linkage import changes, score
from hub.linkage.features import Features
from hub.linkage.model import Model
from hub.linkage.score import PairScore
from hub.runtime import Hub
from hub.services import models
from hub.services.source_records import Sides, few, subjects
from hub.storage import members, people, stakes
from hub.storage.database import AsyncConnection


@dataclass(frozen=True)
class Weighed:
    """A pair as it compares now. `a` and `b` are the features of its records, `model` the one in force."""

    a: Features
    b: Features
    score: PairScore
    facts: Facts
    model: Model
    sides: Sides
    most_records: int

    @cached_property
    def levels(self) -> dict[str, str]:
        """Each field's level by name."""
        return changes.named(self.score.levels)

    def risks(self, verdict: Verdict) -> tuple[Risk, ...]:
        """Why `verdict` would need a second person."""
        return risks.of(verdict, self.facts, most_records=self.most_records)

    @property
    def basis(self) -> dict[str, Any]:
        """All that must still hold for a proposal to be approved: record versions, comparison, persons, papers."""
        return {
            "versions": [self.sides.a[0].version, self.sides.b[0].version],
            "levels": self.levels,
            "weight": round(self.score.weight, 3),
            "vetoes": sorted({*self.score.vetoes, *self.facts.clashes}),
            "model": self.model.hash[:16],
            "records": [sorted(record.id for record in side) for side in (self.sides.a, self.sides.b)],
            "papers": [self.facts.certificates, self.facts.sealed],
        }


async def weigh(hub: Hub, connection: AsyncConnection, sides: Sides) -> Weighed:
    """The pair at the head of `sides`, compared anew."""
    a, b = sides.a[0], sides.b[0]
    known = await people.features(connection, hub.vault, (a.id, b.id))
    first, second = Features.from_bytes(known[a.id]), Features.from_bytes(known[b.id])
    model = (await models.in_force(hub, connection)).model
    unique = await members.unique_sources(connection)
    (found,) = score.score_pairs(model, [(first, second)], unique_sources=unique)
    papers = await stakes.papers(connection, subjects(hub, few(sides)))
    facts = Facts(
        vetoes=found.vetoes,
        together=sides.together,
        records=(len(sides.a), len(sides.b)),
        certificates=papers.certificates,
        sealed=papers.sealed,
        clashes=await _clashes(connection, sides),
    )
    most = hub.settings.four_eyes_records
    return Weighed(first, second, found, facts, model, sides, most)


async def _clashes(connection: AsyncConnection, sides: Sides) -> tuple[str, ...]:
    """The vetoes between the two persons: joined by whichever of their records, they are outvoted."""
    if sides.together:
        return ()
    a, b = ({record.id for record in side} for side in (sides.a, sides.b))
    pairs = await people.pairs_touching(connection, sorted(a if len(a) < len(b) else b))
    between = [pair for pair in pairs if (pair.a in a and pair.b in b) or (pair.a in b and pair.b in a)]
    return tuple(sorted({veto for pair in between for veto in pair.vetoes}))
