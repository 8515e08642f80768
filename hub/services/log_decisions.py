"""Do the decisions in the database say what the log says of them? Pure.

Each decision is written together with a leaf that names its event. Whoever can only write to the database can change,
remove or add the event, and with it who is one person, but not the leaf.
"""

from collections.abc import Mapping
from typing import Any, Final

from hub.storage.decisions import Decision

_VERDICTS: Final = {"same": "MUST_LINK", "different": "CANNOT_LINK", "defer": "DEFER"}
_KINDS: Final = {
    "propose": "PROPOSE",
    "undo": "RETRACT",
    "sent-back": "DECLINE",
    "proposal-withdrawn": "DECLINE",
    "proposal-lapsed": "LAPSE",
    "source-merge": "SOURCE_MERGE",
    "source-unmerge": "SOURCE_UNMERGE",
}
ACTS: Final = frozenset({"decide", "approve", *_KINDS})
"""Acts whose leaf names one event."""


def agrees(act: str, actor: str, said: Mapping[str, Any], event: Decision | None, pair: tuple[int, int] | None) -> bool:
    """Is the event the one that a leaf of `act` by `actor` with the content `said` was written with?

    `pair` are the records of the conflict that the leaf names, as far as it names one.
    """
    if event is None:
        return False
    kind = _KINDS.get(act) or _VERDICTS.get(said["verdict"], "")
    proposer, approver = (said["proposed_by"], actor) if act == "approve" else (actor, None)
    return (
        (event.kind, event.actor, event.approver) == (kind, proposer, approver)
        and said.get("reason", event.reason) == event.reason
        and said.get("undone", said.get("proposal", event.supersedes)) == event.supersedes
        and pair in (None, (event.a, event.b))
        and (act != "propose" or event.evidence.get("verdict") == said["verdict"])
        and ("loser" not in said or {event.a, event.b} == {said["loser"], said["survivor"]})
    )
