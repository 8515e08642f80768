"""Registers whose sources hold each person once at most: two records of one source are two people.

Then a record of one source has one counterpart in another at most, and where nearly all have one, a lone candidate says
more than its pair does by itself. Source: Sadinle 2017, Bayesian estimation of bipartite matchings (its one-to-one odds).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.linkage import constraints, score
from hub.linkage.columns import Places
from hub.linkage.engines.candidates import Candidates
from hub.linkage.engines.distinct import distinct
from hub.linkage.engines.register import Register
from hub.linkage.engines.scoring import Scored
from hub.linkage.model import Floats, Model

Sources = npt.NDArray[np.uint64]
"""For each record the number of its source; 0 where it names none."""
_ROUNDS = 20
_MOST = 500.0


def read(register: Register) -> Sources:
    texts = register.cells.column("source")
    _, at, of = distinct(register.cells.hashes("source"))
    named = texts.at(at).strings()
    ranks = {name: rank for rank, name in enumerate(sorted({*named, ""}))}
    return np.array([ranks[name] for name in named], dtype=np.uint64)[of]


def apart(found: Candidates, sources: Sources) -> Candidates:
    """The candidates that are not of one source."""
    keep = (sources[found.left] != sources[found.right]) | (sources[found.left] == 0)
    return Candidates(found.left[keep], found.right[keep], found.coverage)


def vetoes(scored: Scored) -> npt.NDArray[np.uint8]:
    """The vetoes without that of a generation between: a parent of the same name would have a counterpart of his own."""
    kept = np.uint8(0xFF ^ constraints.bits((constraints.GENERATIONS,)))
    return scored.vetoes & kept


def weights(scored: Scored, sources: Sources, model: Model) -> Floats:
    """The pairs' weights when each record has one counterpart in another source at most, in bits.

    Seen from either end, and believed where it is the lesser: the odds of this pair against every other candidate there
    and against no counterpart at all. How many records have one is learnt from the pairs themselves.
    """
    if not len(scored.weight):
        return scored.weight
    likelier = np.tile(np.exp2(np.minimum(scored.weight - score.start(model), _MOST)), 2)
    ends = _Ends.of(scored, sources)
    having, found = np.full(len(likelier), 0.5), scored.weight
    for _ in range(_ROUNDS):
        found = np.log2(ends.odds(likelier, having).reshape(2, -1).min(axis=0))
        having = ends.having(1 / (1 + np.exp2(-found)))
    return found


@dataclass(frozen=True, slots=True)
class _Ends:
    """Both ends of all pairs, the left ones first: which of them compete for a record, which belong to the same two
    sources, and how many records the end's own source and the other one have.
    """

    record: Places
    sides: Places
    own: Places
    other: Places

    @classmethod
    def of(cls, scored: Scored, sources: Sources) -> "_Ends":
        sources = sources.astype(np.intp)
        size = np.bincount(sources)
        here, there = np.concatenate([scored.left, scored.right]), np.concatenate([scored.right, scored.left])
        of, to = sources[here], sources[there]
        record = np.unique(here * len(size) + to, return_inverse=True)[1]
        sides = np.unique(of * len(size) + to, return_inverse=True)[1]
        return cls(record, sides, size[of], size[to])

    def odds(self, likelier: Floats, having: Floats) -> Floats:
        """`having` is the share of an end's source that has a counterpart in the other."""
        each = having / self.other * likelier
        rivals = np.bincount(self.record, weights=each)[self.record] - each
        found: Floats = each / (1 - having + np.maximum(rivals, 0))
        return found

    def having(self, chance: Floats) -> Floats:
        """No more than a source of this size can show: one record may always be without."""
        expected = np.bincount(self.sides, weights=np.tile(chance, 2))[self.sides]
        found: Floats = np.minimum(expected + 1, self.own + 1) / (self.own + 2)
        return found
