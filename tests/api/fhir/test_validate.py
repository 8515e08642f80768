"""$validate over HTTP: what a write would be answered, without a write."""

from typing import Any

import httpx2
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from hub.api import fhir
from hub.api.fhir import openapi
from hub.runtime import Hub
from mappings.vocabulary import CONTRACEPTION_METHOD
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_resources import FHIR, ZHANG
from tests.documents import number_of
from tests.hubs import acts
from tests.people import patient

WEIGHT = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "valueQuantity": {"value": 67.5, "unit": "kg"},
}
TABLES = ("resource", "resource_version", "resource_search", "source_record", "person_event", "membership", "consent")


def said(found: httpx2.Response) -> list[tuple[str, str, str]]:
    """(severity, our code, expression) of each issue of a valid outcome."""
    assert found.status_code == 200, found.text
    body = found.json()
    OperationOutcome.model_validate(body)
    return [
        (one["severity"], one["details"]["coding"][0]["code"], "".join(one.get("expression", ())))
        for one in body["issue"]
    ]


def asked(**values: Any) -> dict[str, Any]:
    kinds = {"resource": "resource", "mode": "valueCode", "profile": "valueUri"}
    return {"resourceType": "Parameters", "parameter": [{"name": n, kinds[n]: v} for n, v in values.items()]}


WELL = [("information", "valid", "")]


async def test_what_is_valid_is_told_so_and_nothing_is_stored(as_huiji: Client, hub: Hub) -> None:
    before = [await number_of(hub, table) for table in TABLES]
    sent = patient("huiji", "H1", **ZHANG)
    for path, body in (
        ("/fhir/Patient/$validate", sent),
        ("/fhir/Patient/$validate?mode=create", sent),
        ("/fhir/Patient/$validate", asked(resource=sent, mode="create")),
        ("/fhir/Patient/$validate", asked(resource=sent, profile="http://hl7.org/fhir/StructureDefinition/Patient")),
    ):
        assert said(await as_huiji("POST", path, json=body)) == WELL
    assert [await number_of(hub, table) for table in TABLES] == before
    assert await acts(hub, "create") == []
    (first, second, *_) = await acts(hub, "validate")
    assert first == {"type": "Patient", "mode": "", "faults": 0, "actor": "huiji"}
    assert second["mode"] == "create"


async def test_every_fault_is_told_with_its_place(as_huiji: Client) -> None:
    wrong = WEIGHT | {"status": "done", "colour": "red", "effectiveDateTime": "2026-02-30"}
    found = said(await as_huiji("POST", "/fhir/Observation/$validate", json=wrong))
    assert {(severity, place) for severity, _, place in found} == {
        ("error", "Observation.status"),
        ("error", "Observation.effective.ofType(dateTime)"),
        ("error", "Observation"),
    }
    other = said(await as_huiji("POST", "/fhir/Patient/$validate", json=WEIGHT))
    assert other == [("error", "bad-request", "")]


async def test_numbers_are_judged_as_they_are_written(as_huiji: Client) -> None:
    body = b'{"resourceType":"Parameters","parameter":[{"name":"resource","resource":%b}]}'
    sent = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":67.50}}'
    found = await as_huiji("POST", "/fhir/Observation/$validate", content=body % sent, headers=FHIR)
    assert said(found) == WELL


@pytest.mark.parametrize("mode", ["", "create"])
async def test_it_refuses_what_a_write_refuses(as_huiji: Client, hub: Hub, mode: str) -> None:
    method = {"coding": [{"system": CONTRACEPTION_METHOD, "code": "iud"}]}
    sealed = {key: value for key, value in WEIGHT.items() if key != "valueQuantity"} | {"valueCodeableConcept": method}
    foreign = patient("yongkang", "Y1", **ZHANG)
    for type_, body in (("Observation", sealed), ("Patient", foreign)):
        written = await as_huiji("POST", f"/fhir/{type_}", json=body)
        issue = written.json()["issue"][0]
        judged = await as_huiji("POST", f"/fhir/{type_}/$validate?mode={mode}", json=body)
        assert said(judged) == [("error", issue["details"]["coding"][0]["code"], "")]
        assert judged.json()["issue"][0]["diagnostics"] == issue["diagnostics"]
    assert await number_of(hub, "resource") == 0


async def test_a_number_that_is_taken_is_told_to_who_would_create(as_huiji: Client) -> None:
    sent = patient("huiji", "H1", **ZHANG)
    assert (await as_huiji("POST", "/fhir/Patient", json=sent)).status_code == 201
    assert said(await as_huiji("POST", "/fhir/Patient/$validate", json=sent)) == WELL
    found = said(await as_huiji("POST", "/fhir/Patient/$validate?mode=create", json=sent))
    assert found == [("error", "duplicate-record", "")]


async def test_an_update_and_a_delete_are_tried_on_what_is_there(as_huiji: Client, hub: Hub) -> None:
    sent = patient("huiji", "H1", **ZHANG)
    made = (await as_huiji("POST", "/fhir/Patient", json=sent)).json()
    where = f"/fhir/Patient/{made['id']}"
    changed = patient("huiji", "H1", **(ZHANG | {"name": "张大伟"})) | {"id": made["id"]}
    address, stale = f"{where}/$validate?mode=update", {"If-Match": 'W/"2"'}
    assert said(await as_huiji("POST", address, json=changed)) == WELL
    assert said(await as_huiji("POST", address, json=changed, headers=stale)) == [("error", "version-conflict", "")]
    assert said(await as_huiji("POST", address, json=sent)) == [("error", "bad-request", "")]
    other = patient("huiji", "H2", **ZHANG) | {"id": made["id"]}
    assert said(await as_huiji("POST", address, json=other)) == [("error", "record-number", "")]
    assert said(await as_huiji("GET", f"{where}/$validate?mode=delete")) == WELL
    assert said(await as_huiji("POST", f"{where}/$validate", json=asked(mode="delete"))) == WELL
    assert said(await as_huiji("GET", f"{where}/$validate")) == WELL
    assert said(await as_huiji("POST", f"{where}/$validate?mode=profile")) == WELL
    assert (await as_huiji("GET", where)).json() == made
    assert [await number_of(hub, name) for name in ("resource", "resource_version")] == [1, 1]


async def test_what_is_gone_cannot_be_judged_but_may_come_back(as_huiji: Client) -> None:
    sent = patient("huiji", "H1", **ZHANG)
    where = f"/fhir/Patient/{(await as_huiji('POST', '/fhir/Patient', json=sent)).json()['id']}"
    await as_huiji("DELETE", where)
    assert (await as_huiji("GET", f"{where}/$validate")).status_code == 410
    back = sent | {"id": where.rpartition("/")[2]}
    assert said(await as_huiji("POST", f"{where}/$validate?mode=update", json=back)) == WELL
    documented = openapi.paths(fhir.INTERACTIONS)["/fhir/{type}/{id}/$validate"]
    assert all("410" in documented[method]["responses"] for method in ("get", "post"))


async def test_anothers_resource_is_as_if_it_were_not_there(as_huiji: Client, as_yongkang: Client) -> None:
    sent = patient("huiji", "H1", **ZHANG)
    id_ = (await as_huiji("POST", "/fhir/Patient", json=sent)).json()["id"]
    nowhere = "00000000-0000-7000-8000-000000000000"
    mine = patient("yongkang", "Y1", **ZHANG)
    for ask in ("$validate", "$validate?mode=delete"):
        answers = [(await as_yongkang("GET", f"/fhir/Patient/{one}/{ask}")).json() for one in (id_, nowhere, "x")]
        for one in answers:
            one["issue"][0].pop("extension")
        assert answers[0] == answers[1] == answers[2]
    for one in (id_, nowhere):
        found = await as_yongkang("POST", f"/fhir/Patient/{one}/$validate?mode=update", json=mine | {"id": one})
        assert found.status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/fhir/Patient/$validate?mode=update", WEIGHT, 400),
        ("/fhir/Patient/$validate?mode=delete", WEIGHT, 400),
        ("/fhir/Patient/$validate?mode=burn", WEIGHT, 400),
        ("/fhir/Patient/$validate?modes=create", WEIGHT, 400),
        ("/fhir/Patient/$validate?profile=http://example.org/x", WEIGHT, 400),
        ("/fhir/Patient/$validate", asked(mode="create"), 400),
        ("/fhir/Patient/$validate?mode=create", asked(resource=WEIGHT, mode="create"), 400),
        ("/fhir/Account/$validate", {"resourceType": "Account"}, 404),
    ],
)
async def test_what_cannot_be_asked_is_refused(as_huiji: Client, path: str, body: dict[str, Any], code: int) -> None:
    assert (await as_huiji("POST", path, json=body)).status_code == code
