"""PATCH over HTTP: JSON Patch and FHIRPath Patch, checked and linked like an update, whole or not at all."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest

from hub.runtime import Hub
from hub.services import tokens
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_conditions import ZHANG, add, code, organization
from tests.hubs import acts, enrol
from tests.people import patient, persons
from tests.unit.fhir.patch.cases import operation

JSON_PATCH = {"Content-Type": "application/json-patch+json"}
FHIR = {"Content-Type": "application/fhir+json"}


def parameters(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(operations)}


async def by_json(as_member: Client, where: str, *operations: dict[str, Any], **headers: str) -> httpx2.Response:
    return await as_member("PATCH", f"/fhir/{where}", content=orjson.dumps(operations), headers=JSON_PATCH | headers)


async def by_path(as_member: Client, where: str, *operations: dict[str, Any], **headers: str) -> httpx2.Response:
    body = orjson.dumps(parameters(*operations))
    return await as_member("PATCH", f"/fhir/{where}", content=body, headers=FHIR | headers)


async def test_a_json_patch_makes_a_version_more(as_huiji: Client, hub: Hub) -> None:
    made = await add(as_huiji, organization("一院", active=True))
    where = f"Organization/{made['id']}"
    found = await by_json(
        as_huiji,
        where,
        {"op": "test", "path": "/meta/versionId", "value": "1"},
        {"op": "replace", "path": "/name", "value": "二院"},
        {"op": "add", "path": "/alias", "value": ["一院"]},
        {"op": "remove", "path": "/active"},
    )
    assert (found.status_code, found.headers["ETag"]) == (200, 'W/"2"'), found.text
    said = found.json()
    assert {key: value for key, value in said.items() if key != "meta"} == {
        "resourceType": "Organization", "id": made["id"], "name": "二院", "alias": ["一院"]
    }  # fmt: skip
    assert (await as_huiji("GET", f"/fhir/{where}")).json() == said
    assert (await as_huiji("GET", f"/fhir/{where}/_history/1")).json() == made
    assert [(one["resource"], one["version"]) for one in await acts(hub, "update")] == [(where, 2)]
    assert (await by_json(as_huiji, where)).headers["ETag"] == 'W/"2"', "what changes nothing is no version"


async def test_a_fhirpath_patch_makes_a_version_more(as_huiji: Client) -> None:
    made = await add(as_huiji, organization("一院", telecom=[{"system": "phone", "value": "1"}]))
    found = await by_path(
        as_huiji,
        f"Organization/{made['id']}",
        operation("replace", "Organization.telecom.where(system = 'phone').value", valueString="2"),
        operation("add", "Organization", name="active", valueBoolean=True),
    )
    assert (found.status_code, found.headers["ETag"]) == (200, 'W/"2"'), found.text
    assert (found.json()["telecom"], found.json()["active"]) == ([{"system": "phone", "value": "2"}], True)


async def test_numbers_that_are_not_patched_keep_their_places(as_huiji: Client) -> None:
    sent = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":67.50,"unit":"kg"}}'
    made = await as_huiji("POST", "/fhir/Observation", content=sent, headers=FHIR)
    where = f"Observation/{made.json()['id']}"
    found = await by_json(as_huiji, where, {"op": "replace", "path": "/valueQuantity/unit", "value": "Kg"})
    assert b'"value":67.50' in found.content
    patch = b'[{"op":"replace","path":"/valueQuantity/value","value":68.000}]'
    changed = await as_huiji("PATCH", f"/fhir/{where}", content=patch, headers=JSON_PATCH)
    assert b'"value":68.000' in changed.content
    assert b'"value":68.000' in (await as_huiji("GET", f"/fhir/{where}")).content


async def test_a_patched_person_is_linked_anew(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    other = {
        "name": "李娜",
        "birth": "1990-03-07",
        "sex": "female",
        "id": "110101199003070070",
        "origin": "410108000000",
    }
    made = await add(as_huiji, patient("huiji", "H1", **other))
    await add(as_yongkang, patient("yongkang", "Y1", **ZHANG))
    assert len(await persons(hub)) == 2
    meant = patient("huiji", "H1", **ZHANG)
    changes = [
        {"op": "replace", "path": f"/{name}", "value": meant[name]}
        for name in ("name", "birthDate", "gender", "identifier")
    ]
    found = await by_json(as_huiji, f"Patient/{made['id']}", *changes)
    assert found.status_code == 200, found.text
    assert len(await persons(hub)) == 1


async def test_the_version_that_is_meant(as_huiji: Client) -> None:
    made = await add(as_huiji, organization("一院"))
    where, change = f"Organization/{made['id']}", {"op": "replace", "path": "/name", "value": "二院"}
    assert (await by_json(as_huiji, where, change, **{"If-Match": 'W/"1"'})).status_code == 200
    assert code(await by_json(as_huiji, where, change, **{"If-Match": 'W/"1"'})) == (412, "version-conflict")
    refused = {"op": "test", "path": "/name", "value": "一院"}
    assert code(await by_json(as_huiji, where, refused, **{"If-Match": 'W/"1"'})) == (412, "version-conflict")
    assert code(await by_json(as_huiji, where, refused)) == (409, "patch-conflict")


async def test_patches_at_once_are_all_done(as_huiji: Client) -> None:
    made = await add(as_huiji, organization("一院", alias=["0"]))
    where = f"Organization/{made['id']}"
    calls = [by_json(as_huiji, where, {"op": "add", "path": "/alias/-", "value": str(at)}) for at in range(1, 11)]
    assert {one.status_code for one in await asyncio.gather(*calls)} == {200}
    found = (await as_huiji("GET", f"/fhir/{where}")).json()
    assert found["meta"]["versionId"] == "11"
    assert sorted(map(int, found["alias"])) == list(range(11))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ([{"op": "replace", "path": "/nothing", "value": 1}], (409, "patch-conflict")),
        ([{"op": "add", "path": "/name", "value": 3}], (422, "invalid-resource")),
        ([{"op": "add", "path": "/nothing", "value": 3}], (422, "invalid-resource")),
        ([{"op": "remove", "path": "/name"}], (422, "invalid-resource")),
        ([{"op": "replace", "path": "/id", "value": "x"}], (422, "bad-patch")),
        ([{"op": "remove", "path": "/id"}], (422, "bad-patch")),
        ([{"op": "replace", "path": "/resourceType", "value": "Location"}], (422, "bad-patch")),
        ([{"op": "replace", "path": "", "value": [1]}], (422, "bad-patch")),
        ([{"op": "add", "path": "/alias", "value": ["计划外"]}], (400, "forbidden-content")),
        ([{"op": "add", "path": "/alias", "value": ["a\x00"]}], (422, "invalid-resource")),
        ([{"op": "add", "path": "/identifier", "value": [{"system": "urn:lianqiao:huiji:record", "value": "O1"}]}],
         (409, "record-number")),
        ([{"op": "add", "path": "/identifier", "value": [{"system": "urn:lianqiao:yongkang:record", "value": "O1"}]}],
         (403, "not-your-domain")),
        ([{"op": "drop", "path": "/name"}], (400, "bad-patch")),
        ({"op": "remove", "path": "/name"}, (400, "bad-patch")),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_changes_nothing(
    as_huiji: Client, hub: Hub, change: Any, said: tuple[int, str]
) -> None:
    made = await add(as_huiji, organization("一院"))
    where = f"/fhir/Organization/{made['id']}"
    found = await as_huiji("PATCH", where, content=orjson.dumps(change), headers=JSON_PATCH)
    assert code(found) == said, found.text
    assert (await as_huiji("GET", where)).json() == made
    assert [one["reason"] for one in await acts(hub, "refuse")] == [said[1]]


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        ("application/xml-patch+xml", b"<diff/>", (415, "unsupported-media-type")),
        ("application/json-patch+json", b"[", (400, "bad-request")),
        ("application/json-patch+json", b'[{"op":"add","op":"remove","path":"/a"}]', (400, "duplicate-key")),
        ("application/json-patch+json", b'{"resourceType":"Patient"}', (400, "bad-patch")),
        ("application/fhir+json", b"[]", (400, "bad-request")),
        ("application/fhir+json", b'{"resourceType":"Organization"}', (400, "bad-patch")),
        ("application/merge-patch+json", b"{}", (415, "unsupported-media-type")),
    ],
)
async def test_what_is_no_patch(as_huiji: Client, content_type: str, body: bytes, said: tuple[int, str]) -> None:
    made = await add(as_huiji, organization("一院"))
    found = await as_huiji(
        "PATCH", f"/fhir/Organization/{made['id']}", content=body, headers={"Content-Type": content_type}
    )
    assert code(found) == said, found.text


async def test_what_is_anothers_looks_like_what_is_not_there(as_huiji: Client, as_yongkang: Client) -> None:
    made = await add(as_huiji, organization("一院"))
    change = {"op": "test", "path": "/name", "value": "x"}
    answers = [
        await by_json(as_yongkang, f"Organization/{id_}", change) for id_ in (made["id"], str(uuid4()), "no-id-of-ours")
    ]
    answers.append(await by_json(as_huiji, f"Location/{made['id']}", change))
    told = {(one.status_code, one.json()["issue"][0]["diagnostics"]) for one in answers}
    assert len(told) == 1
    assert code(answers[0]) == (404, "not-found")


async def test_what_is_deleted_has_nothing_to_patch(as_huiji: Client) -> None:
    made = await add(as_huiji, organization("一院"))
    await as_huiji("DELETE", f"/fhir/Organization/{made['id']}")
    assert code(await by_json(as_huiji, f"Organization/{made['id']}")) == (410, "deleted")


async def test_no_patches_make_a_resource_larger_than_may_be_sent(as_huiji: Client, hub: Hub) -> None:
    made = await add(as_huiji, organization("一院", alias=["x" * 400_000]))
    found = await by_json(
        as_huiji, f"Organization/{made['id']}", *[{"op": "copy", "from": "/alias/0", "path": "/alias/-"}] * 2
    )
    assert code(found) == (413, "too-large"), found.text


async def test_whoever_is_no_county_patches_nothing(hub: Hub, http: httpx2.AsyncClient) -> None:
    court = await enrol(hub, "court", [], kind="partner")
    as_court = Client(http, await tokens.issue_token(hub, court.member))
    found = await by_json(as_court, "Organization?name=x")
    assert code(found) == (404, "not-found")
    assert code(await as_court("PUT", "/fhir/Organization?name=x", json=organization("x"))) == (404, "not-found")
