"""PUT /fhir/Patient?identifier=system|value: a member adds, revises or resolves a record of its own (IHE PIXm ITI-104).

The answer is the record as it stands, and never what it was found to resemble. `Message-Id` makes a retry safe; the
signed receipt is in the header `Receipt`. https://profiles.ihe.net/ITI/PIXm/ITI-104.html
"""

from email.utils import format_datetime
from typing import Any, Final

import orjson
from starlette.responses import Response

from hub.api.fhir import resources
from hub.api.fhir.interactions import Call, Interaction, answer, by_member
from hub.api.fhir.message_ids import message_id_of
from hub.errors import Invalid
from hub.fhir import fed, patients, strict_json
from hub.fhir.capability import Ability, Parameter
from hub.services import fed_patients, feeding
from hub.services.feeding import Entry, Fed, Feed

_IHE: Final = "https://profiles.ihe.net/ITI/PIXm/CapabilityStatement/IHE.PIXm.Manager"


async def put(call: Call) -> Response:
    """201 for a new record, 200 for any other; what is older than what is known is told and not used.

    Under any other condition than one identifier it is R4's conditional update.
    """
    asked = [value for name, value in call.query if name == "identifier"]
    if not call.query:
        raise Invalid("bad-request", "A record is put under exactly one identifier: Patient?identifier=system|value.")
    if len(asked) != 1 or len(call.query) != 1:
        return await resources.update(call)
    patient = (await call.document()).exact()
    given = Feed(
        message_id=message_id_of(call.request),
        body=await call.request.body(),
        entries=[Entry(patient, fed.token(asked[0]))],
        said_at=fed_patients.stamped(patient, call.hub.now()),
        others={},
    )
    return _told(call, await feeding.feed(call.hub, call.member, given))


def receipt_of(found: Fed) -> dict[str, str]:
    """The headers that prove that the hub has it."""
    said = orjson.loads(found.acknowledgement.body)
    return {"Submission-Id": said["submission_id"], "Receipt": said["receipt"]}


def issues_of(found: Fed) -> list[dict[str, Any]]:
    """What is told of a feed that was taken."""
    return [fed.told(issue.code, f"{issue.text} {issue.text_zh}", issue.severity) for issue in found.issues]


def _told(call: Call, found: Fed) -> Response:
    if not found.current:
        issues = issues_of(found) or [fed.told("deleted", "The record was taken, and has been deleted since.")]
        return answer({"resourceType": "OperationOutcome", "issue": issues}, headers=receipt_of(found))
    (now,) = found.current
    version = f"{call.hub.settings.base_url}/fhir/Patient/{now.id}/_history/{now.version}"
    headers = receipt_of(found) | {
        "ETag": f'W/"{now.version}"',
        "Last-Modified": format_datetime(now.updated_at, usegmt=True),
    }
    change = found.changes[0].change if found.changes else "same"
    status = 201 if change == "new" else 200
    if status == 201:
        headers["Location"] = version
    headers["Content-Location"] = version
    wanted = call.request.headers.get("prefer", "")
    if change == "older" or "return=OperationOutcome" in wanted:
        issues = issues_of(found) or [fed.told("taken", "The record was taken.")]
        return answer({"resourceType": "OperationOutcome", "issue": issues}, status, headers)
    if "return=minimal" in wanted:
        return Response(None, status, headers)
    shown = patients.whole(strict_json.read(now.body).exact(), str(now.id), now.version, now.updated_at)
    return answer(shown, status, headers)


INTERACTIONS: Final = (
    Interaction(
        "PUT",
        "/Patient",
        put,
        Ability(
            "Patient",
            "update",
            parameters=(Parameter("identifier", "token", "One, as system|value, of the caller's own domain."),),
            said="Under one identifier a record is fed (ITI-104), which is of the caller's own domain.",
            follows=(_IHE,),
        ),
        by_member,
    ),
)
