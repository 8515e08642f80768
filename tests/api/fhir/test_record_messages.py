"""POST /fhir/$process-message with the hub's own event: a person and what is about her, and everything that is refused."""

from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest
from fhir.resources.R4B.bundle import Bundle

from hub.api import fhir
from hub.api.fhir.process_message import EVENTS
from hub.errors import Unavailable
from hub.fhir.record_messages import EVENT
from hub.runtime import Hub
from hub.services import tokens
from hub.services.exchange import bundles
from tests.api.fhir.conftest import Client
from tests.hubs import Clock, Enrolled, acts, serve
from tests.people import named_persons, patient

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}
RECORD = "urn:lianqiao:huiji:record"


def _observation(number: str | None, value: str = "120.50", subject: str = "urn:uuid:p") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        **({"identifier": [{"system": RECORD, "value": number}]} if number else {}),
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
        "subject": {"reference": subject},
        "valueQuantity": {"value": orjson.Fragment(value), "unit": "mmHg"},
    }


def _message(*resources: dict[str, Any], id_: str = "", **header: Any) -> dict[str, Any]:
    """A message with the resources, of which the first is urn:uuid:p."""
    head = {
        "resourceType": "MessageHeader",
        "id": id_ or str(uuid4()),
        "eventUri": EVENT,
        "source": {"endpoint": "urn:huiji:his"},
    }
    entries = [
        {"fullUrl": "urn:uuid:p" if at == 0 else f"urn:uuid:{at}", "resource": one} for at, one in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "message", "entry": [{"resource": head | header}, *entries]}


def _record(number: str = "H1", **said: Any) -> dict[str, Any]:
    return patient("huiji", number, **({"birth": "1990-03-07"} | said))


async def _send(caller: Client, message: dict[str, Any], **more: Any) -> httpx2.Response:
    return await caller("POST", "/fhir/$process-message", content=orjson.dumps(message), **more)


def _answer(found: httpx2.Response) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The header of the response message and the issues that ride along."""
    bundle = found.json()
    Bundle.model_validate(bundle)
    assert bundle["type"] == "message"
    header, details = (entry["resource"] for entry in bundle["entry"])
    assert header["response"]["details"]["reference"] == bundle["entry"][1]["fullUrl"]
    issues: list[dict[str, Any]] = details["issue"]
    return header, issues


async def test_a_person_and_two_observations_are_taken_and_matched(
    hub: Hub, as_huiji: Client, as_yongkang: Client
) -> None:
    twin = patient("yongkang", "Y1", **LI)
    assert (await as_yongkang("POST", "/fhir/Patient", json=twin)).status_code == 201
    sent = _message(patient("huiji", "H1", **LI), _observation("O1"), _observation(None))
    found = await _send(as_huiji, sent)
    assert found.status_code == 200, found.text
    header, issues = _answer(found)
    assert header["response"]["identifier"] == sent["entry"][0]["resource"]["id"]
    assert (header["response"]["code"], header["eventUri"]) == ("ok", f"{EVENT}-response")
    assert header["destination"] == [{"endpoint": "urn:huiji:his"}]
    assert issues[0]["severity"] == "information"
    person, first, second = (one["reference"].split("/_history/")[0] for one in header["focus"])
    assert person.startswith("Patient/")
    for one in (first, second):
        kept = (await as_huiji("GET", f"/fhir/{one}")).json()
        assert kept["subject"] == {"reference": person}
    assert b"120.50" in (await as_huiji("GET", f"/fhir/{first}")).content  # number for number
    (records,) = (await named_persons(hub)).values()
    assert records == {f"{RECORD}|H1", "urn:lianqiao:yongkang:record|Y1"}
    assert found.headers["Receipt"]
    assert [one["kind"] for one in await acts(hub, "receive")] == ["fhir"]


async def test_the_same_message_again_is_answered_from_what_was_stored(
    hub: Hub, as_huiji: Client, clock: Clock
) -> None:
    sent = _message(_record(), _observation(None))
    first = await _send(as_huiji, sent)
    clock.advance(minutes=1)
    again = await _send(as_huiji, sent)
    assert again.content == first.content
    assert again.headers["Receipt"] == first.headers["Receipt"]
    assert (await as_huiji("GET", "/fhir/Observation")).json()["total"] == 1
    other = _message(_record(), id_=sent["entry"][0]["resource"]["id"])
    header, issues = _answer(refused := await _send(as_huiji, other))
    assert (refused.status_code, header["response"]["code"]) == (409, "fatal-error")
    assert issues[0]["details"]["coding"][0]["code"] == "digest-conflict"


async def test_a_record_of_the_same_number_is_its_next_version(as_huiji: Client) -> None:
    for name in ("王五", "王伍"):
        found = await _send(
            as_huiji, _message(_record(name=name), _observation("O1", "1.0" if name == "王五" else "2.0"))
        )
        assert found.status_code == 200, found.text
    everything = (await as_huiji("GET", "/fhir/Patient?_count=5", purpose=None)).json()
    assert [one["resource"]["meta"]["versionId"] for one in everything["entry"]] == ["2"]
    assert (await as_huiji("GET", "/fhir/Observation")).json()["total"] == 1


async def test_of_a_message_with_one_wrong_record_nothing_is_taken(hub: Hub, as_huiji: Client) -> None:
    wrong = _observation("O1") | {"status": "no such status"}
    found = await _send(as_huiji, _message(_record(), wrong))
    header, issues = _answer(found)
    assert (found.status_code, header["response"]["code"]) == (400, "fatal-error")
    assert "Bundle.entry[2]" in issues[0]["diagnostics"]
    assert (await as_huiji("GET", "/fhir/Patient?_count=5", purpose=None)).json()["total"] == 0
    assert [one["reason"] for one in await acts(hub, "refuse")] == ["invalid-resource"]


async def test_what_passes_by_itself_is_a_transient_error(as_huiji: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("unavailable", "The database cannot be reached; nothing was stored.", retry_after=7)

    monkeypatch.setattr(bundles, "transaction", away)
    found = await _send(as_huiji, _message(_record()))
    header, _ = _answer(found)
    assert (found.status_code, found.headers["Retry-After"], header["response"]["code"]) == (
        503,
        "7",
        "transient-error",
    )


def _with(*entries: dict[str, Any]) -> dict[str, Any]:
    """A message with a person, and these entries behind."""
    made = _message(_record())
    return made | {"entry": [*made["entry"], *entries]}


FOREIGN = {"resourceType": "Patient", "identifier": [{"system": "urn:lianqiao:yongkang:record", "value": "1"}]}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (_message(_record()) | {"type": "collection"}, "bad-message"),
        (_message(_record(), eventUri="urn:elsewhere:event"), "unsupported-event"),
        (_message(_record(), response={"identifier": "1", "code": "ok"}), "not-supported"),
        (_message(), "bad-message"),
        ({**_message(_record()), "entry": _message(_record())["entry"][::-1]}, "bad-message"),
        (_with({"fullUrl": "urn:uuid:p", "resource": _record("H2")}), "bad-message"),
        (_with({"resource": _record("H2"), "request": {}}), "bad-message"),
        (_message({"resourceType": "Account", "status": "active"}), "not-found"),
        (_message(_record(), _observation(None, subject="urn:uuid:nobody")), "unresolved-reference"),
        (_message(FOREIGN), "not-your-domain"),
    ],
)
async def test_what_is_no_such_message_is_refused(as_huiji: Client, message: dict[str, Any], code: str) -> None:
    found = await _send(as_huiji, message)
    assert found.status_code >= 400
    resource = found.json()
    if resource["resourceType"] == "Bundle":
        header, (issue, *_) = _answer(found)
        assert header["response"]["code"] == "fatal-error"
    else:
        (issue,) = resource["issue"]
    assert issue["details"]["coding"][0]["code"] == code
    if code == "unsupported-event":
        assert all(event in issue["diagnostics"] for event in EVENTS)


async def test_messages_are_answered_at_once_or_not_at_all(as_huiji: Client) -> None:
    body = orjson.dumps(_message(_record()))
    later = await as_huiji("POST", "/fhir/$process-message?async=true", content=body)
    assert later.json()["issue"][0]["code"] == "not-supported"
    elsewhere = await as_huiji("POST", "/fhir/$process-message?response-url=http://x.example", content=body)
    assert elsewhere.status_code == 400
    assert (await as_huiji("POST", "/fhir/$process-message?async=false", content=body)).status_code == 200


async def test_a_token_takes_what_its_records_take(hub: Hub, huiji: Enrolled) -> None:
    async with serve(hub, fhir.router) as http:
        narrow = Client(http, await tokens.issue_token(hub, huiji.member, scope="system/Patient.cus"))
        assert (await _send(narrow, _message(_record()), purpose=None)).status_code == 200
        refused = await _send(narrow, _message(_record(), _observation(None)), purpose=None)
        assert refused.status_code == 403
        assert refused.json()["issue"][0]["details"]["coding"][0]["code"] == "missing-scope"
