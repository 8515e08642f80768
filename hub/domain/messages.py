"""The life of a message: its states and which may follow which (WIRE.md, Acknowledgements)."""

from enum import StrEnum

PART_BYTES = 2**20
"""Documents are stored in parts of this size, the last of them shorter."""


class State(StrEnum):
    """States of a submission and of what it delivers."""

    ACCEPTED = "ACCEPTED"
    VALIDATED = "VALIDATED"
    REJECTED = "REJECTED"
    QUEUED = "QUEUED"
    AVAILABLE = "AVAILABLE"
    PUSHED = "PUSHED"
    RECEIVED = "RECEIVED"
    PROCESSED = "PROCESSED"
    BUSINESS_ERROR = "BUSINESS_ERROR"
    MANUAL_REVIEW = "MANUAL_REVIEW"
    SUPERSEDED = "SUPERSEDED"
    VOIDED = "VOIDED"
    EXPIRING = "EXPIRING"
    EXPIRED = "EXPIRED"
    DEAD = "DEAD"


IN_HAND = frozenset({State.RECEIVED, State.PROCESSED, State.BUSINESS_ERROR})
"""The recipient has it, whatever it made of it: nothing that comes later takes it back."""

FINAL = frozenset(
    {
        State.REJECTED,
        State.PROCESSED,
        State.BUSINESS_ERROR,
        State.SUPERSEDED,
        State.VOIDED,
        State.EXPIRED,
        State.DEAD,
    }
)

_NEXT: dict[State, frozenset[State]] = {
    State.ACCEPTED: frozenset({State.VALIDATED, State.REJECTED, State.PROCESSED, State.BUSINESS_ERROR, State.DEAD}),
    State.VALIDATED: frozenset(
        {State.QUEUED, State.REJECTED, State.PROCESSED, State.BUSINESS_ERROR, State.MANUAL_REVIEW, State.DEAD}
    ),
    State.QUEUED: frozenset({State.AVAILABLE, State.VOIDED, State.DEAD}),
    State.AVAILABLE: frozenset(
        {
            State.PUSHED,
            State.RECEIVED,
            State.PROCESSED,
            State.BUSINESS_ERROR,
            State.VOIDED,
            State.SUPERSEDED,
            State.EXPIRING,
            State.EXPIRED,
            State.DEAD,
        }
    ),
    State.PUSHED: frozenset({State.RECEIVED, State.VOIDED, State.EXPIRING, State.DEAD}),
    State.EXPIRING: frozenset(
        {
            State.RECEIVED,
            State.PROCESSED,
            State.BUSINESS_ERROR,
            State.VOIDED,
            State.SUPERSEDED,
            State.EXPIRED,
            State.DEAD,
        }
    ),
    State.RECEIVED: frozenset({State.PROCESSED, State.BUSINESS_ERROR, State.EXPIRED, State.VOIDED}),
    State.MANUAL_REVIEW: frozenset({State.QUEUED, State.REJECTED, State.VOIDED}),
    # A mapping fix releases quarantined rows; the document they came in is then processed anew.
    State.BUSINESS_ERROR: frozenset({State.PROCESSED}),
    State.PROCESSED: frozenset({State.PROCESSED}),
    State.DEAD: frozenset({State.ACCEPTED}),
}


def may_follow(current: State, following: State) -> bool:
    """Is the step allowed? A final state has no successor but the one a replay gives, or another try of what was given up."""
    return following in _NEXT.get(current, frozenset())


def before(state: State) -> frozenset[State]:
    """The states that `state` may follow."""
    return frozenset(earlier for earlier in State if may_follow(earlier, state))
