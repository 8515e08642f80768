"""The Provenance of a merge and of its undoing, made of the decision that was written. Pure. FHIR R4, Provenance."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

USER: Final = "urn:lianqiao:user"
_LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_REASONS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_PARTICIPANTS: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def provenance(
    seq: int,
    targets: Sequence[str],
    activity: Literal["merge", "unmerge"],
    who: str,
    display: str,
    reason: str,
    at: datetime,
) -> dict[str, Any]:
    """Who (an account's name) merged or parted the Patients `targets`, by which event, why and when."""
    return {
        "resourceType": "Provenance",
        "id": f"decision-{seq}",
        "target": [{"reference": f"Patient/{id_}"} for id_ in targets],
        "recorded": at.isoformat(timespec="milliseconds"),
        "reason": [{"coding": [{"system": _REASONS, "code": "PATADMIN"}], "text": reason}],
        "activity": {"coding": [{"system": _LIFECYCLE, "code": activity}]},
        "agent": [
            {
                "type": {"coding": [{"system": _PARTICIPANTS, "code": "author"}]},
                "who": {"identifier": {"system": USER, "value": who}, "display": display},
            }
        ],
    }
