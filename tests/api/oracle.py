"""Who may do what under /fhir, written down once more and from the documents alone: what the deny matrix expects.

Nothing of the hub's own tables is used here (docs/access.md, docs/fhir.md, docs/feeding.md, decisions 0013, 0018
and 0024).
"""

from dataclasses import dataclass
from typing import Final, Literal

Role = Literal[
    "owner", "partner", "stranger", "suspended", "expired", "elsewhere", "forged", "nobody",
    "steward", "supervisor", "administrator", "auditor",
]  # fmt: skip
Interaction = Literal[
    "create", "create-unless", "read", "vread", "history", "update", "delete", "search", "search-form",
    "transaction-create", "transaction-update", "transaction-delete", "batch-read", "merge", "status", "events",
]  # fmt: skip
Target = Literal["own", "foreign", "missing"]

MEMBERS: Final = ("owner", "partner", "stranger")
NOT_BELIEVED: Final = ("suspended", "expired", "elsewhere", "forged", "nobody")
PEOPLE: Final = ("steward", "supervisor", "administrator", "auditor")
DECIDE: Final = ("steward", "supervisor")
"""Of the people those who may have a token at all."""

LETTERS: Final[dict[Interaction, str]] = {
    "create": "c",
    "create-unless": "cs",
    "read": "r",
    "vread": "r",
    "history": "r",
    "update": "u",
    "delete": "d",
    "search": "s",
    "search-form": "s",
    "transaction-create": "c",
    "transaction-update": "u",
    "transaction-delete": "d",
    "batch-read": "r",
    "status": "r",
    "events": "r",
}
SUBSCRIBE: Final = ("create", "create-unless", "update", "transaction-create", "transaction-update")
ASK: Final = ("status", "events")
"""Operations of a Subscription."""
AGREED: Final = "continuity-of-care"
"""The purpose for which the owner shows its people to the partner; for no other, and nobody else's to anybody."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One cell: `letters` are those that the token opens of the type, None is all of everything; `purposes` likewise."""

    role: Role
    type: str
    interaction: Interaction
    target: Target
    letters: frozenset[str] | None
    purpose: str
    purposes: frozenset[str]


def status(asked: Asked) -> int:
    """The answer; of a batch the one of its entry. A search that finds nothing is 404 here."""
    if asked.role in NOT_BELIEVED:
        return 401
    if asked.interaction == "merge":
        if asked.role in DECIDE:
            return 400  # it is let in, and told that nobody is named
        return 403 if asked.role in MEMBERS else 401
    if asked.role in PEOPLE:
        return 401
    if asked.letters is not None:
        if asked.purpose and asked.purpose not in asked.purposes:
            return 403
        if not set(LETTERS[asked.interaction]) <= asked.letters:
            return 403
        if asked.type == "Subscription" and asked.interaction in SUBSCRIBE:
            return 403  # it tells of everything, and the token opens one type
    return _once_open(asked)


def _once_open(asked: Asked) -> int:
    if asked.interaction in ("create", "create-unless"):
        return 201
    if asked.interaction == "transaction-create":
        return 200
    if asked.target == "own":
        return 204 if asked.interaction == "delete" else 200
    if asked.target == "foreign" and _is_shown(asked):
        return 200
    return 404


def _is_shown(asked: Asked) -> bool:
    """Does an agreement show another member's person? Only as she is now, in the fewest fields."""
    looks = asked.interaction in ("read", "search", "search-form")
    return asked.role == "partner" and asked.type == "Patient" and looks and asked.purpose == AGREED
