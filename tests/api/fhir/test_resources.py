"""A member's own resources over HTTP: created, read, changed and deleted, and never another member's."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import text

from hub.runtime import Hub
from tests.api.fhir.conftest import Client
from tests.hubs import Clock, acts
from tests.people import named_persons, patient, persons

ZHANG = {"name": "张伟", "birth": "1988-05-12", "sex": "male", "id": "410108198805120016", "origin": "410108000000"}
WEIGHT = (
    b'{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},'
    b'"subject":{"reference":"Patient/%b"},"valueQuantity":{"value":67.50,"unit":"kg"}}'
)
FHIR = {"Content-Type": "application/fhir+json"}


def _code(found: httpx2.Response) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


async def _add(as_member: Client, resource: dict[str, Any]) -> dict[str, Any]:
    made = await as_member("POST", f"/fhir/{resource['resourceType']}", json=resource)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


async def test_what_is_created_is_read_back_as_it_was_sent(as_huiji: Client, hub: Hub) -> None:
    sent = patient("huiji", "H1", **ZHANG)
    made = await as_huiji("POST", "/fhir/Patient", json=sent)
    assert (made.status_code, made.headers["ETag"]) == (201, 'W/"1"')
    where = f"/fhir/Patient/{made.json()['id']}"
    assert made.headers["Location"].endswith(f"{where}/_history/1")
    found = await as_huiji("GET", where)
    assert found.json() == made.json()
    assert {name: value for name, value in found.json().items() if name not in ("id", "meta")} == sent
    assert await persons(hub) == {frozenset({"urn:lianqiao:huiji:record|H1"})}


async def test_a_decimal_keeps_its_places(as_huiji: Client) -> None:
    who = (await _add(as_huiji, patient("huiji", "H1", **ZHANG)))["id"]
    made = await as_huiji("POST", "/fhir/Observation", content=WEIGHT % who.encode(), headers=FHIR)
    assert made.status_code == 201
    found = await as_huiji("GET", f"/fhir/Observation/{made.json()['id']}")
    assert b'"value":67.50' in found.content
    old = await as_huiji("GET", f"/fhir/Observation/{made.json()['id']}/_history/1")
    assert old.content == found.content


async def test_versions_follow_each_other_and_stay(as_huiji: Client, clock: Clock) -> None:
    first = await _add(as_huiji, patient("huiji", "H1", **ZHANG))
    where = f"/fhir/Patient/{first['id']}"
    clock.advance(minutes=1)
    renamed = patient("huiji", "H1", **(ZHANG | {"name": "张大伟"})) | {"id": first["id"]}
    second = await as_huiji("PUT", where, json=renamed, headers={"If-Match": 'W/"1"'})
    assert (second.status_code, second.headers["ETag"]) == (200, 'W/"2"')
    assert _code(await as_huiji("PUT", where, json=renamed, headers={"If-Match": 'W/"1"'})) == (412, "version-conflict")
    again = await as_huiji("PUT", where, json=renamed)
    assert (again.status_code, again.headers["ETag"]) == (200, 'W/"2"')
    assert (await as_huiji("GET", f"{where}/_history/1")).json() == first
    clock.advance(minutes=1)
    gone = await as_huiji("DELETE", where)
    assert (gone.status_code, gone.headers["ETag"]) == (204, 'W/"3"')
    assert (await as_huiji("DELETE", where)).headers["ETag"] == 'W/"3"'
    assert _code(await as_huiji("GET", where)) == (410, "deleted")
    told = (await as_huiji("GET", f"{where}/_history")).json()
    assert told["total"] == 3
    assert [entry["request"]["method"] for entry in told["entry"]] == ["DELETE", "PUT", "POST"]
    assert [entry.get("resource", {}).get("meta", {}).get("versionId") for entry in told["entry"]] == [None, "2", "1"]
    clock.advance(minutes=1)
    back = await as_huiji("PUT", where, json=renamed)
    assert (back.status_code, back.headers["ETag"]) == (200, 'W/"4"')


async def test_a_history_is_read_in_pages(as_huiji: Client, clock: Clock) -> None:
    made = await _add(as_huiji, patient("huiji", "H1", **ZHANG))
    for at in range(4):
        clock.advance(minutes=1)
        changed = patient("huiji", "H1", **(ZHANG | {"phone": f"1380000000{at}"})) | {"id": made["id"]}
        assert (await as_huiji("PUT", f"/fhir/Patient/{made['id']}", json=changed)).status_code == 200
    seen, where = [], f"/fhir/Patient/{made['id']}/_history?_count=2"
    while where:
        page = (await as_huiji("GET", where)).json()
        seen += [entry["resource"]["meta"]["versionId"] for entry in page["entry"]]
        where = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
    assert seen == ["5", "4", "3", "2", "1"]


async def test_a_deleted_record_counts_for_nobody(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    made = await _add(as_huiji, patient("huiji", "H1", **ZHANG))
    await _add(as_yongkang, patient("yongkang", "Y1", **ZHANG))
    assert len(await persons(hub)) == 1
    await as_huiji("DELETE", f"/fhir/Patient/{made['id']}")
    assert await persons(hub) == {frozenset({"urn:lianqiao:yongkang:record|Y1"})}
    again = patient("huiji", "H1", **ZHANG) | {"id": made["id"]}
    assert (await as_huiji("PUT", f"/fhir/Patient/{made['id']}", json=again)).status_code == 200
    assert len(await persons(hub)) == 1
    assert len(next(iter((await named_persons(hub)).values()))) == 2


async def test_a_number_names_one_record_and_keeps_it(as_huiji: Client) -> None:
    made = await _add(as_huiji, patient("huiji", "H1", **ZHANG))
    assert _code(await as_huiji("POST", "/fhir/Patient", json=patient("huiji", "H1", **ZHANG))) == (
        409,
        "duplicate-record",
    )
    await as_huiji("DELETE", f"/fhir/Patient/{made['id']}")
    again = await as_huiji("POST", "/fhir/Patient", json=patient("huiji", "H1", **ZHANG))
    assert f"Patient/{made['id']}" in again.json()["issue"][0]["diagnostics"]
    back = patient("huiji", "H1", **ZHANG) | {"id": made["id"]}
    assert (await as_huiji("PUT", f"/fhir/Patient/{made['id']}", json=back)).status_code == 200
    other = patient("huiji", "H2", **ZHANG) | {"id": made["id"]}
    assert _code(await as_huiji("PUT", f"/fhir/Patient/{made['id']}", json=other)) == (409, "record-number")
    foreign = patient("yongkang", "Y1", **ZHANG)
    assert _code(await as_huiji("POST", "/fhir/Patient", json=foreign)) == (403, "not-your-domain")


async def test_of_a_type_that_has_one_identifier_only_it_names_the_record(as_huiji: Client) -> None:
    answers = {"resourceType": "QuestionnaireResponse", "status": "completed"}
    own = answers | {"identifier": {"system": "urn:lianqiao:huiji:record", "value": "Q1"}}
    made = await _add(as_huiji, own)
    assert _code(await as_huiji("POST", "/fhir/QuestionnaireResponse", json=own)) == (409, "duplicate-record")
    condition = {"If-None-Exist": "identifier=urn:lianqiao:huiji:record|Q1"}
    again = await as_huiji("POST", "/fhir/QuestionnaireResponse", json=own, headers=condition)
    assert (again.status_code, again.json()) == (200, made)
    foreign = answers | {"identifier": {"system": "urn:lianqiao:yongkang:record", "value": "Q1"}}
    assert _code(await as_huiji("POST", "/fhir/QuestionnaireResponse", json=foreign)) == (403, "not-your-domain")


async def test_a_record_without_a_number_is_a_record(as_huiji: Client, hub: Hub) -> None:
    sent = {"resourceType": "Patient", "name": [{"text": "李娜"}], "birthDate": "1990-01-02", "gender": "female"}
    one, other = await _add(as_huiji, sent), await _add(as_huiji, sent)
    assert one["id"] != other["id"]
    changed = {**sent, "id": one["id"], "birthDate": "1990-01-03"}
    assert (await as_huiji("PUT", f"/fhir/Patient/{one['id']}", json=changed)).status_code == 200
    async with hub.database.read() as connection:
        noted = await connection.execute(text("SELECT count(*) FROM source_record WHERE live"))
        assert noted.scalar_one() == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_what_is_anothers_looks_like_what_is_not_there(
    as_huiji: Client, as_yongkang: Client, method: str
) -> None:
    seen = await _add(as_huiji, {"resourceType": "Organization", "name": "惠济区妇幼保健院"})
    answers = []
    for id_ in (seen["id"], str(uuid4()), "no-id-of-ours"):
        body = {**seen, "id": id_} if method == "PUT" else None
        answers.append(await as_yongkang(method, f"/fhir/Organization/{id_}", json=body))
    told = [(found.status_code, found.json()["issue"][0]["diagnostics"]) for found in answers]
    assert set(told) == {(404, told[0][1])}
    assert (await as_yongkang("GET", f"/fhir/Organization/{seen['id']}/_history")).status_code == 404
    assert (await as_yongkang("GET", f"/fhir/Organization/{seen['id']}/_history/1")).status_code == 404


async def test_whoever_reads_of_a_person_is_in_her_ledger(as_huiji: Client, hub: Hub) -> None:
    who = (await _add(as_huiji, patient("huiji", "H1", **ZHANG)))["id"]
    made = await as_huiji("POST", "/fhir/Observation", content=WEIGHT % who.encode(), headers=FHIR)
    before = len(await acts(hub, "look-up"))
    await as_huiji("GET", f"/fhir/Observation/{made.json()['id']}")
    assert len(await acts(hub, "look-up")) == before + 1
    async with hub.database.read() as connection:
        noted = (await connection.execute(text("SELECT act, outcome, person_id FROM access_event"))).all()
    assert [(row.act, row.outcome) for row in noted] == [("read", "permit")]
    assert noted[0].person_id is not None


async def test_also_who_reads_what_names_her_elsewhere(as_huiji: Client, hub: Hub) -> None:
    who = (await _add(as_huiji, patient("huiji", "H1", **ZHANG)))["id"]
    target = [{"reference": f"http://hub.test/fhir/Patient/{who}"}]
    made = await _add(
        as_huiji,
        {
            "resourceType": "Provenance",
            "target": target,
            "recorded": "2026-03-01T08:00:00+08:00",
            "agent": [{"who": {"display": "惠济区妇幼保健院"}}],
        },
    )
    await as_huiji("GET", f"/fhir/Provenance/{made['id']}")
    async with hub.database.read() as connection:
        noted = (await connection.execute(text("SELECT act, person_id FROM access_event"))).all()
    assert [(row.act, row.person_id is not None) for row in noted] == [("read", True)]


async def test_each_act_is_in_the_log(as_huiji: Client, hub: Hub) -> None:
    made = await _add(as_huiji, {"resourceType": "Organization", "name": "惠济区妇幼保健院"})
    await as_huiji("DELETE", f"/fhir/Organization/{made['id']}")
    where = f"Organization/{made['id']}"
    assert [(one["resource"], one["version"]) for one in await acts(hub, "create")] == [(where, 1)]
    assert [(one["resource"], one["version"]) for one in await acts(hub, "delete")] == [(where, 2)]
    await as_huiji("DELETE", f"/fhir/Organization/{uuid4()}")
    await as_huiji("POST", "/fhir/Organization", json={"resourceType": "Organization", "name": 3})
    assert [one["reason"] for one in await acts(hub, "refuse")] == ["not-found", "invalid-resource"]


async def test_writes_at_the_same_time_hinder_nothing_else(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    """Of forty at once by two members some are refused, and each is answered for itself."""
    made = await _add(as_huiji, {"resourceType": "Organization", "name": "惠济区妇幼保健院"})
    where = f"/fhir/Organization/{made['id']}"

    def body(at: int) -> dict[str, Any]:
        return {"resourceType": "Organization", "id": made["id"], "name": f"惠济区第{at}医院"}

    calls = [
        *(as_huiji("PUT", where, json=body(at)) for at in range(10)),
        *(as_yongkang("PUT", where, json=body(at)) for at in range(10)),
        *(as_huiji("POST", "/fhir/Patient", json=patient("huiji", f"H{at % 5}", **ZHANG)) for at in range(10)),
        *(as_yongkang("POST", "/fhir/Patient", json=patient("yongkang", f"Y{at}", **ZHANG)) for at in range(10)),
    ]
    statuses = [found.status_code for found in await asyncio.gather(*calls)]
    assert statuses[:10] == [200] * 10
    assert statuses[10:20] == [404] * 10
    assert sorted(statuses[20:30]) == [201] * 5 + [409] * 5
    assert statuses[30:] == [201] * 10
    assert (await as_huiji("GET", where)).headers["ETag"] == 'W/"11"'
    assert sum(map(len, (await named_persons(hub)).values())) == 15


async def test_what_is_there_is_not_created_again(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    sent = {
        "resourceType": "Organization",
        "identifier": [{"system": "urn:x", "value": "1"}],
        "name": "惠济区妇幼保健院",
    }
    unless = {"If-None-Exist": "identifier=urn:x|1"}
    calls = [as_huiji("POST", "/fhir/Organization", json=sent, headers=unless) for _ in range(8)]
    answers = await asyncio.gather(*calls)
    assert sorted(found.status_code for found in answers) == [200] * 7 + [201]
    assert len({found.json()["id"] for found in answers}) == 1
    other = await as_yongkang("POST", "/fhir/Organization", json=sent, headers=unless)
    assert other.status_code == 201
    assert len(await acts(hub, "create")) == 2
    await _add(as_huiji, sent)
    several = await as_huiji("POST", "/fhir/Organization", json=sent, headers=unless)
    assert _code(several) == (412, "not-unique")
    wrong = await as_huiji("POST", "/fhir/Organization", json=sent, headers={"If-None-Exist": "nothing=x"})
    assert _code(wrong) == (400, "unknown-parameter")


async def test_as_much_comes_back_as_is_wanted(as_huiji: Client) -> None:
    sent = {"resourceType": "Organization", "name": "惠济区妇幼保健院"}
    least = await as_huiji("POST", "/fhir/Organization", json=sent, headers={"Prefer": "return=minimal"})
    assert (least.status_code, least.content) == (201, b"")
    told = await as_huiji("POST", "/fhir/Organization", json=sent, headers={"Prefer": "return=OperationOutcome"})
    assert told.json()["resourceType"] == "OperationOutcome"


async def test_eight_at_once_leave_one_record(as_huiji: Client, hub: Hub) -> None:
    sent = patient("huiji", "H1", **ZHANG)
    answers = await asyncio.gather(*(as_huiji("POST", "/fhir/Patient", json=sent) for _ in range(8)))
    assert sorted(found.status_code for found in answers) == [201] + [409] * 7
    assert len(await persons(hub)) == 1


@pytest.mark.parametrize(
    ("type_", "body", "said"),
    [
        ("Observation", {"resourceType": "Observation", "status": "final"}, (400, "invalid-resource")),
        ("Observation", {"resourceType": "Patient"}, (400, "bad-request")),
        ("Spaceship", {"resourceType": "Spaceship"}, (404, "not-found")),
        ("Parameters", {"resourceType": "Parameters"}, (404, "not-found")),
        ("Organization", {"resourceType": "Organization", "name": "社会抚养费征收办"}, (400, "forbidden-content")),
        (
            "Procedure",
            {
                "resourceType": "Procedure",
                "status": "completed",
                "subject": {"display": "x"},
                "code": {"coding": [{"system": "urn:lianqiao:cs:contraception-method", "code": "3"}]},
            },
            (400, "must-be-sealed"),
        ),
    ],
)
async def test_what_is_refused(
    as_huiji: Client, hub: Hub, type_: str, body: dict[str, Any], said: tuple[int, str]
) -> None:
    assert _code(await as_huiji("POST", f"/fhir/{type_}", json=body)) == said
    async with hub.database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM resource"))).scalar_one() == 0


@pytest.mark.parametrize("header", ["3", 'W/"x"', '"1', "W/1"])
async def test_if_match_is_a_version(as_huiji: Client, header: str) -> None:
    made = await _add(as_huiji, {"resourceType": "Organization", "name": "惠济区妇幼保健院"})
    found = await as_huiji("DELETE", f"/fhir/Organization/{made['id']}", headers={"If-Match": header})
    assert found.status_code in (204, 400, 412)
    assert (found.status_code == 400) == ("x" in header)
