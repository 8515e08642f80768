"""fhirclient (PyPI, SMART on FHIR) works with the hub as it does with any FHIR server, signing in included.

It finds the token endpoint in the capability statement, and its models are a second opinion of what the hub answers.
"""

import time
import uuid

import pytest
import requests
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.capabilitystatement import CapabilityStatement
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException, FHIRUnauthorizedException

from certs import tokens
from tests.adapters import kit
from tests.adapters.real import RealHub
from tests.api.clients.conftest import MEMBER


@pytest.fixture(scope="module")
def client(served: RealHub, base: str) -> FHIRClient:
    """Signed in by SMART Backend Services with the member's own key."""
    claims = {"iss": MEMBER, "sub": MEMBER, "aud": f"{served.url}/auth/token", "jti": uuid.uuid4().hex}
    assertion = tokens.sign(claims | {"exp": int(time.time()) + 240}, typ="JWT", signer=kit.ring_of(MEMBER).auth[0])
    made = FHIRClient(settings={"app_id": MEMBER, "api_base": base, "scope": "system/*.*", "jwt_token": assertion})
    assert not made.prepare()
    made.authorize()
    assert made.ready
    return made


def _patient(family: str, given: str, **more: str) -> Patient:
    return Patient({"resourceType": "Patient", "name": [{"family": family, "given": [given]}], **more})


def test_create_read_update_and_history(client: FHIRClient) -> None:
    made = Patient(_patient("欧阳", "娜", birthDate="1990-01-02", gender="female").create(client.server))
    assert made.meta.versionId == "1"
    read = Patient.read(made.id, client.server)
    assert read.as_json() == made.as_json()
    read.gender = "unknown"
    assert Patient(read.update()).meta.versionId == "2"
    told = Bundle.read_from(f"Patient/{made.id}/_history", client.server)
    assert [(entry.request.method, entry.resource.gender) for entry in told.entry] == [
        ("PUT", "unknown"),
        ("POST", "female"),
    ]
    assert Patient.read_from(f"Patient/{made.id}/_history/1", client.server).gender == "female"
    read.delete()
    with pytest.raises(requests.HTTPError, match="410"):
        Patient.read(made.id, client.server)


def test_search_and_paging(client: FHIRClient) -> None:
    made = {_patient("司马", given).create(client.server)["id"] for given in "甲乙丙丁戊"}
    _patient("诸葛", "己").create(client.server)
    pages = list(Patient.where({"family": "司马", "_count": "2"}).perform_iter(client.server))
    assert [len(page.entry) for page in pages] == [2, 2, 1]
    assert {entry.resource.id for page in pages for entry in page.entry} == made


def test_transaction_and_includes(client: FHIRClient) -> None:
    who = "urn:uuid:4b0e4e7a-4f0d-4d3c-9f5e-0b8d6f6d2a11"
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": who},
        "valueQuantity": {"value": 51.5, "system": "http://unitsofmeasure.org", "code": "kg"},
    }
    entries = [
        {"fullUrl": who, "resource": _patient("上官", "庚").as_json(), "request": {"method": "POST", "url": "Patient"}},
        {"resource": observation, "request": {"method": "POST", "url": "Observation"}},
    ]
    asked = Bundle({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    done = Bundle(asked.create(client.server))
    assert (done.type, [entry.response.status[:3] for entry in done.entry]) == ("transaction-response", ["201", "201"])
    search = Observation.where({"code": "29463-7"}).include("subject")
    found = list(search.perform_resources_iter(client.server))
    assert [type(one).__name__ for one in found] == ["Observation", "Patient"]
    assert found[0].subject.reference == f"Patient/{found[1].id}"
    assert found[0].subject.resolved(Patient).name[0].family == "上官"


def test_the_capability_statement_is_read(client: FHIRClient) -> None:
    told = client.server.capabilityStatement
    assert isinstance(told, CapabilityStatement)
    assert told.fhirVersion == "4.0.1"
    assert "search-type" in [
        one.code for one in next(r for r in told.rest[0].resource if r.type == "Patient").interaction
    ]


def test_refusals_are_told(client: FHIRClient, base: str) -> None:
    with pytest.raises(FHIRNotFoundException):
        Patient.read("0190b0b0-0000-7000-8000-000000000000", client.server)
    with pytest.raises(requests.HTTPError, match="400"):
        client.server.post_json("Patient", {"resourceType": "Patient", "gender": "unheard-of"})
    stranger = FHIRClient(settings={"app_id": "nobody", "api_base": base})
    with pytest.raises(FHIRUnauthorizedException):
        list(Patient.where({}).perform_resources_iter(stranger.server))
