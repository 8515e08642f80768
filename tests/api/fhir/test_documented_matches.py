"""The examples that HL7 and IHE document for `$match`, answered as documented.

HL7: https://hl7.org/fhir/R4/patient-operation-match.html, request and response of Peter Chalmers, whose count and
onlyCertainMatches are written as texts there. IHE: https://profiles.ihe.net/ITI/PDQm/ITI-119.html, cases 1 to 9, with the
profile's example input (IHE/ITI.PDQm, input/fsh/ex-match-input.fsh: John Schmidt).
"""

from typing import Any

import pytest

from hub.runtime import Hub
from mappings.vocabulary import record_system
from tests.api.fhir.conftest import Client, found
from tests.api.fhir.test_plumbing import issue_of
from tests.hubs import Enrolled
from tests.people import arrive

CHALMERS: dict[str, Any] = {
    "resourceType": "Patient",
    "identifier": [
        {
            "use": "usual",
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
            "system": "urn:oid:1.2.36.146.595.217.0.1",
            "value": "12345",
        }
    ],
    "name": [{"family": "Chalmers", "given": ["Peter", "James"]}],
    "gender": "male",
    "birthDate": "1974-12-25",
}
SCHMIDT: dict[str, Any] = {
    "resourceType": "Patient",
    "identifier": [{"system": "http://example.org/exampleSystem", "value": "8675310"}],
    "name": [{"family": "Schmidt", "given": ["John"]}],
    "gender": "other",
    "birthDate": "1923-07-25",
    "address": [{"state": "WI", "country": "USA"}],
}


def kept(patient: dict[str, Any], number: str, **changed: Any) -> dict[str, Any]:
    """The person as a member's record."""
    return {
        **patient,
        "identifier": [{"system": record_system("huiji"), "value": number}, *patient["identifier"]],
    } | changed


async def ask(client: Client, patient: dict[str, Any], **parameters: Any) -> Any:
    return await client.match(patient, purpose=None, **parameters)


async def test_hl7s_example(hub: Hub, huiji: Enrolled, as_huiji: Client) -> None:
    others = [kept(CHALMERS, "2", birthDate="1974"), kept(CHALMERS, "3", name=[{"family": "Windsor"}])]
    await arrive(hub, huiji.member, [kept(CHALMERS, "1"), *others])
    body = {
        "resourceType": "Parameters",
        "id": "example",
        "parameter": [
            {"name": "resource", "resource": CHALMERS},
            {"name": "count", "valueInteger": "3"},
            {"name": "onlyCertainMatches", "valueBoolean": "false"},
        ],
    }
    answer = await as_huiji("POST", "/fhir/Patient/$match", purpose=None, json=body)
    assert {number for number, _ in found(answer)} == {"1", "2"}
    assert ("1", "certain") in found(answer)
    bundle = answer.json()
    assert bundle["total"] == 2
    first = bundle["entry"][0]
    assert first["search"]["mode"] == "match"
    assert first["search"]["extension"][0]["url"] == "http://hl7.org/fhir/StructureDefinition/match-grade"
    assert first["fullUrl"].endswith(f"/Patient/{first['resource']['id']}")


@pytest.fixture
async def one(hub: Hub, huiji: Enrolled) -> None:
    await arrive(hub, huiji.member, [kept(SCHMIDT, "1")])


@pytest.fixture
async def several(hub: Hub, huiji: Enrolled) -> None:
    """Three Schmidts of one birthday, two of them with nothing but the name in common."""
    away = {"identifier": [{"system": record_system("huiji"), "value": "4"}], "birthDate": "1923"}
    await arrive(hub, huiji.member, [kept(SCHMIDT, "1"), kept(SCHMIDT, "3", gender="female"), {**SCHMIDT, **away}])


async def test_case_1_exactly_one(one: None, as_huiji: Client) -> None:
    answer = await ask(as_huiji, SCHMIDT)
    assert [number for number, _ in found(answer)] == ["1"]
    search = answer.json()["entry"][0]["search"]
    assert 0 <= search["score"] <= 1
    assert search["extension"][0]["valueCode"] in {"certain", "probable", "possible"}


async def test_case_2_several_from_most_to_least_likely(several: None, as_huiji: Client) -> None:
    answer = await ask(as_huiji, SCHMIDT)
    assert len(found(answer)) == 3
    scores = [entry["search"]["score"] for entry in answer.json()["entry"]]
    assert scores == sorted(scores, reverse=True)


async def test_case_3_certain_and_asked_for(one: None, as_huiji: Client) -> None:
    assert found(await ask(as_huiji, SCHMIDT, onlyCertainMatches=True)) == [("1", "certain")]


async def test_case_4_not_certain_and_certain_asked_for(one: None, as_huiji: Client) -> None:
    vague = {**SCHMIDT, "name": [{"family": "Schmidt", "given": ["J."]}], "birthDate": "1923"}
    assert [grade for _, grade in found(await ask(as_huiji, vague))] != ["certain"]
    answer = await ask(as_huiji, vague, onlyCertainMatches=True)
    assert (answer.status_code, answer.json()["total"], "entry" in answer.json()) == (200, 0, False)


async def test_case_5_several_persons_and_certain_asked_for(hub: Hub, huiji: Enrolled, as_huiji: Client) -> None:
    phones = [{"system": "phone", "value": "13687654091"}]
    numbers = ("410108197205170017", "330784197205170016")
    same = {"name": [{"text": "王建国"}], "gender": "male", "birthDate": "1972-05-17", "telecom": phones}
    records = [
        {
            "resourceType": "Patient",
            "identifier": [
                {"system": record_system("huiji"), "value": str(n)},
                {"system": "urn:oid:2.16.156.10011.1.3", "value": number},
            ],
            **same,
        }
        for n, number in enumerate(numbers)
    ]
    await arrive(hub, huiji.member, records)
    asked = {"resourceType": "Patient", **same}
    assert len(found(await ask(as_huiji, asked))) == 2
    answer = await ask(as_huiji, asked, onlyCertainMatches=True)
    assert (answer.status_code, answer.json()["total"]) == (200, 0)


async def test_case_6_no_more_than_count(several: None, as_huiji: Client) -> None:
    everyone = found(await ask(as_huiji, SCHMIDT))
    assert found(await ask(as_huiji, SCHMIDT, count=2)) == everyone[:2]


async def test_case_7_nobody(as_huiji: Client) -> None:
    answer = await ask(as_huiji, SCHMIDT)
    assert (answer.status_code, answer.json()["total"], "entry" in answer.json()) == (200, 0, False)


async def test_case_8_a_deprecated_record_is_not_returned(hub: Hub, huiji: Enrolled, as_huiji: Client) -> None:
    await arrive(hub, huiji.member, [kept(SCHMIDT, "1", active=False), kept(SCHMIDT, "2")])
    assert [number for number, _ in found(await ask(as_huiji, SCHMIDT))] == ["2"]


async def test_case_9_an_outcome_for_what_cannot_be_asked(as_huiji: Client) -> None:
    assert issue_of(await ask(as_huiji, {**SCHMIDT, "birthDate": "25.7.1923"}))[:2] == (400, "invalid-resource")
