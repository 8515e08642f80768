"""Conditional create, update, patch and delete by any search parameters: one resource is meant, whoever else writes."""

import asyncio
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import text

from hub.api import fhir
from hub.fhir import search
from hub.runtime import Hub, open_hub
from hub.services import tokens
from hub.services.exchange import indexing
from hub.settings import Settings
from hub.storage import search_index
from hub.storage.search_index import Told
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_bundles import bundle, entry
from tests.hubs import Clock, Enrolled, acts, serve
from tests.people import arrive, patient, persons

ZHANG = {"name": "张伟", "birth": "1988-05-12", "sex": "male", "id": "410108198805120016", "origin": "410108000000"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}


def unless(condition: str) -> dict[str, str]:
    return {"If-None-Exist": quote(condition, safe="=&:|.")}


def organization(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Organization", "name": name, **more}


def code(found: httpx2.Response) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


async def add(as_member: Client, resource: dict[str, Any]) -> dict[str, Any]:
    made = await as_member("POST", f"/fhir/{resource['resourceType']}", json=resource)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


async def total(as_member: Client, query: str) -> int:
    found = await as_member("GET", f"/fhir/{query}", purpose=None)
    return int(found.json()["total"])


async def test_what_meets_any_condition_is_not_created_again(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    condition = unless("name:exact=惠济区妇幼保健院&active=true")
    sent = organization("惠济区妇幼保健院", active=True)
    made = await as_huiji("POST", "/fhir/Organization", json=sent, headers=condition)
    assert made.status_code == 201
    again = await as_huiji("POST", "/fhir/Organization", json=sent | {"alias": ["x"]}, headers=condition)
    assert (again.status_code, again.headers["ETag"], again.json()) == (200, 'W/"1"', made.json())
    other = await as_yongkang("POST", "/fhir/Organization", json=sent, headers=condition)
    assert other.status_code == 201, "another member's are not looked at"
    await add(as_huiji, sent)
    assert code(await as_huiji("POST", "/fhir/Organization", json=sent, headers=condition)) == (412, "not-unique")
    assert len(await acts(hub, "create")) == 3


async def test_a_condition_may_be_written_as_it_is(as_huiji: Client) -> None:
    await add(as_huiji, organization("一院"))
    said = {b"If-None-Exist": "name:exact=一院".encode()}
    found = await as_huiji("POST", "/fhir/Organization", json=organization("一院"), headers=said)
    assert found.status_code == 200
    wrong = {b"If-None-Exist": b"name:exact=\xff"}
    assert code(await as_huiji("POST", "/fhir/Organization", json=organization("x"), headers=wrong)) == (
        400,
        "bad-request",
    )


async def test_a_condition_may_stand_in_the_address_of_a_create(as_huiji: Client) -> None:
    where = "/fhir/Organization?name:exact=一院"
    answers = [await as_huiji("POST", f"{where}&_format=json", json=organization("一院")) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 200]
    plain = await as_huiji("POST", "/fhir/Organization?_format=json&_pretty=true", json=organization("一院"))
    assert plain.status_code == 201
    both = await as_huiji("POST", where, json=organization("一院"), headers=unless("name=x"))
    assert code(both) == (400, "bad-request")


async def test_a_conditional_update_creates_changes_or_refuses(as_huiji: Client) -> None:
    where = "/fhir/Organization?name:exact=一院"
    made = await as_huiji("PUT", where, json=organization("一院"))
    assert (made.status_code, made.headers["ETag"]) == (201, 'W/"1"')
    changed = await as_huiji("PUT", where, json=organization("一院", active=True))
    assert (changed.status_code, changed.json()["id"], changed.headers["ETag"]) == (200, made.json()["id"], 'W/"2"')
    same = organization("一院", active=True, id=made.json()["id"])
    assert (await as_huiji("PUT", where, json=same)).headers["ETag"] == 'W/"2"'
    stale = await as_huiji("PUT", where, json=organization("一院"), headers={"If-Match": 'W/"1"'})
    assert code(stale) == (412, "version-conflict")
    assert code(await as_huiji("PUT", where, json=same | {"id": "other"})) == (400, "bad-request")
    nothing = "/fhir/Organization?name:exact=二院"
    assert code(await as_huiji("PUT", nothing, json=organization("二院", id="x"))) == (400, "bad-request")
    absent = await as_huiji("PUT", nothing, json=organization("二院"), headers={"If-Match": 'W/"1"'})
    assert code(absent) == (412, "version-conflict")
    await add(as_huiji, organization("一院"))
    assert code(await as_huiji("PUT", where, json=organization("一院"))) == (412, "not-unique")
    assert await total(as_huiji, "Organization?_total=accurate") == 2


async def test_a_conditional_delete_is_of_one(as_huiji: Client, hub: Hub) -> None:
    made = await add(as_huiji, organization("一院"))
    where = "/fhir/Organization?name:exact=一院"
    stale = await as_huiji("DELETE", where, headers={"If-Match": 'W/"2"'})
    assert code(stale) == (412, "version-conflict")
    gone = await as_huiji("DELETE", where)
    assert (gone.status_code, gone.headers["ETag"]) == (204, 'W/"2"')
    assert code(await as_huiji("GET", f"/fhir/Organization/{made['id']}")) == (410, "deleted")
    again = await as_huiji("DELETE", where)
    assert (again.status_code, again.headers.get("ETag")) == (204, None)
    for _ in range(2):
        await add(as_huiji, organization("一院"))
    assert code(await as_huiji("DELETE", where)) == (412, "not-unique")
    assert [one["version"] for one in await acts(hub, "delete")] == [2]


async def test_a_conditional_patch_is_of_one(as_huiji: Client) -> None:
    patch = b'[{"op":"add","path":"/active","value":false}]'
    where = "/fhir/Organization?name:exact=一院"
    assert code(await as_huiji("PATCH", where, content=patch, headers=JSON_PATCH)) == (404, "not-found")
    made = await add(as_huiji, organization("一院"))
    found = await as_huiji("PATCH", where, content=patch, headers=JSON_PATCH)
    assert (found.status_code, found.json()["id"], found.json()["active"]) == (200, made["id"], False)
    await add(as_huiji, organization("一院"))
    assert code(await as_huiji("PATCH", where, content=patch, headers=JSON_PATCH)) == (412, "not-unique")


async def test_conditions_lead_through_other_resources(as_huiji: Client) -> None:
    who = await add(as_huiji, patient("huiji", "H1", **ZHANG))
    subject = {"reference": f"Patient/{who['id']}"}
    what = {"coding": [{"system": "urn:x", "code": "1"}]}
    sent = {"resourceType": "Observation", "status": "final", "subject": subject, "code": what}
    condition = unless("subject:Patient.identifier=urn:lianqiao:huiji:record|H1&code=urn:x|1")
    answers = [await as_huiji("POST", "/fhir/Observation", json=sent, headers=condition) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 200]


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("condition", ["name:exact=一院", "identifier=urn:x|1", "_lastUpdated=gt2020"])
async def test_of_many_at_once_one_creates(as_huiji: Client, hub: Hub, method: str, condition: str) -> None:
    sent = organization("一院", identifier=[{"system": "urn:x", "value": "1"}])
    where = "/fhir/Organization" + (f"?{condition}" if method == "PUT" else "")
    headers = unless(condition) if method == "POST" else {}
    answers = await asyncio.gather(*(as_huiji(method, where, json=sent, headers=headers) for _ in range(12)))
    assert sorted(one.status_code for one in answers) == [200] * 11 + [201]
    assert len({one.json()["id"] for one in answers}) == 1
    assert len(await acts(hub, "create")) == 1


async def test_conditions_that_another_request_makes_true_are_met(as_huiji: Client) -> None:
    """Two conditions, of which what either makes meets both, and a plain create in between: whoever comes second finds."""
    sent = organization("一院", active=True)
    answers = await asyncio.gather(
        *(as_huiji("POST", "/fhir/Organization", json=sent, headers=unless(said))
          for said in ("name:exact=一院", "active=true", "name=一院&active=true"))
    )  # fmt: skip
    assert sorted(one.status_code for one in answers) == [200, 200, 201]


async def test_what_a_document_has_just_brought_is_not_missed(as_huiji: Client, hub: Hub, huiji: Enrolled) -> None:
    """Searches find it a moment later; a condition that misses it would make a second one."""
    sent = patient("huiji", "H1", **ZHANG)
    await arrive(hub, huiji.member, [sent])
    assert await total(as_huiji, "Patient?birthdate=1988-05-12") == 0
    found = await as_huiji("POST", "/fhir/Patient", json=sent, headers=unless("birthdate=1988-05-12&gender=male"))
    assert found.status_code == 200, found.text
    assert len(await persons(hub)) == 1
    while await indexing.catch_up(hub):
        pass
    assert await total(as_huiji, "Patient?birthdate=1988-05-12") == 1


async def test_nor_what_the_workers_tell_the_index_just_now(
    as_huiji: Client, hub: Hub, huiji: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They tell between the two questions, of what is still to be told and of what the index has."""
    await arrive(hub, huiji.member, [patient("huiji", "H1", **ZHANG)])
    pending, few = search_index.pending, search_index.few
    told: list[int] = []

    async def and_then(found: Any) -> Any:
        if not told:
            told.append(await indexing.catch_up(hub))
        return found

    async def pending_before(*given: Any) -> Any:
        return await and_then(await pending(*given))

    async def few_before(*given: Any) -> Any:
        return await and_then(await few(*given))

    monkeypatch.setattr(search_index, "pending", pending_before)
    monkeypatch.setattr(search_index, "few", few_before)
    condition = unless("birthdate=1988-05-12")
    found = await as_huiji("POST", "/fhir/Patient", json=patient("huiji", "H2", **ZHANG), headers=condition)
    assert (found.status_code, told) == (200, [1]), found.text


async def test_of_many_at_once_in_several_processes_one_creates(
    as_huiji: Client, hub: Hub, huiji: Enrolled, hub_settings: Settings, clock: Clock
) -> None:
    """Two hubs on one database know of each other by its locks only."""
    sent = organization("一院", active=True)
    async with open_hub(hub_settings, now=clock) as other, serve(other, fhir.router) as http:
        there = Client(http, await tokens.issue_token(other, huiji.member))
        calls = [
            caller(
                "POST",
                "/fhir/Organization",
                json=sent,
                headers=unless(f"name:exact=一院&active=true&_lastUpdated=gt{year}"),
            )
            for year in range(2000, 2006)
            for caller in (as_huiji, there)
        ]
        entries = [
            caller("POST", "/fhir", json=bundle(entry("PUT", "Organization?name:exact=一院", sent)))
            for caller in (as_huiji, there, as_huiji, there)
        ]
        answers = await asyncio.gather(*calls, *entries)
    assert {one.status_code for one in answers} <= {200, 201}
    assert await total(as_huiji, "Organization") == 1
    assert len(await acts(hub, "create")) == 1


async def test_while_too_much_is_still_to_be_read_nothing_is_guessed(
    as_huiji: Client, hub: Hub, huiji: Enrolled
) -> None:
    async with hub.database.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO search_pending (member_id, type, resource_id) "
                "SELECT :member, 'Organization', gen_random_uuid() FROM generate_series(1, 1001)"
            ),
            {"member": huiji.member.id},
        )
    condition = unless("name=一院")
    busy = await as_huiji("POST", "/fhir/Organization", json=organization("一院"), headers=condition)
    assert code(busy) == (503, "too-many")
    assert busy.headers["Retry-After"] == "5"
    location = await as_huiji(
        "POST", "/fhir/Location", json={"resourceType": "Location", "name": "一院"}, headers=condition
    )
    assert location.status_code == 201, "it is about other resources"
    async with hub.database.begin() as connection:
        assert len(await search_index.pending(connection, huiji.member.id, "Organization", 2000)) == 1001
    # Nor of others at the same time, nor of the other entries of a batch, which may be written.
    calls = [("Location", {"name": name}) for name in "二三"]
    calls.insert(1, ("Organization", {"name": "二院"}))
    together = await asyncio.gather(
        *(
            as_huiji("POST", f"/fhir/{type_}?name={named['name']}", json={"resourceType": type_, **named})
            for type_, named in calls
        )
    )
    assert [one.status_code for one in together] == [201, 503, 201]
    entries = [
        {
            "request": {"method": "POST", "url": type_, "ifNoneExist": "name=四"},
            "resource": {"resourceType": type_, "name": "四"},
        }
        for type_ in ("Location", "Organization")
    ]
    batch = await as_huiji("POST", "/fhir", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert batch.status_code == 200, batch.text
    said = [one["response"] for one in batch.json()["entry"]]
    assert [one["status"] for one in said] == ["201", "503"]
    assert said[1]["outcome"]["issue"][0]["details"]["coding"][0]["code"] == "too-many"


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("nothing=1", "unknown-parameter"),
        ("_sort=name", "bad-request"),
        ("name=x&_sort=name", "not-supported"),
        ("name=x&_include=Organization:endpoint", "not-supported"),
        ("name=x&_count=1", "not-supported"),
        ("_format=json", "bad-request"),
        ("name=%FF", "bad-request"),
        ("name=%00", "invalid-content"),
        ("active=a|b|c|d", "bad-request"),
        ("_text=x", "not-supported"),
    ],
)
async def test_what_is_no_condition(as_huiji: Client, hub: Hub, condition: str, said: str) -> None:
    for method in ("PUT", "DELETE"):
        body = organization("x") if method == "PUT" else None
        found = await as_huiji(method, f"/fhir/Organization?{condition}", json=body)
        assert code(found) == (400, said), found.text
    unmet = {"If-None-Exist": condition}
    assert code(await as_huiji("POST", "/fhir/Organization", json=organization("x"), headers=unmet)) == (400, said)
    assert [one["reason"] for one in await acts(hub, "refuse")] == [said] * 3


async def test_a_change_without_id_and_condition_is_refused(as_huiji: Client) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        found = await as_huiji(method, "/fhir/Organization", json={"resourceType": "Parameters"})
        assert code(found) == (400, "not-supported")


async def test_what_a_condition_finds_of_a_person_is_in_her_ledger(as_huiji: Client, hub: Hub) -> None:
    sent = patient("huiji", "H1", **ZHANG)
    await add(as_huiji, sent)
    before = len(await acts(hub, "look-up"))
    await as_huiji("POST", "/fhir/Patient", json=sent, headers=unless("birthdate=1988-05-12"))
    assert len(await acts(hub, "look-up")) == before + 2, "what was found, and what was shown"
    await as_huiji("DELETE", "/fhir/Patient?birthdate=1900-01-01")
    assert len(await acts(hub, "look-up")) == before + 3
    async with hub.database.read() as connection:
        noted = (await connection.execute(text("SELECT act, person_id FROM access_event ORDER BY id"))).all()
    assert [(row.act, row.person_id is not None) for row in noted] == [("search", True), ("read", True)]


async def test_a_patient_is_put_by_other_conditions_than_one_identifier(as_huiji: Client, hub: Hub) -> None:
    sent = patient("huiji", "H1", **ZHANG)
    where = "/fhir/Patient?birthdate=1988-05-12&gender=male"
    answers = [await as_huiji("PUT", where, json=one) for one in (sent, sent | {"active": True})]
    assert [(one.status_code, one.headers["ETag"]) for one in answers] == [(201, 'W/"1"'), (200, 'W/"2"')]
    assert await persons(hub) == {frozenset({"urn:lianqiao:huiji:record|H1"})}


@pytest.mark.parametrize("more", ["&gender=male", "&_format=json", "&identifier=urn:t|2", r"&identifier=urn:odd|a\|b"])
@pytest.mark.parametrize("by", ["create", "batch", "transaction"])
async def test_an_identifier_may_be_one_condition_of_several(as_huiji: Client, more: str, by: str) -> None:
    identifiers = [
        {"system": "urn:s", "value": "1"},
        {"system": "urn:t", "value": "2"},
        {"system": "urn:odd", "value": "a|b"},
    ]
    sent = {"resourceType": "Patient", "identifier": identifiers, "gender": "male"}
    condition = unless(f"identifier=urn:s|1{more}")["If-None-Exist"]
    found = []
    for _ in range(2):
        if by == "create":
            found.append(
                (await as_huiji("POST", "/fhir/Patient", json=sent, headers={"If-None-Exist": condition})).status_code
            )
        else:
            asked = bundle(entry("POST", "Patient", sent, ifNoneExist=condition), type_=by)
            (one,) = (await as_huiji("POST", "/fhir", json=asked)).json()["entry"]
            found.append(int(one["response"]["status"][:3]))
    assert found == [201, 200]


async def test_what_a_condition_does_not_know_is_refused_behind_an_identifier_too(as_huiji: Client) -> None:
    sent = {"resourceType": "Patient", "gender": "male"}
    found = await as_huiji("POST", "/fhir/Patient", json=sent, headers=unless("identifier=urn:s|1&colour=red"))
    assert found.status_code == 400
    assert await total(as_huiji, "Patient?gender=male") == 0


async def test_people_who_are_still_told_anew_are_found_and_hold_nothing_up(as_huiji: Client, hub: Hub) -> None:
    sent = {"resourceType": "Patient", "name": [{"family": "王"}], "birthDate": "1987-03-14"}
    made = await add(as_huiji, sent)
    id_, before = UUID(made["id"]), frozenset(one for one in search.tokens(sent) if "^" not in one)
    async with hub.database.begin() as connection:
        (member_id,) = (await connection.execute(text("SELECT member_id FROM resource_search"))).one()
        at = hub.now()
        tokens = hub.vault.searched(member_id, before)
        await search_index.put(connection, member_id, [Told(id_, "Patient", at, tokens)])
        await connection.execute(
            text("""
                INSERT INTO search_pending (member_id, type, resource_id, again)
                SELECT :member, 'Patient', gen_random_uuid(), true FROM generate_series(1, 1001)"""),
            {"member": member_id},
        )
    found = await as_huiji("POST", "/fhir/Patient", json=sent, headers=unless("family=王&birthdate=1987-03-14"))
    assert (found.status_code, found.json()["id"]) == (200, made["id"])
