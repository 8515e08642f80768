"""fhirpy (PyPI) works with the hub as it does with any FHIR server: it is told the base address and a token."""

from typing import Any

import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, MultipleResourcesFound, OperationOutcome, ResourceNotFound
from fhirpy.lib import SyncFHIRResource

KG = {"system": "http://unitsofmeasure.org", "code": "kg", "unit": "kg"}
WEIGHT = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}


@pytest.fixture(scope="module")
def client(base: str, token: str) -> SyncFHIRClient:
    return SyncFHIRClient(base, authorization=f"Bearer {token}")


def _patient(client: SyncFHIRClient, family: str, given: str, **more: Any) -> SyncFHIRResource:
    return client.resource("Patient", name=[{"family": family, "given": [given]}], gender="female", **more)


def test_create_read_update_and_history(client: SyncFHIRClient, base: str, token: str) -> None:
    made = _patient(client, "欧阳", "娜", birthDate="1990-01-02").create()
    assert made["meta"]["versionId"] == "1"
    read = client.reference("Patient", made.id).to_resource()
    assert read.serialize() == made.serialize()
    read["birthDate"] = "1990-01-03"
    read.update()
    assert read["meta"]["versionId"] == "2"
    told = read.execute("_history", method="get")
    assert [entry["resource"]["birthDate"] for entry in told["entry"]] == ["1990-01-03", "1990-01-02"]
    first = client.execute(f"Patient/{made.id}/_history/1", method="get")
    assert first["birthDate"] == "1990-01-02"
    made.refresh()
    assert made["meta"]["versionId"] == "2"

    def at(version: int) -> SyncFHIRClient:
        return SyncFHIRClient(base, f"Bearer {token}", extra_headers={"If-Match": f'W/"{version}"'})

    late = at(1).resource(**made.serialize() | {"resource_type": "Patient", "birthDate": "1990-01-04"})
    with pytest.raises(MultipleResourcesFound, match="version-conflict"):  # what fhirpy calls every 412
        late.update()
    in_time = at(2).resource(**made.serialize() | {"resource_type": "Patient", "birthDate": "1990-01-04"})
    assert in_time.update()["meta"]["versionId"] == "3"
    made.delete()
    with pytest.raises(ResourceNotFound):
        client.get("Patient", made.id)


def test_search_and_paging(client: SyncFHIRClient) -> None:
    made = [_patient(client, "司马", given).create() for given in "甲乙丙丁戊"]
    _patient(client, "诸葛", "己").create()
    found = client.resources("Patient").search(family="司马")
    assert {one.id for one in found.limit(2).fetch_all()} == {one.id for one in made}
    assert len(found.limit(2).fetch()) == 2
    assert found.count() == 5
    assert found.search(given="丙").get().serialize() == made[2].serialize()
    assert client.resources("Patient").search(_id=made[0].id).first() == made[0]


def test_conditional_create_update_and_delete(client: SyncFHIRClient) -> None:
    named = client.resources("Organization").search(name="连翘一院")
    sent = client.resource("Organization", name="连翘一院", active=True)
    made, new = named.get_or_create(sent)
    again, new_again = named.get_or_create(sent)
    assert (new, new_again, again.id) == (True, False, made.id)
    changed, new = named.update(client.resource("Organization", name="连翘一院", active=False))
    assert (new, changed.id, changed["active"], changed["meta"]["versionId"]) == (False, made.id, False, "2")
    assert named.delete()[1] == 204
    assert named.count() == 0


def test_transaction_includes_and_chains(client: SyncFHIRClient) -> None:
    who = "urn:uuid:4b0e4e7a-4f0d-4d3c-9f5e-0b8d6f6d2a11"
    weights = [
        client.resource(
            "Observation", status="final", code=WEIGHT, subject={"reference": who}, valueQuantity={"value": kg, **KG}
        )
        for kg in (51.5, 52.25)
    ]
    entries = [(_patient(client, "上官", "庚"), who), *((one, None) for one in weights)]
    bundle = client.resource(
        "Bundle",
        type="transaction",
        entry=[
            {
                **({"fullUrl": url} if url else {}),
                "resource": one.serialize(),
                "request": {"method": "POST", "url": one.resource_type},
            }
            for one, url in entries
        ],
    )
    done = client.execute("", data=bundle.serialize())
    assert done["type"] == "transaction-response"
    assert [entry["response"]["status"][:3] for entry in done["entry"]] == ["201", "201", "201"]
    found = client.resources("Observation").search(subject__Patient__family="上官")
    assert {one["valueQuantity"]["value"] for one in found} == {51.5, 52.25}
    raw = found.include("Observation", "subject").fetch_raw()
    assert sorted(entry["resource"].resource_type for entry in raw["entry"]) == [
        "Observation",
        "Observation",
        "Patient",
    ]
    heavy = client.resources("Observation").search(value_quantity__gt="52", code="29463-7").fetch_all()
    assert [one["subject"].to_resource()["name"][0]["family"] for one in heavy] == ["上官"]


def test_refusals_are_told(client: SyncFHIRClient, base: str) -> None:
    with pytest.raises(OperationOutcome, match="invalid-resource"):
        client.resource("Patient", gender="unheard-of").create()
    with pytest.raises(ResourceNotFound):
        client.get("Patient", "0190b0b0-0000-7000-8000-000000000000")
    with pytest.raises(AuthorizationError):
        SyncFHIRClient(base).resources("Patient").fetch()
