"""Bundles of requests: a transaction leaves everything or nothing behind, a batch answers each entry for itself."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import Table, func, select

from hub.runtime import Hub
from hub.services.exchange import checking, reading
from hub.storage import resources, tables
from tests.api.fhir.conftest import Client
from tests.hubs import Enrolled, acts
from tests.people import patient, persons

ZHANG = {"name": "张伟", "birth": "1988-05-12", "sex": "male", "id": "410108198805120016", "origin": "410108000000"}


def entry(
    method: str, url: str, resource: dict[str, Any] | None = None, full_url: str = "", **more: str
) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **more}}
    if full_url:
        made["fullUrl"] = full_url
    return made | ({"resource": resource} if resource is not None else {})


def bundle(*entries: dict[str, Any], type_: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


def weight(subject: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": subject},
        "valueQuantity": {"value": 67.5, "unit": "kg"},
    }


def visit(number: str) -> dict[str, Any]:
    """A person and two measurements of hers."""
    urn = f"urn:uuid:{uuid4()}"
    return bundle(
        entry("POST", "Observation", weight(urn)),
        entry("POST", "Patient", patient("huiji", number, **ZHANG), urn),
        entry("POST", "Observation", weight(urn)),
    )


def _statuses(found: httpx2.Response) -> list[str]:
    assert found.status_code == 200, found.text
    return [one["response"]["status"] for one in found.json()["entry"]]


def _code(found: httpx2.Response) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


async def _count(hub: Hub, table: Table = tables.resource) -> int:
    async with hub.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_what_refers_to_each_other_is_led_together(as_huiji: Client, hub: Hub) -> None:
    found = await as_huiji("POST", "/fhir", json=visit("H1"))
    assert _statuses(found) == ["201", "201", "201"]
    assert found.json()["type"] == "transaction-response"
    first, who, last = (
        one["response"]["location"].split("/fhir/")[1].split("/_history")[0] for one in found.json()["entry"]
    )
    for where in (first, last):
        assert (await as_huiji("GET", f"/fhir/{where}")).json()["subject"] == {"reference": who}
    assert len(await persons(hub)) == 1


async def test_a_message_sent_again_is_answered_as_before(as_huiji: Client, hub: Hub) -> None:
    sent, header = visit("H1"), {"Message-Id": str(uuid4())}
    answers = await asyncio.gather(*(as_huiji("POST", "/fhir", json=sent, headers=header) for _ in range(4)))
    assert len({found.content for found in answers}) == 1
    assert len({found.headers["Receipt"] for found in answers}) == 1
    assert await _count(hub) == 3
    assert len(await acts(hub, "receive")) == 1
    other = await as_huiji("POST", "/fhir", json=visit("H2"), headers=header)
    assert _code(other) == (409, "digest-conflict")
    assert await _count(hub) == 3


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (entry("POST", "Observation", {"resourceType": "Observation"}), (400, "invalid-resource")),
        (entry("POST", "Observation", weight(f"urn:uuid:{uuid4()}")), (400, "unresolved-reference")),
        (entry("PUT", f"Patient/{uuid4()}", {"resourceType": "Patient"}), (400, "bad-request")),
        (entry("DELETE", f"Patient/{uuid4()}"), (404, "not-found")),
        (entry("DELETE", "Patient?nothing=x"), (400, "unknown-parameter")),
        (entry("POST", "Patient", patient("huiji", "H1", **ZHANG)), (409, "duplicate-record")),
        (entry("POST", "Patient", patient("yongkang", "Y1", **ZHANG)), (403, "not-your-domain")),
        ({"request": {"method": "FETCH", "url": "Patient"}}, (400, "bad-request")),
        ({"request": {"method": {}, "url": "Patient"}}, (400, "bad-request")),
        ({"resource": {}}, (400, "bad-request")),
        (entry("GET", "Patient/1", {"resourceType": "Patient"}), (400, "bad-request")),
    ],
)
async def test_a_transaction_is_whole_or_nothing(
    as_huiji: Client, hub: Hub, broken: dict[str, Any], said: tuple[int, str]
) -> None:
    sent = visit("H1")
    sent["entry"].append(broken)
    found = await as_huiji("POST", "/fhir", json=sent)
    assert _code(found) == said, found.text
    assert (await _count(hub), await _count(hub, tables.submission), len(await persons(hub))) == (0, 0, 0)
    understood = broken.get("request", {}).get("method") in ["POST", "PUT", "DELETE"]
    assert len(await acts(hub, "refuse")) == understood


async def test_the_entry_that_is_wrong_is_named(as_huiji: Client) -> None:
    sent = visit("H1")
    del sent["entry"][2]["resource"]["code"]
    found = await as_huiji("POST", "/fhir", json=sent)
    assert "Bundle.entry[2]: " in found.json()["issue"][0]["diagnostics"]


async def test_a_transaction_changes_and_deletes_too(as_huiji: Client, hub: Hub) -> None:
    made = (await as_huiji("POST", "/fhir/Organization", json={"resourceType": "Organization", "name": "旧"})).json()
    gone = (await as_huiji("POST", "/fhir/Organization", json={"resourceType": "Organization", "name": "废"})).json()
    where = f"Organization/{made['id']}"
    found = await as_huiji(
        "POST",
        "/fhir",
        json=bundle(
            entry("GET", where),
            entry("PUT", where, {**made, "name": "新"}, ifMatch='W/"1"'),
            entry("DELETE", f"Organization/{gone['id']}"),
        ),
    )
    assert _statuses(found) == ["200", "200", "204"]
    assert found.json()["entry"][0]["resource"]["name"] == "新"
    stale = await as_huiji("POST", "/fhir", json=bundle(entry("PUT", where, {**made, "name": "x"}, ifMatch='W/"1"')))
    assert _code(stale) == (412, "version-conflict")


async def test_what_is_there_is_referred_to(as_huiji: Client) -> None:
    who = patient("huiji", "H1", **ZHANG)
    made = (await as_huiji("POST", "/fhir/Patient", json=who)).json()
    urn = f"urn:uuid:{uuid4()}"
    unless = "identifier=urn:lianqiao:huiji:record|H1"
    sent = bundle(entry("POST", "Patient", who, urn, ifNoneExist=unless), entry("POST", "Observation", weight(urn)))
    found = await as_huiji("POST", "/fhir", json=sent)
    assert _statuses(found) == ["200", "201"]
    where = found.json()["entry"][1]["response"]["location"].split("/fhir/")[1].split("/_history")[0]
    assert (await as_huiji("GET", f"/fhir/{where}")).json()["subject"] == {"reference": f"Patient/{made['id']}"}


async def test_what_is_changed_is_referred_to(as_huiji: Client) -> None:
    made = (await as_huiji("POST", "/fhir/Patient", json=patient("huiji", "H1", **ZHANG))).json()
    urn, where = f"urn:uuid:{uuid4()}", f"Patient/{made['id']}"
    sent = bundle(entry("PUT", where, made, urn), entry("POST", "Observation", weight(urn)))
    found = await as_huiji("POST", "/fhir", json=sent)
    assert _statuses(found) == ["200", "201"]
    there = found.json()["entry"][1]["response"]["location"].split("/fhir/")[1].split("/_history")[0]
    assert (await as_huiji("GET", f"/fhir/{there}")).json()["subject"] == {"reference": where}


async def test_no_word_of_a_resource_is_taken_for_a_reference(as_huiji: Client, hub: Hub) -> None:
    sent = bundle(entry("POST", "Organization", {"resourceType": "Organization", "name": "医院"}, "医院"))
    assert _code(await as_huiji("POST", "/fhir", json=sent)) == (400, "bad-request")
    assert await _count(hub) == 0


async def test_of_a_batch_each_is_for_itself(as_huiji: Client, hub: Hub) -> None:
    sent = bundle(
        entry("POST", "Patient", patient("huiji", "H1", **ZHANG)),
        entry("POST", "Observation", {"resourceType": "Observation"}),
        entry("GET", f"Patient/{uuid4()}"),
        entry("POST", "Organization", {"resourceType": "Organization", "name": "惠济区妇幼保健院"}),
        type_="batch",
    )
    found = await as_huiji("POST", "/fhir", json=sent)
    assert _statuses(found) == ["201", "400", "404", "201"]
    told = found.json()["entry"][1]["response"]["outcome"]["issue"][0]
    assert told["details"]["coding"][0]["code"] == "invalid-resource"
    assert await _count(hub) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Bundle", "type": "collection"},
        {"resourceType": "Bundle", "type": "transaction", "entry": {}},
        {"resourceType": "Bundle", "type": "transaction", "entry": [3]},
        {"resourceType": "Patient"},
        bundle(*[entry("POST", "Patient", {"resourceType": "Patient"}, "urn:uuid:1")] * 2),
    ],
)
async def test_what_is_no_bundle_of_requests(as_huiji: Client, body: dict[str, Any]) -> None:
    assert _code(await as_huiji("POST", "/fhir", json=body)) == (400, "bad-request")


async def test_there_is_a_most(as_huiji: Client, hub: Hub) -> None:
    sent = bundle(*[entry("GET", "Patient/1")] * 501)
    assert _code(await as_huiji("POST", "/fhir", json=sent)) == (413, "too-large")


async def test_many_transactions_of_a_member_leave_connections_for_others(
    as_huiji: Client, as_yongkang: Client, hub: Hub, huiji: Enrolled
) -> None:
    """While the member's records are taken by a document, its Bundles wait; others go on."""
    async with hub.database.begin() as connection:
        await resources.lock_member(connection, huiji.member.id)
        waiting = [asyncio.create_task(as_huiji("POST", "/fhir", json=visit(f"H{at}"))) for at in range(12)]
        await asyncio.sleep(0.2)
        other = await as_yongkang("POST", "/fhir/Organization", json={"resourceType": "Organization", "name": "永康"})
        assert other.status_code == 201
        assert not any(one.done() for one in waiting)
    assert [_statuses(found) for found in await asyncio.gather(*waiting)] == [["201"] * 3] * 12


async def test_what_a_bundle_changes_is_not_opened(hub: Hub, as_huiji: Client) -> None:
    """Five hundred long resources would have to be in memory at once."""
    made = await as_huiji(
        "POST", "/fhir", json=bundle(*(entry("POST", "Observation", weight("Patient/x")) for _ in range(2)))
    )
    first, second = (one["response"]["location"].split("/")[-3] for one in made.json()["entry"])
    async with hub.database.begin() as connection:
        await connection.execute(tables.resource_version.update().values(body=b"cannot be opened"))
    changes = bundle(
        entry("PUT", f"Observation/{first}", weight("Patient/y") | {"id": first}),
        entry("DELETE", f"Observation/{second}"),
    )
    assert _statuses(await as_huiji("POST", "/fhir", json=changes)) == ["200", "204"]
    assert (await as_huiji("GET", f"/fhir/Observation/{first}")).json()["subject"]["reference"] == "Patient/y"


async def test_what_the_hub_stumbles_over_takes_no_other_answer_with_it(
    as_huiji: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, looked = checking.read, reading.read

    def stumbling(member: Any, resource: dict[str, Any], *more: Any) -> Any:
        if resource.get("active") is False:
            raise ZeroDivisionError
        return read(member, resource, *more)

    async def blind(*asked: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(checking, "read", stumbling)
    monkeypatch.setattr(reading, "read", blind)
    sent = bundle(
        entry("POST", "Organization", {"resourceType": "Organization", "name": "一院"}),
        entry("POST", "Organization", {"resourceType": "Organization", "name": "二院", "active": False}),
        entry("GET", f"Organization/{uuid4()}"),
        type_="batch",
    )
    found = await as_huiji("POST", "/fhir", json=sent)
    assert [one[:3] for one in _statuses(found)] == ["201", "500", "500"]
    assert looked is not reading.read
    assert (await as_huiji("GET", "/fhir/Organization", purpose=None)).json()["total"] == 1


async def test_a_name_whose_parts_are_said_elsewhere_is_a_name(as_huiji: Client, as_yongkang: Client) -> None:
    missing = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    for number, name in enumerate(({"family": "王"}, {"family": "Wang"}, {"family": "王", "text": "王秀"})):
        sent = patient("huiji", str(number), **ZHANG)
        sent["name"] = [name | {"given": [None, "秀"], "_given": [missing, None]}]
        made = await as_huiji("POST", "/fhir/Patient", json=sent)
        assert made.status_code == 201, made.text
    asked = "/fhir/Patient?family=王&given=秀&birthdate=1988-05-12"
    assert (await as_yongkang("GET", asked)).status_code == 200
