"""POST /fhir/Patient/$merge: a steward decides that two records are one person; $undo-merge takes it back, as HAPI's name does.

With `preview` it is told exactly what would change, and nothing is written; `seen` of that answer makes the merge refuse
to change anything else. No record is changed: `result-patient` may only say what the target says already.
https://build.fhir.org/patient-operation-merge.html
"""

from typing import Any, Final, Literal
from uuid import UUID

from starlette.responses import Response

from hub.api.fhir.interactions import Interaction, answer
from hub.api.fhir.stewards import StewardCall, by_steward
from hub.errors import Invalid
from hub.fhir import fed, parameters, provenance, validate
from hub.fhir.capability import Ability
from hub.fhir.parameters import Parameters
from hub.services.identity import merging, person_views
from hub.services.identity.foreseeing import Foreseen
from hub.services.identity.merging import Asked, Merged
from hub.services.identity.steward_acts import Named

_SIDES: Final = ("source-patient", "source-patient-identifier", "target-patient", "target-patient-identifier")
_KNOWN: Final = (*_SIDES, "result-patient", "preview", "reason", "seen")
_HAPI: Final = "http://hapifhir.io/fhir/OperationDefinition"
_HL7: Final = "http://hl7.org/fhir/OperationDefinition/Patient-merge"
Doing = Literal["merge", "unmerge"]


async def merge(call: StewardCall) -> Response:
    """200 with what was done, 202 where it waits for a second person."""
    given = await call.parameters(*_KNOWN)
    asked = _asked(given)
    result = given.resource("result-patient")
    if given.flag("preview") or result is not None:
        found = await merging.preview(call.hub, call.user, asked)
        _check_result(result, found)
        if given.flag("preview"):
            return await _told(call, given, found, "merge")
    return await _told(call, given, await merging.merge(call.hub, call.user, asked), "merge")


async def undo(call: StewardCall) -> Response:
    """200 with what was done."""
    given = await call.parameters(*(name for name in _KNOWN if name != "result-patient"))
    act = merging.preview(call.hub, call.user, _asked(given), undo=True) if given.flag("preview") else None
    found = await act if act is not None else await merging.undo(call.hub, call.user, _asked(given))
    return await _told(call, given, found, "unmerge")


def _asked(given: Parameters) -> Asked:
    return Asked(
        source=_named(given, "source-patient"),
        target=_named(given, "target-patient"),
        reason=given.text("reason") or merging.REASON,
        seen=given.text("seen"),
    )


def _named(given: Parameters, name: str) -> Named:
    reference, identifiers = given.reference(name), given.identifiers(f"{name}-identifier")
    if reference is None:
        return Named(identifiers=tuple(identifiers))
    id_, version = parameters.of_patient(reference)
    try:
        return Named(UUID(id_), version, tuple(identifiers))
    except ValueError as error:
        raise Invalid("bad-request", f"{name} is a reference to a Patient of this hub.") from error


def _check_result(result: dict[str, Any] | None, found: Merged) -> None:
    """Raises Invalid where the target would have to say something that its source does not."""
    if result is None:
        return
    if result.get("resourceType") != "Patient" or validate.check(result):
        raise Invalid("invalid-resource", "result-patient is not a valid Patient. Nothing was changed.")
    kept = {name: value for name, value in found.target.patient.items() if name not in ("meta", "link")}
    said = {name: value for name, value in fed.read(result).patient.items() if name != "meta"}
    if kept != said:
        raise Invalid(
            "result-differs", "A record says what its source says: a merge changes none. Nothing was changed."
        )


async def _told(call: StewardCall, given: Parameters, found: Merged, doing: Doing) -> Response:
    async with call.hub.database.read() as connection:
        target = await person_views.record(call.hub, connection, call.user, found.target)
        source = await person_views.record(call.hub, connection, call.user, found.source)
    out: list[dict[str, Any]] = [
        {"name": "input", "resource": given.repeated()},
        {"name": "outcome", "resource": {"resourceType": "OperationOutcome", "issue": [_issue(found)]}},
        {"name": "result", "resource": target},
        {"name": "seen", "valueString": found.foreseen.seen},
        *_changes(found.foreseen),
    ]
    if found.seq is not None:
        who = (call.user.name, call.user.display)
        made = provenance.provenance(
            found.seq, (source["id"], target["id"]), doing, *who, given.text("reason") or merging.REASON, found.at
        )
        out.append({"name": "provenance", "resource": made})
    if found.state == merging.PROPOSED:
        out.append({"name": "task", "resource": _task(found)})
    return answer({"resourceType": "Parameters", "parameter": out}, 202 if found.state == merging.PROPOSED else 200)


def _issue(found: Merged) -> dict[str, Any]:
    if found.foreseen.contradiction:
        text = "This contradicts an earlier decision about records that would come together; it would be refused."
        return fed.told("contradiction", text, "error") | {"code": "conflict"}
    if found.state == "PREVIEWED":
        return fed.told("previewed", "Nothing was changed; this is what would be.")
    if found.state == merging.PROPOSED:
        return fed.told("proposed", "Nothing was changed yet: a second person has to agree.")
    return fed.told("done", "Done. It can be taken back with $undo-merge." if found.state == "CONFIRMED" else "Done.")


def _changes(foreseen: Foreseen) -> list[dict[str, Any]]:
    """The person afterwards, each record that changes its person, and what speaks against it."""
    listed: list[dict[str, Any]] = [{"name": "person", "valueReference": {"reference": f"Patient/{foreseen.person}"}}]
    for move in foreseen.moves:
        ends = (("record", move.resource_id), ("from", move.before), ("to", move.after))
        part = [
            {"name": name, "valueReference": {"reference": f"Patient/{id_}"}} for name, id_ in ends if id_ is not None
        ]
        listed.append({"name": "change", "part": part})
    listed.append({"name": "hidden-changes", "valueInteger": foreseen.hidden})
    return listed + [{"name": "clash", "valueCode": veto} for veto in foreseen.clashes]


def _task(found: Merged) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "id": str(found.task_id),
        "status": "requested",
        "intent": "proposal",
        "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "approve"}]},
    }


INTERACTIONS: Final = (
    Interaction(
        "POST", "/Patient/$merge", merge, Ability("Patient", operation=("merge", _HL7), said="By stewards."), by_steward
    ),
    Interaction(
        "POST",
        "/Patient/$undo-merge",
        undo,
        Ability("Patient", operation=("undo-merge", "urn:lianqiao:operation:undo-merge"), said="By stewards."),
        by_steward,
    ),
    Interaction(
        "POST",
        "/Patient/$hapi.fhir.undo-merge",
        undo,
        Ability("Patient", operation=("hapi.fhir.undo-merge", f"{_HAPI}/hapi.fhir.undo-merge"), said="By stewards."),
        by_steward,
    ),
)
