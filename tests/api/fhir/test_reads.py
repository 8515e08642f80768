"""What of a resource is read: parts of it, nothing of what the caller has, and the same for HEAD."""

import pytest

from hub.runtime import Hub
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_conditions import ZHANG, add, code, organization
from tests.hubs import Clock, acts
from tests.people import patient


async def test_what_the_caller_has_is_not_sent_again(as_huiji: Client, hub: Hub, clock: Clock) -> None:
    made = await add(as_huiji, organization("一院"))
    where = f"/fhir/Organization/{made['id']}"
    first = await as_huiji("GET", where)
    for tag in ('W/"1"', '"1"', 'W/"7", W/"1"', "*"):
        again = await as_huiji("GET", where, headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", 'W/"1"'), tag
    same = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert (await as_huiji("GET", where, headers=same)).status_code == 304
    for later in ({"If-None-Match": 'W/"2"'}, {"If-None-Match": 'W/"2"'} | same,
                  {"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, {"If-Modified-Since": "yesterday"},
                  {"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 +99999999999999999999"}):  # fmt: skip
        assert (await as_huiji("GET", where, headers=later)).status_code == 200, later
    clock.advance(seconds=5)
    await as_huiji("PUT", where, json=made | {"active": True})
    assert (await as_huiji("GET", where, headers=same | {"If-None-Match": 'W/"1"'})).status_code == 200
    assert (await as_huiji("GET", where, headers=same)).status_code == 200
    assert (await as_huiji("GET", f"{where}/_history/1", headers={"If-None-Match": 'W/"1"'})).status_code == 304
    assert len(await acts(hub, "look-up")) == 14, "each is a look-up, whatever is sent"


async def test_a_patient_too(as_huiji: Client) -> None:
    made = await add(as_huiji, patient("huiji", "H1", **ZHANG))
    for purpose in (None, "continuity-of-care"):
        again = await as_huiji(
            "GET", f"/fhir/Patient/{made['id']}", purpose=purpose, headers={"If-None-Match": 'W/"1"'}
        )
        assert again.status_code == 304
        part = await as_huiji("GET", f"/fhir/Patient/{made['id']}?_elements=gender", purpose=purpose)
        assert sorted(part.json()) == ["gender", "id", "meta", "resourceType"]


async def test_as_much_of_it_as_is_wanted(as_huiji: Client) -> None:
    sent = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"note":[{"text":"n"}],"valueQuantity":{"value":1.50}}'
    made = await as_huiji("POST", "/fhir/Observation", content=sent, headers={"Content-Type": "application/fhir+json"})
    where = f"/fhir/Observation/{made.json()['id']}"
    part = (await as_huiji("GET", f"{where}?_elements=value")).json()
    assert sorted(part) == ["code", "id", "meta", "resourceType", "status", "valueQuantity"]
    assert part["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "note" not in (await as_huiji("GET", f"{where}?_summary=true")).json()
    pretty = await as_huiji("GET", f"{where}?_pretty=true&_format=json")
    assert b'\n    "value": 1.50\n' in pretty.content
    assert pretty.json() == (await as_huiji("GET", f"{where}?_summary=false")).json() == made.json()


@pytest.mark.parametrize(
    "wrong", ["_summary=count", "_summary=x", "_elements=nothing", "_summary=true&_elements=status"]
)
async def test_what_cannot_be_wanted_is_refused_whether_it_is_there_or_not(as_huiji: Client, wrong: str) -> None:
    made = await add(as_huiji, organization("一院"))
    for id_ in (made["id"], "00000000-0000-0000-0000-000000000000"):
        assert code(await as_huiji("GET", f"/fhir/Organization/{id_}?{wrong}")) == (400, "bad-request")


async def test_head_says_what_get_would(as_huiji: Client) -> None:
    made = await add(as_huiji, organization("一院"))
    where = f"/fhir/Organization/{made['id']}"
    got, head = await as_huiji("GET", where), await as_huiji("HEAD", where)
    assert (head.status_code, head.headers["ETag"]) == (200, got.headers["ETag"])
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert (await as_huiji("HEAD", "/fhir/Organization/00000000-0000-0000-0000-000000000000")).status_code == 404
