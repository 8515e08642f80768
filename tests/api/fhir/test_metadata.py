"""The capability statement of the whole interface is valid, and what it lists is there: nothing more and nothing less."""

from collections import Counter
from typing import Any

import httpx2
import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from hub.fhir import search
from hub.services.exchange.checking import TYPES
from tests.api.fhir.conftest import Client
from tests.subscribing import asked

OF_A_TYPE = {
    "create", "read", "vread", "update", "patch", "delete", "history-instance", "history-type", "search-type"
}  # fmt: skip
MARKS = {
    "conditionalCreate": True, "conditionalRead": "full-support", "conditionalUpdate": True, "conditionalDelete": "single"
}  # fmt: skip
OF_THE_SYSTEM = {"transaction", "batch", "history-system"}
OF_AN_INSTANCE = {"everything", "events"}
"""Operations that are of one resource only."""


@pytest.fixture
async def told(http: httpx2.AsyncClient) -> dict[str, Any]:
    found = await http.get("/fhir/metadata")
    assert (found.status_code, found.headers["Content-Type"]) == (200, "application/fhir+json")
    statement: dict[str, Any] = found.json()
    return statement


def test_it_is_valid(told: dict[str, Any]) -> None:
    CapabilityStatement.model_validate(told)
    (rest,) = told["rest"]
    twice = [name for name, count in Counter(one["type"] for one in rest["resource"]).items() if count > 1]
    assert twice == []  # cpb-9
    for one in rest["resource"]:
        names = [parameter["name"] for parameter in one.get("searchParam", ())]
        assert len(set(names)) == len(names), one["type"]  # cpb-12
    assert {one["code"] for one in rest["interaction"]} == OF_THE_SYSTEM
    assert told["patchFormat"] == ["application/json-patch+json", "application/fhir+json"]


async def test_what_it_lists_of_a_type_is_there(told: dict[str, Any], as_huiji: Client) -> None:
    resources = {one["type"]: one for one in told["rest"][0]["resource"]}
    kept = {name for name, one in resources.items() if one.get("interaction")}
    assert kept == TYPES | {"ConceptMap"}  # which is the hub's own, and read only
    assert {one["code"] for one in resources["ConceptMap"]["interaction"]} == {"read", "search-type"}
    for type_ in sorted(TYPES):
        assert {one["code"] for one in resources[type_]["interaction"]} == OF_A_TYPE, type_
        named = {parameter["name"] for parameter in resources[type_]["searchParam"]}
        assert named >= set(search.parameters(type_)), type_
        found = await as_huiji("GET", f"/fhir/{type_}?_count=1", purpose=None, headers={"Prefer": "handling=strict"})
        assert (found.status_code, found.json()["total"]) == (200, 0), type_
        assert {name: resources[type_][name] for name in MARKS} == MARKS, type_
        assert (await as_huiji("PATCH", f"/fhir/{type_}/1", json={"resourceType": "Parameters"})).status_code == 404
        assert (await as_huiji("DELETE", f"/fhir/{type_}?_id=1")).status_code == 204, type_
        assert (await as_huiji("GET", f"/fhir/{type_}/_history")).json()["type"] == "history", type_


async def test_what_it_lists_of_operations_is_there(told: dict[str, Any], as_huiji: Client) -> None:
    (rest,) = told["rest"]
    listed = [(f"/fhir/{one['type']}", op["name"]) for one in rest["resource"] for op in one.get("operation", ())]
    listed += [("/fhir", op["name"]) for op in rest.get("operation", ())]
    assert listed
    made = {
        f"/fhir/{one['resourceType']}": (await as_huiji("POST", f"/fhir/{one['resourceType']}", json=one)).json()["id"]
        for one in (
            {"resourceType": "Patient", "name": [{"text": "王五"}]},
            asked("https://receiver.example/told", status="off"),
        )
    }
    for path, name in listed:
        address = f"{path}/{made[path]}/${name}" if name in OF_AN_INSTANCE else f"{path}/${name}"
        answers = [await as_huiji(method, address, json={}) for method in ("GET", "POST")]
        assert {found.status_code for found in answers} & {200, 400, 403, 415, 422}, address


async def test_what_it_does_not_list_is_not_there(told: dict[str, Any], as_huiji: Client) -> None:
    assert "Account" not in {one["type"] for one in told["rest"][0]["resource"]}
    assert (await as_huiji("GET", "/fhir/Account?_count=1")).status_code == 404
    assert (await as_huiji("POST", "/fhir/Account", json={"resourceType": "Account"})).status_code == 404
