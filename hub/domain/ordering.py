"""Which conflict comes first: how unsettled it is × what harm a wrong link does × what waits for the person.

The three factors are kept with the result, so that the queue can say why something is first. No factor is ever zero:
nothing waits for ever.
"""

from dataclasses import dataclass
from math import log2
from typing import Any, Final

from hub.domain.risks import SHARED_ID

NEW_EVIDENCE: Final = "new-evidence"
AUDIT_SAMPLE: Final = "audit-sample"
"""Somebody who judged a sample held two records of one person for two."""
SOURCE_MERGE: Final = "source-merge"
"""A source replaced a record by another, which brought together records that look like two people's."""
SOURCE_DISAGREES: Final = "source-disagrees"
"""A source said of its records that they are one person, against a decision, before it could be told so."""
_LEAST: Final = 0.1
_VETOED: Final = 0.5
_HARM: Final = {"linked-now": 3.0, SHARED_ID: 2.0, "veto": 1.0, "papers": 1.0, "many-records": 0.5}
_WAITS: Final = {"notices": 1.0, "certificates": 1.0, "deliveries": 0.5}
_MOST_WAITING: Final = 3.0
_THOUSANDTHS: Final = 1000
PLAIN: Final = ("uncertain", "contradiction")
"""Reasons that are no contradiction inside the evidence itself."""


@dataclass(frozen=True, slots=True)
class Stakes:
    """What is known of a conflict. `weight` is in bits; `together`: are the two one person now?

    `papers` counts certificates and sealed reports; the last three, what of the exchange waits for the persons.
    """

    weight: float
    reason: str
    together: bool = False
    papers: int = 0
    many_records: bool = False
    deliveries: int = 0
    notices: int = 0
    certificates: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """The place in the queue (higher is earlier) and its three factors; `harms` and `waits` name what they come from."""

    priority: int
    uncertainty: float
    harm: float
    pending: float
    harms: tuple[str, ...]
    waits: bool

    @property
    def why(self) -> dict[str, Any]:
        """To be kept with the conflict."""
        return {
            "uncertainty": round(self.uncertainty, 3),
            "harm": round(self.harm, 3),
            "pending": round(self.pending, 3),
            "harms": list(self.harms),
            "waits": self.waits,
        }


def of(stakes: Stakes) -> Order:
    """The order of a conflict."""
    uncertainty = max(_entropy(stakes.weight), _LEAST if stakes.reason in PLAIN else _VETOED)
    harms = _harms(stakes)
    harm = 1.0 + sum(_HARM[name] for name in harms)
    waiting = sum(share * getattr(stakes, name) for name, share in _WAITS.items())
    pending = 1.0 + min(waiting, _MOST_WAITING)
    priority = round(_THOUSANDTHS * uncertainty * harm * pending)
    return Order(priority, uncertainty, harm, pending, harms, waiting > 0)


def _entropy(weight: float) -> float:
    """In bits, of "is it one person?": 1 where it is even, next to 0 where it is plain."""
    chance = 1 / (1 + 2 ** -max(min(weight, 60.0), -60.0))
    return sum(-share * log2(share) for share in (chance, 1 - chance) if share > 0)


def _harms(stakes: Stakes) -> tuple[str, ...]:
    found = {
        "linked-now": stakes.together,
        SHARED_ID: stakes.reason == SHARED_ID,
        "veto": stakes.reason not in (*PLAIN, NEW_EVIDENCE, AUDIT_SAMPLE, SOURCE_DISAGREES, SHARED_ID),
        "papers": stakes.papers > 0,
        "many-records": stakes.many_records,
    }
    return tuple(name for name, holds in found.items() if holds)
